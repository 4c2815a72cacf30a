//! Forks between the cursors of tokens and contracts.

use super::*;

#[tokio::test]
async fn a_fork_below_a_contract_and_above_every_token_takes_the_contract_back() {
    let (mut world, pool) = halted_at_10().await;
    world.chain.fork_at(20);
    mine_to(&world, 45);
    world.index().await;
    assert_eq!(kept(&world, &pool).await, on_chain(&world, &pool));
    assert_eq!(world.cursor().await, world.chain.block(10));
}

#[tokio::test]
async fn a_fork_below_both_takes_both_back_and_the_token_goes_on() {
    let (mut world, pool) = halted_at_10().await;
    world.chain.fork_at(7);
    mine_to(&world, 45);
    world.index().await;
    assert_as_the_chain(&world, &[&pool]).await;
    assert_eq!(world.cursor().await, world.chain.block(39));
}

/// The contract begins late and catches up, block by block, while the fork is below the token.
#[tokio::test]
async fn a_fork_above_a_contract_that_catches_up_leaves_it_where_it_is() {
    for fork in [35, 36, 38, 40, 44, 50] {
        let mut world = world().await;
        mine_to(&world, 60);
        world.index().await;
        let pool = contract("pool", POOL, 30);
        follow(&world, &pool).await;
        let _ = world.indexer.poll(NOW).await;
        assert_eq!(state(&world, &pool).await.cursor, world.chain.block(36));
        world.chain.fork_at(fork);
        mine_to(&world, 70);
        world.index().await;
        assert_as_the_chain(&world, &[&pool]).await;
    }
}
