//! A contract whose logs no node gives.

use super::*;

/// One that cannot go on is halted alone, visibly, and blocks nobody.
#[tokio::test]
async fn a_contract_whose_logs_the_node_refuses_holds_up_no_token() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 20);
    world.index().await;
    let source = Bent::new(&world.chain);
    world.read_through(source.clone());
    source.bend(|request, answer| {
        let asks_for_it = request.filters.iter().any(|filter| filter.addresses.contains(&POOL));
        if asks_for_it {
            return Err(ChainError::persistent("read a range", "too many logs in one block"));
        }
        answer
    });
    mine_to(&world, 40);
    for seconds in 0..200 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert!(matches!(world.status().await, ChainStatus::Degraded(_)));
    assert_eq!(world.cursor().await, world.chain.block(34), "the token goes on");
}
