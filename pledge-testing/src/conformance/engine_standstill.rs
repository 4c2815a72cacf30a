//! The engine over a store, when it makes no progress: it reports that, and recovers by itself.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::TokenState;
use pledge_core::points::Programme;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{Amount, BlockNumber, BlockRef, TokenId};

use crate::Fixture;
use crate::liar::{Liar, Lies};
use crate::world::{
    CHAIN, CONFIRMATIONS, NOW, OnePending, World, account, at, operator, resume_token, spec, token,
    tokens,
};

laws! {
    __engine_standstill of engine_standstill(Fixture):
    blocks_that_stay_gone_are_reported_after_a_minute
    what_passes_within_a_minute_is_not_reported
    a_range_that_never_links_to_the_cursor_is_reported
    an_instance_that_comes_second_reports_nothing
    a_halt_is_over_when_a_reorg_replaces_its_block
    a_halt_stays_while_its_block_does
    a_halted_token_on_a_lost_branch_is_rewound
    a_halted_token_alone_on_a_lost_branch_is_rewound
    a_header_of_a_halted_token_keeps_no_other_from_its_block
    a_header_of_a_paused_token_keeps_no_other_from_its_block
    a_paused_token_asks_the_node_nothing
    a_paused_token_waits_while_the_others_go_on_and_then_catches_up
    a_paused_token_is_rewound_and_stays_paused
    a_paused_token_whose_next_block_has_a_fault_halts_once_it_is_resumed
}

const HOUR: u64 = 3_600;

const CONFIG: IndexerConfig = IndexerConfig {
    finality: Finality::Depth(CONFIRMATIONS),
    retained_headers: 40,
    slice_blocks_max: 10,
    clock_slack: None,
};

async fn open(fixture: Fixture) -> World {
    let programme = Programme::main(token(), "0.05".parse().expect("a rate"));
    World::with_config(fixture, programme, CONFIG).await
}

fn after(seconds: u64) -> SystemTime {
    NOW + Duration::from_secs(seconds)
}

/// Blocks that are gone for good are waited for, and reported after a minute.
async fn blocks_that_stay_gone_are_reported_after_a_minute(fixture: Fixture) {
    let world = open(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    for second in 1..=100 {
        world.mine(second, &[]);
    }
    let liar = Arc::new(Liar::new(&world.chain));
    liar.tell(Lies { gone_below: BlockNumber::new(50), ..Lies::default() });
    let store = world.fixture.balances.clone();
    let pending = Arc::new(OnePending::default());
    let mut indexer = Indexer::new(CHAIN, liar.clone(), store, pending, CONFIG);
    for seconds in [0, 20, 59] {
        assert!(matches!(indexer.poll(after(seconds)).await, Poll::Retry(_)));
        assert_eq!(world.status().await, ChainStatus::Syncing, "after {seconds} s");
    }
    for seconds in [60, 61, 600] {
        assert!(matches!(indexer.poll(after(seconds)).await, Poll::Retry(_)));
        let ChainStatus::Degraded(reason) = world.status().await else {
            panic!("nothing is reported")
        };
        assert!(reason.contains("block 1 is null"), "{reason}");
    }
    liar.stop();
    while !matches!(indexer.poll(after(601)).await, Poll::Idle) {}
    assert_eq!(world.status().await, ChainStatus::Live);
}

/// A failure that passes within the minute is not reported, however often it comes.
async fn what_passes_within_a_minute_is_not_reported(fixture: Fixture) {
    let mut world = open(fixture).await;
    world.mine(0, &[]);
    world.confirm(1);
    for round in 0..20 {
        world.confirm_later(1);
        let gone = pledge_core::error::ChainErrorKind::BlockGone;
        world.chain.fail_next(1, gone);
        assert!(matches!(world.indexer.poll(after(round * 59)).await, Poll::Retry(_)));
        assert!(!matches!(world.status().await, ChainStatus::Degraded(_)), "round {round}");
        while !matches!(world.indexer.poll(after(round * 59)).await, Poll::Idle) {}
    }
}

/// A commit of another instance is progress: an instance that is always second has not failed.
async fn an_instance_that_comes_second_reports_nothing(fixture: Fixture) {
    let mut world = open(fixture).await;
    (0..=300).for_each(|second| {
        world.mine(second, &[]);
    });
    let source = Arc::new(world.chain.clone());
    let store = world.fixture.balances.clone();
    let pending = Arc::new(OnePending::default());
    let mut second = Indexer::new(CHAIN, source, store, pending, CONFIG);
    for round in 0..20 {
        world.chain.fail_next(1, pledge_core::error::ChainErrorKind::BlockGone);
        assert!(matches!(second.poll(after(round * 20)).await, Poll::Retry(_)));
        assert_eq!(world.status().await, ChainStatus::Syncing, "round {round}");
        assert!(matches!(world.indexer.poll(after(round * 20)).await, Poll::Advanced(_)));
    }
}

/// A range that does not link to the cursor, which the node still has, is waited for and reported.
async fn a_range_that_never_links_to_the_cursor_is_reported(fixture: Fixture) {
    let mut world = open(fixture).await;
    for second in 0..=100 {
        world.mine(second, &[]);
    }
    world.chain.answer_at_most(5);
    while world.cursor().await.is_none_or(|cursor| cursor.number.get() < 20) {
        world.indexer.poll(NOW).await;
    }
    let cursor = world.cursor().await.expect("it has one");
    let branch = ScriptedChain::new(CHAIN, at(0));
    branch.return_to(&world.chain.branch());
    branch.fork_at(cursor.number.get() - 1);
    for second in cursor.number.get() - 1..=100 {
        branch.mine(at(second), &[]);
    }
    let liar = Arc::new(Liar::new(&world.chain));
    liar.tell(Lies { ranges: Some(branch), ..Lies::default() });
    let store = world.fixture.balances.clone();
    let pending = Arc::new(OnePending::default());
    let mut indexer = Indexer::new(CHAIN, liar, store, pending, CONFIG);
    assert!(matches!(indexer.poll(NOW).await, Poll::Retry(_)));
    assert!(matches!(indexer.poll(after(60)).await, Poll::Retry(_)));
    let ChainStatus::Degraded(reason) = world.status().await else { panic!("nothing is reported") };
    assert!(reason.contains(&format!("block {cursor}")), "{reason}");
    assert_eq!(world.cursor().await, Some(cursor));
}

fn other() -> TokenId {
    TokenId { address: alloy_primitives::Address::repeat_byte(0x71), ..token() }
}

/// Mines a transfer of the other token above any balance.
fn overdraw(world: &World, seconds: u64) {
    let transfer = ScriptedTransfer {
        token: other().address,
        from: account(8).address(),
        to: account(9).address(),
        amount: Amount::from(1),
    };
    world.chain.mine(at(seconds), &[transfer]);
}

async fn state(world: &World, id: TokenId) -> TokenState {
    world.fixture.balances.token(id).await.expect("read").expect("registered")
}

/// A world of two tokens, one of which has just halted at block 12, seen at its full depth.
async fn halted(fixture: Fixture) -> World {
    let mut world = open(fixture).await;
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    world.mine(0, &[(None, Some(1), tokens(100))]);
    for second in 1..=10 {
        world.mine(second, &[]);
    }
    overdraw(&world, 11);
    world.confirm(HOUR);
    world.index().await;
    let state = state(&world, other()).await;
    assert!(!state.is_active());
    assert_eq!(state.cursor, world.chain.block(11));
    world
}

/// Asserts that both tokens are where one clean pass over the chain brings them.
async fn both_are_right(world: &mut World) {
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
    let (one, two) = (state(world, token()).await, state(world, other()).await);
    assert!(two.is_active(), "{:?}", two.status);
    assert_eq!(two.cursor, one.cursor);
    assert_eq!(world.status().await, ChainStatus::Live);
}

/// A halt whose block a reorg replaced, its cursor untouched, ends without an operator.
async fn a_halt_is_over_when_a_reorg_replaces_its_block(fixture: Fixture) {
    let mut world = halted(fixture).await;
    world.chain.fork_at(11);
    world.confirm(HOUR);
    world.confirm(HOUR);
    both_are_right(&mut world).await;
}

/// A halt lasts as long as its block, whatever is built on it, for every indexer.
async fn a_halt_stays_while_its_block_does(fixture: Fixture) {
    let mut world = halted(fixture).await;
    for _ in 0..3 {
        world.confirm(HOUR);
        world.index().await;
        assert!(!state(&world, other()).await.is_active());
    }
    let events = world.fixture.all_events().await.expect("read");
    let halts = events.iter().filter(|event| event.event.kind() == "token_halted").count();
    assert_eq!(halts, 1, "it is reported once");
}

/// A halted token on a branch that was left is rewound, also where no other token is above the
/// fork.
async fn a_halted_token_on_a_lost_branch_is_rewound(fixture: Fixture) {
    let mut world = halted(fixture).await;
    world.chain.fork_at(9);
    world.confirm(HOUR);
    world.confirm(2 * HOUR);
    both_are_right(&mut world).await;
}

/// The same for a token that is the only one of its chain.
async fn a_halted_token_alone_on_a_lost_branch_is_rewound(fixture: Fixture) {
    let mut world = open(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    for second in 1..=10 {
        world.mine(second, &[]);
    }
    world.mine(11, &[(Some(2), Some(1), tokens(1))]);
    world.confirm(HOUR);
    world.index().await;
    assert!(!state(&world, token()).await.is_active());
    world.chain.fork_at(5);
    world.confirm(HOUR);
    world.confirm(2 * HOUR);
    world.run().await;
    assert!(state(&world, token()).await.is_active());
    assert_eq!(world.digest().await, world.oracle());
}

/// A world of two tokens, one of which an operator has paused at the confirmed block.
async fn paused(fixture: Fixture) -> World {
    let mut world = open(fixture).await;
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(60);
    world.index().await;
    world.fixture.balances.pause_token(other(), &operator()).await.expect("pause");
    world
}

async fn resume(world: &World) {
    resume_token(&*world.fixture.balances, other()).await.expect("resume");
}

/// Its status is an operator's, so no head and no clean block ends it.
async fn a_paused_token_waits_while_the_others_go_on_and_then_catches_up(fixture: Fixture) {
    let mut world = paused(fixture).await;
    let before = state(&world, other()).await;
    for _ in 0..3 {
        world.confirm_later(HOUR);
        world.index().await;
        assert_eq!(state(&world, other()).await, before);
        assert_eq!(world.status().await, ChainStatus::Live);
    }
    let number = |cursor: Option<BlockRef>| cursor.map(|cursor| cursor.number);
    assert!(number(world.cursor().await) > number(before.cursor));
    resume(&world).await;
    both_are_right(&mut world).await;
}

/// Its cursor never stays on a branch that was left.
async fn a_paused_token_is_rewound_and_stays_paused(fixture: Fixture) {
    let mut world = paused(fixture).await;
    let cursor = state(&world, other()).await.cursor.expect("it has one");
    world.confirm_later(60);
    world.index().await;
    world.chain.fork_at(cursor.number.get() - 1);
    world.confirm_later(60);
    world.confirm_later(60);
    world.index().await;
    let after = state(&world, other()).await;
    assert_eq!((after.status.name(), after.epoch.get()), ("paused", 1));
    assert_eq!(after.cursor, world.chain.block(cursor.number.get() - 1));
    resume(&world).await;
    both_are_right(&mut world).await;
}

/// A pause hides no fault.
async fn a_paused_token_whose_next_block_has_a_fault_halts_once_it_is_resumed(fixture: Fixture) {
    let mut world = paused(fixture).await;
    world.confirm_later(60);
    overdraw(&world, 200);
    world.confirm_later(60);
    world.index().await;
    assert!(state(&world, other()).await.status.is_paused());
    resume(&world).await;
    world.index().await;
    assert!(state(&world, other()).await.status.is_halted());
}

/// What one more block costs at rest, in calls of the source.
async fn calls_of_a_block(world: &mut World) -> u64 {
    let before = world.chain.calls();
    world.confirm_later(60);
    world.index().await;
    world.chain.calls() - before
}

/// An operator stopped it: whatever its next block is, no node is asked for it.
async fn a_paused_token_asks_the_node_nothing(fixture: Fixture) {
    let mut world = halted(fixture).await;
    let asking = calls_of_a_block(&mut world).await;
    world.fixture.balances.pause_token(other(), &operator()).await.expect("pause");
    let at_rest = calls_of_a_block(&mut world).await;
    assert!(at_rest < asking, "{at_rest} of {asking}");
    resume(&world).await;
    world.index().await;
    assert!(state(&world, other()).await.status.is_halted());
}

/// A header that a paused token alone holds of a lost branch does not block a token added later.
async fn a_header_of_a_paused_token_keeps_no_other_from_its_block(fixture: Fixture) {
    let mut world = open(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(60);
    world.index().await;
    let cursor = world.cursor().await.expect("it has blocks");
    world.fixture.balances.pause_token(token(), &operator()).await.expect("pause");
    world.chain.fork_at(cursor.number.get() - 2);
    world.confirm(HOUR);
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    world.confirm(2 * HOUR);
    world.run().await;
    let confirmed = world.chain.head().number.get() - crate::world::CONFIRMATIONS;
    assert_eq!(state(&world, other()).await.cursor, world.chain.block(confirmed));
    assert!(state(&world, token()).await.status.is_paused());
}

/// A header that a halted token holds of a lost branch does not block a token added later.
async fn a_header_of_a_halted_token_keeps_no_other_from_its_block(fixture: Fixture) {
    let mut world = halted(fixture).await;
    world.chain.fork_at(9);
    world.confirm(HOUR);
    let late = TokenId { address: alloy_primitives::Address::repeat_byte(0x72), ..token() };
    world.fixture.balances.register_token(&spec(late)).await.expect("register");
    world.confirm(2 * HOUR);
    both_are_right(&mut world).await;
    assert_eq!(state(&world, late).await.cursor, world.cursor().await);
}
