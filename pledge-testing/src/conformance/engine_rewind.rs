//! The engine over a store, when an operator rewinds the ledger below the held headers.

use pledge_core::error::StoreErrorKind;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::{ChainStatus, Finality, IndexerConfig, IndexerError, Poll};
use pledge_core::points::Programme;
use pledge_core::types::BlockNumber;

use super::cases::mine_seed;
use crate::Fixture;
use crate::world::{CHAIN, NOW, World, operator, resume_chain, token};

laws! {
    __engine_rewind of engine_rewind(Fixture):
    a_chain_halted_by_a_deep_fork_goes_on_after_a_rewind
    a_rewind_to_above_the_fork_is_refused
    a_rewind_to_above_the_fork_is_exact_where_no_change_lies_between
    a_rewind_to_above_every_token_is_refused
}

const HOUR: u64 = 3_600;
const SHALLOW: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(6),
    retained_headers: 10,
    slice_blocks_max: 100,
    clock_slack: None,
};

/// Changes in blocks 2 and 3, then settled hours without any, and a fork above a block that is
/// below all held headers: the chain has halted.
async fn halted_by_a_fork_above(fixture: Fixture, block: u64) -> World {
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let mut world = World::with_config(fixture, programme, SHALLOW).await;
    mine_seed(&world, 0);
    for _ in 0..4 {
        world.confirm(HOUR);
    }
    world.run().await;
    world.fork(world.chain.head().number.get() - block);
    let poll = world.indexer.poll(NOW).await;
    assert!(matches!(poll, Poll::Stopped(ChainStatus::Halted(_))), "{poll:?}");
    world
}

async fn rewind(world: &mut World, block: u64) -> Result<ReorgRecord, IndexerError> {
    world.indexer.rewind_to(BlockNumber::new(block), &operator()).await
}

/// Once the ledger is back where both branches agree, the chain is followed as usual.
async fn a_chain_halted_by_a_deep_fork_goes_on_after_a_rewind(fixture: Fixture) {
    let mut world = halted_by_a_fork_above(fixture, 2).await;
    let record = rewind(&mut world, 2).await.expect("both branches have block 2");
    assert_eq!((record.to.number, record.tokens.len()), (BlockNumber::new(2), 1));
    assert!(record.tokens[0].statements_reversed > 0);
    resume_chain(&*world.fixture.balances, CHAIN).await.expect("resume");
    world.confirm_later(HOUR);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

/// A change that only one branch has is noticed, and nothing is written.
async fn a_rewind_to_above_the_fork_is_refused(fixture: Fixture) {
    let mut world = halted_by_a_fork_above(fixture, 2).await;
    let before = world.digest().await;
    let error = rewind(&mut world, 10).await.expect_err("block 3 is another one");
    let IndexerError::Store(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.detail().contains("name one below 3"), "{error}");
    assert_eq!(world.digest().await, before);
}

/// Where no change lies between, the ledger is the same on both branches.
async fn a_rewind_to_above_the_fork_is_exact_where_no_change_lies_between(fixture: Fixture) {
    let mut world = halted_by_a_fork_above(fixture, 6).await;
    rewind(&mut world, 10).await.expect("both branches have the changes of blocks 2 and 3");
    resume_chain(&*world.fixture.balances, CHAIN).await.expect("resume");
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

/// A rewind to a block at or above every token's cursor is refused.
async fn a_rewind_to_above_every_token_is_refused(fixture: Fixture) {
    let mut world = halted_by_a_fork_above(fixture, 2).await;
    let cursor = world.digest().await.cursor.expect("indexed");
    let error = rewind(&mut world, cursor.number.get()).await.expect_err("no token is above");
    assert!(matches!(error, IndexerError::Store(e) if e.kind() == StoreErrorKind::Invalid));
}
