//! Two instances with different views over one store.

use super::*;

#[tokio::test]
async fn an_instance_without_contracts_reports_a_fork_that_it_cannot_take_back() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 1);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    world.index().await;
    let fixture = world.fixture.clone();
    let mut without = indexer(Arc::new(world.chain.clone()), fixture.balances.clone(), None);
    world.chain.fork_at(20);
    mine_to(&world, 40);
    for seconds in [0, 30, 61] {
        let poll = without.poll(now(seconds)).await;
        assert!(matches!(poll, Poll::Retry(IndexerError::Store(_))), "{poll:?}");
    }
    let ChainStatus::Degraded(reason) = world.status().await else { panic!("not reported") };
    assert!(reason.contains("contract"), "{reason}");
    world.index().await;
    index_until_rest(&mut without).await.unwrap();
    assert_as_the_chain(&world, &[&pool]).await;
}

#[tokio::test]
async fn two_instances_in_turn_one_without_contracts_end_as_the_chain() {
    for seed in 0..40_u64 {
        let mut world = world().await;
        let (pool, late) = (contract("pool", POOL, 1), contract("late", token().address, 12));
        let fixture = world.fixture.clone();
        let source = || Arc::new(world.chain.clone());
        let mut without = indexer(source(), fixture.balances.clone(), None);
        let mut with = indexer(source(), fixture.balances.clone(), Some(fixture.logs.clone()));
        mine_to(&world, 20);
        let mut draw = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |bound: u64| {
            draw ^= draw << 13;
            draw ^= draw >> 7;
            draw ^= draw << 17;
            draw % bound
        };
        for step in 0..60 {
            match step {
                9 => follow(&world, &pool).await,
                25 => follow(&world, &late).await,
                _ => {}
            }
            match next(5) {
                0 => drop(without.poll(NOW).await),
                1 => drop(with.poll(NOW).await),
                2 => drop(world.indexer.poll(NOW).await),
                3 => mine_to(&world, world.chain.head().number.get() + 1 + next(9)),
                _ => {
                    let head = world.chain.head().number.get();
                    world.chain.fork_at(head - next(head.min(20)));
                    mine_to(&world, head + 1);
                }
            }
        }
        for _ in 0..3 {
            index_until_rest(&mut with).await.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            index_until_rest(&mut without).await.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        }
        assert_as_the_chain(&world, &[&pool, &late]).await;
    }
}

/// The contract is registered, and brought above the ancestor, after the rewinding instance read.
#[tokio::test]
async fn a_contract_registered_while_another_instance_rewinds_is_not_left_above() {
    let mut world = world().await;
    mine_to(&world, 30);
    world.index().await;
    let pool = contract("pool", POOL, 22);
    let fixture = world.fixture.clone();
    let source = Bent::new(&world.chain);
    let mut rewinding =
        indexer(source.clone(), fixture.balances.clone(), Some(fixture.logs.clone()));
    assert!(matches!(rewinding.poll(NOW).await, Poll::Idle));
    world.chain.fork_at(18);
    mine_to(&world, 40);
    follow(&world, &pool).await;
    let poll = rewinding.poll(NOW).await;
    assert!(matches!(poll, Poll::Rewound(_)), "{poll:?}");
    index_until_rest(&mut rewinding).await.unwrap();
    assert_as_the_chain(&world, &[&pool]).await;
}
