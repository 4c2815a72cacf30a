//! A contract that is on a branch of its own.

use super::*;

/// One that cannot go on is halted alone, visibly, and blocks nobody.
#[tokio::test]
#[ignore = "a contract whose branch has no known ancestor halts the whole chain"]
async fn a_contract_that_was_read_from_another_chain_halts_no_token() {
    let mut world = world().await;
    mine_to(&world, 300);
    world.index().await;
    let elsewhere = world.chain.copy();
    elsewhere.fork_at(50);
    for next in 51..300 {
        elsewhere.mine(at(next * 60), &[]);
    }
    let pool = contract("pool", POOL, 60);
    follow(&world, &pool).await;
    let source = Bent::new(&world.chain);
    source.bend(
        move |request, answer| {
            if request.to < n(100) { ready(elsewhere.logs(*request)) } else { answer }
        },
    );
    world.read_through(source.clone());
    for _ in 0..4 {
        let _ = world.indexer.poll(NOW).await;
    }
    assert_eq!(state(&world, &pool).await.next_block(), n(88));
    source.honest();
    mine_to(&world, 320);
    for seconds in 0..200 {
        let _ = world.indexer.poll(now(seconds)).await;
    }
    assert_eq!(world.cursor().await, world.chain.block(314), "{}", world.status().await);
}

/// What is shown above a cursor is of the token's own cursor, or nothing.
#[tokio::test]
async fn a_token_behind_a_contract_shows_no_pending_balance() {
    let (world, _) = halted_at_10().await;
    let view = world.queries.account(token(), account(1), None, None).await.unwrap();
    assert_eq!(view.pending_balance, None);
}

/// A contract from the first block on.
#[tokio::test]
async fn a_contract_from_block_zero_is_followed_and_rewound() {
    let mut world = world().await;
    let pool = contract("pool", POOL, 0);
    follow(&world, &pool).await;
    mine_to(&world, 30);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
    world.indexer.rewind_to(n(0), &operator()).await.unwrap();
    assert_eq!(state(&world, &pool).await.cursor, world.chain.block(0));
    world.chain.fork_at(0);
    mine_to(&world, 30);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
}
