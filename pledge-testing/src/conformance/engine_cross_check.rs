//! The engine over a store, with a second source that must agree before anything is committed.

use std::sync::Arc;

use pledge_core::error::ChainErrorKind;
use pledge_core::indexer::{ChainStatus, Finality, IndexerConfig, Poll};
use pledge_core::points::Programme;
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::BlockNumber;

use crate::Fixture;
use crate::liar::{Liar, Lies};
use crate::world::{CHAIN, CONFIRMATIONS, NOW, World, at, token, tokens};

laws! {
    __engine_audit of engine_cross_check(Fixture):
    a_cross_check_that_agrees_changes_nothing
    a_block_that_the_second_source_has_otherwise_is_not_committed
    a_transfer_that_the_second_source_lacks_is_not_committed
    the_block_before_a_fault_is_cross_checked_too
    the_block_before_a_fault_fits_between_its_neighbours
    a_transfer_just_before_a_fault_is_not_lost
    without_the_second_source_nothing_is_committed
    a_fork_that_the_second_source_does_not_have_takes_nothing_back
    blocks_that_the_second_source_lacks_confirm_nothing_below
    a_block_that_is_not_final_for_the_second_source_is_not_committed
}

/// A world whose ledger is at block 11, with a mint above it, and the second source.
async fn open(fixture: Fixture) -> (World, ScriptedChain) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    for second in 1..=16 {
        world.mine(second, &[]);
    }
    let second = copy(&world.chain);
    world.indexer = world.indexer.cross_checked_by(Arc::new(second.clone()));
    world.run().await;
    world.mine(17, &[(Some(1), Some(2), tokens(40))]);
    world.confirm(3_600);
    (world, second)
}

/// Another chain with the same blocks.
fn copy(chain: &ScriptedChain) -> ScriptedChain {
    let genesis = chain.block(0).expect("genesis").time;
    let copy = ScriptedChain::new(CHAIN, genesis);
    copy.return_to(&chain.branch());
    copy
}

/// Polls, which must fail with a reason that the chain's status shows, and must write nothing.
async fn refuses(world: &mut World, reasons: &[&str]) {
    let before = world.cursor().await;
    for _ in 0..3 {
        let poll = world.indexer.poll(NOW).await;
        assert!(matches!(poll, Poll::Retry(_)), "{poll:?}");
        let chains = world.fixture.balances.chains().await.expect("read");
        let ChainStatus::Degraded(shown) = &chains[0].status else {
            panic!("{:?} is not degraded", chains[0].status);
        };
        for reason in reasons {
            assert!(shown.contains(reason), "{shown}");
        }
    }
    assert_eq!(world.cursor().await, before);
}

async fn goes_on(world: &mut World) {
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
    assert_eq!(world.reorgs().await.expect("read"), 0);
}

/// A second source that agrees changes nothing, however it cuts its answers.
async fn a_cross_check_that_agrees_changes_nothing(fixture: Fixture) {
    let (mut world, second) = open(fixture).await;
    second.return_to(&world.chain.branch());
    second.answer_at_most(2);
    goes_on(&mut world).await;
}

/// The differing block is named, and nothing is committed while the two sources differ.
async fn a_block_that_the_second_source_has_otherwise_is_not_committed(fixture: Fixture) {
    let (mut world, second) = open(fixture).await;
    second.return_to(&world.chain.branch());
    second.fork_at(12);
    let head = world.chain.head().number.get();
    for number in 13..=head {
        second.mine(world.chain.block(number).expect("mined").time, &[]);
    }
    refuses(&mut world, &["cross-check a slice", "block 13: the node has", "replace it"]).await;
    second.return_to(&world.chain.branch());
    goes_on(&mut world).await;
}

/// A transfer that only one source has is found although every header agrees.
async fn a_transfer_that_the_second_source_lacks_is_not_committed(fixture: Fixture) {
    let (mut world, second) = open(fixture).await;
    second.return_to(&world.chain.branch());
    second.lose_transfers_of(18);
    refuses(&mut world, &["block 18: its logs differ: the node has 1, the second source 0"]).await;
    second.return_to(&world.chain.branch());
    goes_on(&mut world).await;
}

/// Far from the head that block is requested once the fault is known.
async fn the_block_before_a_fault_is_cross_checked_too(fixture: Fixture) {
    let (mut world, second) = far_from_a_fault_at_40(fixture).await;
    let late = [(BlockNumber::new(39), at(40))].into();
    second.tell(Lies { times: late, ..Lies::default() });
    refuses(&mut world, &["cross-check a slice", "block 39"]).await;
    second.stop();
    world.run().await;
    assert_eq!(world.cursor().await, world.chain.block(39));
}

/// The blocks before a fault come from the answer that has the fault: only the header that they end
/// with may be requested, and it has to link to its neighbours.
async fn the_block_before_a_fault_fits_between_its_neighbours(fixture: Fixture) {
    let (mut world, _) = far_from_a_fault_at_40(fixture).await;
    let liar = Arc::new(Liar::new(&world.chain));
    world.read_through(liar.clone());
    for time in [at(0), at(41)] {
        let false_time = [(BlockNumber::new(39), time)].into();
        liar.tell(Lies { times: false_time, ..Lies::default() });
        refuses(&mut world, &["39"]).await;
    }
    liar.stop();
    world.run().await;
    assert_eq!(world.cursor().await, world.chain.block(39));
}

/// A transfer in that header's block, which the answer with the fault did not have, is not lost.
async fn a_transfer_just_before_a_fault_is_not_lost(fixture: Fixture) {
    let (mut world, _) = far_from_a_fault_at_40(fixture).await;
    world.chain.fork_at(38);
    world.mine(39, &[(None, Some(2), tokens(7))]);
    world.mine(40, &[(Some(1), Some(2), tokens(400))]);
    (41..=100).for_each(|second| {
        world.mine(second, &[]);
    });
    let liar = Arc::new(Liar::new(&world.chain));
    world.read_through(liar.clone());
    liar.tell(Lies { left_out: Some(BlockNumber::new(39)), ..Lies::default() });
    refuses(&mut world, &["block 39 was answered differently"]).await;
    liar.stop();
    world.run().await;
    let supply = world.fixture.balances.token(token()).await.expect("read").expect("registered");
    assert_eq!(supply.totals.supply, tokens(107));
}

const FAR: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(CONFIRMATIONS),
    retained_headers: 10,
    slice_blocks_max: 64,
    clock_slack: None,
};

/// A world that begins with a slice of 64 blocks, at the 40th of which the token halts, and the
/// second source.
async fn far_from_a_fault_at_40(fixture: Fixture) -> (World, Arc<Liar>) {
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let mut world = World::with_config(fixture, programme, FAR).await;
    world.mine(1, &[(None, Some(1), tokens(100))]);
    for second in 2..=100 {
        let overdraft = [(Some(1), Some(2), tokens(400))];
        world.mine(second, if second == 40 { &overdraft } else { &[] });
    }
    let second = Arc::new(Liar::new(&world.chain));
    world.indexer = world.indexer.cross_checked_by(second.clone());
    (world, second)
}

/// Blocks that only one source has confirm nothing below them.
async fn blocks_that_the_second_source_lacks_confirm_nothing_below(fixture: Fixture) {
    let (mut world, second) = open(fixture).await;
    second.return_to(&world.chain.branch());
    let head = world.chain.head().number.get();
    second.show_head(Some(head - 3));
    let before = world.cursor().await.expect("it has one").number.get();
    for _ in 0..20 {
        world.indexer.poll(NOW).await;
    }
    let reached = world.cursor().await.expect("it has one").number.get();
    assert!(before <= reached && reached <= head - 3 - CONFIRMATIONS, "{reached}");
    second.show_head(None);
    goes_on(&mut world).await;
}

/// A finalized block that is not final for the second source confirms nothing.
async fn a_block_that_is_not_final_for_the_second_source_is_not_committed(fixture: Fixture) {
    let config = IndexerConfig {
        finality: Finality::Finalized,
        retained_headers: 64,
        slice_blocks_max: 7,
        clock_slack: None,
    };
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    let mut world = World::with_config(fixture, programme, config).await;
    for second in 0..=20 {
        world.mine(second, &[]);
    }
    let second = copy(&world.chain);
    world.indexer = world.indexer.cross_checked_by(Arc::new(second.clone()));
    world.chain.set_finalized(Some(15));
    for (theirs, reached) in
        [(None, None), (Some(6), None), (Some(9), Some(7)), (Some(15), Some(15))]
    {
        second.set_finalized(theirs);
        for _ in 0..10 {
            world.indexer.poll(NOW).await;
        }
        let cursor = world.cursor().await.map(|cursor| cursor.number.get());
        assert_eq!(cursor, reached, "final for the second source is {theirs:?}");
    }
}

/// A fork that reaches the ledger rewinds nothing unless the second source has it, too.
async fn a_fork_that_the_second_source_does_not_have_takes_nothing_back(fixture: Fixture) {
    let (mut world, second) = open(fixture).await;
    let branch = world.chain.branch();
    second.return_to(&branch);
    world.run().await;
    let height = world.chain.head().number.get();
    world.chain.fork_at(10);
    for number in 11..=height {
        let time = second.block(number).expect("mined").time;
        world.chain.mine(time, &[]);
    }
    refuses(&mut world, &["cross-check a fork", "the second source still has it"]).await;
    second.fail_next(3, ChainErrorKind::Persistent);
    refuses(&mut world, &["cross-check a fork", "failed by script"]).await;
    second.return_to(&world.chain.branch());
    world.run().await;
    assert_eq!(world.reorgs().await.expect("read"), 1);
    assert_eq!(world.digest().await, world.oracle());
}

/// What cannot be cross-checked is not committed.
async fn without_the_second_source_nothing_is_committed(fixture: Fixture) {
    let (mut world, second) = open(fixture).await;
    refuses(&mut world, &["cannot be cross-checked", "there is no block 18"]).await;
    second.return_to(&world.chain.branch());
    second.fail_next(3, ChainErrorKind::Persistent);
    refuses(&mut world, &["cannot be cross-checked", "failed by script"]).await;
    goes_on(&mut world).await;
}
