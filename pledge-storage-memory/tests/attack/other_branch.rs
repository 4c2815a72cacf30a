//! A contract that is on a branch, or in front, of its own.

use super::*;

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
