//! How far a chain is reported to be: as far as what goes on and is furthest.

use super::*;

/// The block that the chain is reported to be at.
async fn processed(world: &World) -> Option<BlockNumber> {
    world.fixture.balances.chains().await.unwrap()[0].processed
}

#[tokio::test]
async fn a_chain_is_as_far_as_what_is_furthest() {
    let mut world = world().await;
    mine_to(&world, 300);
    for _ in 0..5 {
        world.indexer.poll(NOW).await;
    }
    follow(&world, &contract("pool", POOL, 1)).await;
    world.indexer.poll(NOW).await;
    assert_eq!(processed(&world).await, Some(n(42)), "the contract is at block 7");
}

#[tokio::test]
async fn a_halted_token_is_no_part_of_how_far_a_chain_is() {
    let mut world = world().await;
    mine_to(&world, 10);
    world.mine(660, &[(Some(1), Some(2), tokens(1_000_000))]);
    mine_to(&world, 300);
    world.index().await;
    assert_eq!(world.cursor().await, world.chain.block(10));
    follow(&world, &contract("pool", POOL, 1)).await;
    world.read_through(Arc::new(world.chain.clone()));
    world.indexer.poll(NOW).await;
    assert_eq!(processed(&world).await, Some(n(7)), "the token is halted at block 10");
}
