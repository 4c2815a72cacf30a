//! The engine over a store: what a chain may do.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Address;
use pledge_core::error::{ChainErrorKind, StoreErrorKind};
use pledge_core::event::{Event, RewindCause};
use pledge_core::indexer::{ChainStatus, Finality, IndexerConfig, IndexerError, Poll};
use pledge_core::ledger::TokenStatus;
use pledge_core::points::{Programme, SettleReport, SettlerError};
use pledge_core::simulation::ScriptedTransfer;
use pledge_core::stop::Stop;
use pledge_core::types::{Amount, BlockNumber, Rate, TokenId};

use super::cases::mine_seed;
use crate::oracle::oracle;
use crate::world::{CHAIN, NOW, World, account, at, operator, resume_chain, spec, token, tokens};
use crate::{Fixture, ManualClock};

laws! {
    __engine of engine(Fixture):
    pending_blocks_show_and_never_enter_the_ledger
    a_pending_overdraft_leaves_the_pending_balance_open
    a_fork_inside_the_confirmations_rebuilds_only_pending
    a_lagging_head_is_no_fork
    a_shorter_branch_is_followed
    a_fork_deeper_than_the_retained_headers_halts_the_chain
    a_resumed_chain_that_still_differs_halts_again
    a_paused_chain_stays_paused_until_it_is_resumed
    a_token_added_later_catches_up_and_joins
    a_halted_token_stays_behind_while_the_others_go_on
    a_token_halts_at_the_block_before_its_fault
    short_answers_leave_no_gap
    failing_calls_delay_and_lose_nothing
    a_finalized_tag_confirms_what_it_reaches
    a_time_that_goes_back_is_asked_for_again
    a_stopped_settlement_goes_on_where_it_stood
    a_deadline_stops_a_settlement_between_batches
    a_rewind_under_a_settlement_is_a_conflict
}

const HOUR: u64 = 3_600;

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

/// Law 6: what is not confirmed shows as pending, and losing it loses nothing.
async fn pending_blocks_show_and_never_enter_the_ledger(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.mine(20, &[(Some(1), Some(2), tokens(40))]);
    world.index().await;
    let view = |number| world.queries.account(token(), account(number), None, None);
    let first = view(1).await.expect("seen");
    assert_eq!((first.balance, first.pending_balance), (tokens(100), Some(tokens(60))));
    let second = view(2).await.expect("seen in a pending block");
    assert_eq!((second.balance, second.pending_balance), (Amount::ZERO, Some(tokens(40))));
    let third = view(3).await.expect("an account that was never seen holds nothing");
    assert_eq!((third.balance, third.pending_balance), (Amount::ZERO, Some(Amount::ZERO)));
    assert!(!world.queries.was_seen(token(), account(3)).await.expect("read"));
    assert_eq!(world.digest().await, world.oracle());
}

/// A pending block that takes what nobody holds leaves the pending balance unknown.
async fn a_pending_overdraft_leaves_the_pending_balance_open(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    world.mine(20, &[(Some(1), Some(2), tokens(101))]);
    world.index().await;
    let view = world.queries.account(token(), account(1), None, None).await.expect("seen");
    assert_eq!((view.balance, view.pending_balance), (tokens(100), None));
}

/// There is no rewind and no record of one.
async fn a_fork_inside_the_confirmations_rebuilds_only_pending(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.mine(0, &[(None, Some(1), tokens(100))]);
    world.confirm(10);
    let height = world.mine(20, &[(Some(1), Some(2), tokens(40))]).number.get();
    world.index().await;
    let before = world.digest().await;
    world.chain.fork_at(height - 1);
    world.mine(20, &[(Some(1), Some(3), tokens(10))]);
    world.index().await;
    assert_eq!(world.digest().await, before);
    assert_eq!(world.reorgs().await.expect("read"), 0);
    let view = world.queries.account(token(), account(1), None, None).await.expect("seen");
    assert_eq!(view.pending_balance, Some(tokens(90)));
}

/// A head that is a prefix of the known chain makes the indexer wait.
async fn a_lagging_head_is_no_fork(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.run().await;
    let (before, head) = (world.digest().await, world.chain.head().number.get());
    for lag in [1, 5, 6, 7, 9] {
        world.chain.show_head(Some(head - lag));
        world.run().await;
        assert_eq!(world.digest().await, before, "lag {lag}");
    }
    assert_eq!(world.reorgs().await.expect("read"), 0);
    world.chain.show_head(None);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

/// Another hash at a lower height is a reorg, whatever its length.
async fn a_shorter_branch_is_followed(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.confirm(HOUR);
    world.run().await;
    world.chain.fork_at(2);
    world.mine(1_800, &[(None, Some(1), tokens(50))]);
    world.run().await;
    assert_eq!(world.reorgs().await.expect("read"), 1);
    let state = world.fixture.balances.token(token()).await.expect("read").expect("registered");
    assert_eq!(state.cursor, world.chain.block(2), "the common ancestor");
    world.confirm(HOUR);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

fn shallow() -> IndexerConfig {
    IndexerConfig {
        finality: Finality::Depth(6),
        retained_headers: 10,
        slice_blocks_max: 100,
        clock_slack: None,
    }
}

/// A settled world with more blocks than it holds headers.
async fn long_past_the_retained_headers(fixture: Fixture) -> World {
    let programme = Programme::main(token(), rate("0.05"));
    let mut world = World::with_config(fixture, programme, shallow()).await;
    mine_seed(&world, 0);
    for _ in 0..4 {
        world.confirm(HOUR);
    }
    world.run().await;
    world
}

/// The data stays as it was, and the reason names what to check.
async fn a_fork_deeper_than_the_retained_headers_halts_the_chain(fixture: Fixture) {
    let mut world = long_past_the_retained_headers(fixture).await;
    let before = world.digest().await;
    world.fork(25);
    let Poll::Stopped(ChainStatus::Halted(reason)) = world.indexer.poll(NOW).await else {
        panic!("the chain goes on");
    };
    assert!(reason.contains("retained_headers"), "{reason}");
    assert_eq!(world.digest().await, before);
    let chains = world.fixture.balances.chains().await.expect("read");
    assert_eq!(chains[0].status, ChainStatus::Halted(reason.clone()));
    let events = world.fixture.all_events().await.expect("read");
    let halted = Event::ChainHalted { chain: CHAIN, reason }.into();
    assert_eq!(events.last().map(|event| &event.event), Some(&halted));
    assert!(matches!(world.indexer.poll(NOW).await, Poll::Stopped(_)), "latched");
}

/// A resumed chain asks the node again, and relies on nothing else.
async fn a_resumed_chain_that_still_differs_halts_again(fixture: Fixture) {
    let mut world = long_past_the_retained_headers(fixture).await;
    world.fork(25);
    for _ in 0..2 {
        assert!(matches!(world.indexer.poll(NOW).await, Poll::Stopped(ChainStatus::Halted(_))));
        resume_chain(&*world.fixture.balances, CHAIN).await.expect("resume");
    }
}

/// A pause overrides what the indexer reports while it finishes its poll; what it writes is refused.
async fn a_paused_chain_stays_paused_until_it_is_resumed(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    let store = world.fixture.balances.clone();
    let by = operator();
    let (polled, paused) = tokio::join!(world.indexer.poll(NOW), store.pause_chain(CHAIN, &by));
    paused.expect("pause");
    if let Poll::Retry(error) = &polled {
        let IndexerError::Store(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    }
    assert!(matches!(world.indexer.poll(NOW).await, Poll::Stopped(ChainStatus::Paused(None))));
    resume_chain(&*store, CHAIN).await.expect("resume");
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
    let chains = store.chains().await.expect("read");
    assert_eq!(chains[0].status, ChainStatus::Live);
}

pub(super) fn other() -> TokenId {
    TokenId { chain: CHAIN, address: Address::repeat_byte(0x71) }
}

pub(super) fn mint_other(world: &World, seconds: u64, from: Option<u64>, to: u64) {
    let from = from.map_or(Address::ZERO, |number| account(number).address());
    let (to, amount) = (account(to).address(), Amount::from(5));
    let transfer = ScriptedTransfer { token: other().address, from, to, amount };
    world.chain.mine(at(seconds), &[transfer]);
}

async fn cursors(world: &World) -> Vec<Option<u64>> {
    let tokens = world.fixture.balances.tokens(CHAIN).await.expect("read");
    tokens.iter().map(|token| token.cursor.map(|cursor| cursor.number.get())).collect()
}

/// The token catches up alone, then shares one commit with the others.
async fn a_token_added_later_catches_up_and_joins(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mint_other(&world, 0, None, 1);
    mine_seed(&world, 0);
    for _ in 0..5 {
        world.confirm(HOUR);
    }
    world.run().await;
    let before = world.digest().await;
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    world.index().await;
    assert_eq!(world.digest().await, before);
    let events = world.fixture.all_events().await.expect("read").len();
    world.mine(HOUR + 1, &[(Some(1), Some(2), tokens(1))]);
    world.index().await;
    let cursor = world.chain.head().number.get() - 6;
    assert_eq!(cursors(&world).await, [Some(cursor), Some(cursor)]);
    let joined = world.fixture.all_events().await.expect("read").len();
    assert_eq!(joined, events + 1, "one commit for both");
    let seen = world.fixture.balances.states(other(), &[account(1)]).await.expect("read");
    assert_eq!(seen.value[0].map(|state| state.balance), Some(Amount::from(5)));
}

/// The failure of one token does not affect another.
async fn a_halted_token_stays_behind_while_the_others_go_on(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.fixture.balances.register_token(&spec(other())).await.expect("register");
    mine_seed(&world, 0);
    mint_other(&world, 1_900, None, 1);
    world.confirm(1_900);
    world.index().await;
    mint_other(&world, 2_000, Some(3), 1);
    world.confirm(HOUR);
    world.run().await;
    let [good, bad] =
        world.fixture.balances.tokens(CHAIN).await.expect("read").try_into().expect("two tokens");
    assert!(matches!(bad.status, TokenStatus::Halted(_)));
    assert!(good.is_active());
    assert!(bad.cursor.map(|c| c.number) < good.cursor.map(|c| c.number));
    let chains = world.fixture.balances.chains().await.expect("read");
    assert_eq!(chains[0].status, ChainStatus::Live);
    assert_eq!(world.digest().await, world.oracle());
}

/// Law 1 for a token that cannot continue: its cursor does not depend on how slices were cut.
async fn a_token_halts_at_the_block_before_its_fault(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    let last_good = world.mine(2_000, &[(Some(1), Some(2), tokens(50))]);
    world.mine(2_100, &[(None, Some(3), tokens(1)), (Some(2), Some(1), tokens(51))]);
    world.confirm(HOUR);
    world.index().await;
    let state = world.fixture.balances.token(token()).await.expect("read").expect("registered");
    assert!(matches!(state.status, TokenStatus::Halted(_)));
    assert_eq!(state.cursor, Some(last_good));
    let start = world.chain.block(1).expect("mined");
    let programmes = [world.programme().clone()];
    let transfers = world.chain.transfers();
    let good: Vec<_> =
        transfers.into_iter().filter(|(block, _)| block.number <= last_good.number).collect();
    let mut expected = oracle(token(), &start, &last_good, &good, &programmes);
    expected.programmes.clone_from(&world.digest().await.programmes);
    assert_eq!(world.digest().await, expected);
}

/// A source may return a part of a range; the rest is requested.
async fn short_answers_leave_no_gap(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    world.chain.answer_at_most(2);
    mine_seed(&world, 0);
    world.confirm(HOUR);
    mine_seed(&world, HOUR);
    world.confirm(2 * HOUR);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

/// Any call may fail, at any time.
async fn failing_calls_delay_and_lose_nothing(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    for round in 0..12_u64 {
        mine_seed(&world, round * HOUR);
        let kinds = [ChainErrorKind::Transient, ChainErrorKind::BlockGone];
        let kind = kinds[usize::from(round % 2 == 0)];
        world.chain.fail_next(usize::try_from(round).expect("small"), kind);
        world.run().await;
    }
    world.confirm(12 * HOUR);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
    let chains = world.fixture.balances.chains().await.expect("read");
    assert_eq!(chains[0].status, ChainStatus::Live);
}

/// Depth has no effect under the tag.
async fn a_finalized_tag_confirms_what_it_reaches(fixture: Fixture) {
    let programme = Programme::main(token(), rate("0.05"));
    let config = IndexerConfig { finality: Finality::Finalized, ..shallow() };
    let mut world = World::with_config(fixture, programme, config).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.index().await;
    assert_eq!(cursors(&world).await, [None]);
    for finalized in [2, 3] {
        world.chain.set_finalized(Some(finalized));
        world.index().await;
        assert_eq!(cursors(&world).await, [Some(finalized)]);
    }
    let cursor = world.chain.block(3).expect("mined");
    let start = world.chain.block(1).expect("mined");
    let programmes = [world.programme().clone()];
    let expected = oracle(token(), &start, &cursor, &world.chain.transfers(), &programmes);
    assert_eq!(world.digest().await, expected);
}

/// Law 7 needs monotone times. A node that returns an earlier time is asked again, so that a false
/// time disappears with the node that sent it.
async fn a_time_that_goes_back_is_asked_for_again(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    mine_seed(&world, 0);
    world.confirm(HOUR);
    world.index().await;
    let (cursor, height) = (world.cursor().await, world.chain.head().number.get());
    world.mine(100, &[]);
    world.confirm(2 * HOUR);
    for _ in 0..50 {
        let Poll::Retry(error) = world.indexer.poll(NOW).await else { panic!("it goes on") };
        assert!(!error.is_passing(), "{error}");
    }
    let ChainStatus::Degraded(reason) = world.status().await else { panic!("nothing is reported") };
    assert!(reason.contains("before that of block"), "{reason}");
    assert_eq!(world.cursor().await, cursor);
    world.chain.fork_at(height);
    world.confirm(2 * HOUR);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

/// A cancelled run leaves complete batches; the next one continues from there.
async fn a_stopped_settlement_goes_on_where_it_stood(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let mints: Vec<_> = (1..=60).map(|n| (None, Some(n), tokens(n))).collect();
    world.mine(0, &mints);
    world.confirm(3 * HOUR);
    world.index().await;
    let mut runs = 0;
    while !world.settle_done().await {
        let stop = Stop::never();
        let report = world.settler.run(token(), &stop, |_| stop.request()).await;
        let report = report.expect("a calm store settles");
        assert!(report.batches <= 1);
        runs += 1;
        assert!(runs < 1_000, "it does not come to an end");
    }
    assert!(runs > 16, "every shard took a run at least");
    assert_eq!(world.digest().await, world.oracle());
}

/// The clock stops a run between two batches, and decides nothing else.
async fn a_deadline_stops_a_settlement_between_batches(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let mints: Vec<_> = (1..=60).map(|n| (None, Some(n), tokens(n))).collect();
    world.mine(0, &mints);
    world.confirm(3 * HOUR);
    world.index().await;
    let clock = Arc::new(ManualClock::default());
    let stop = Stop::never().or_at(clock.clone(), Duration::from_secs(4));
    let tick = |_: &SettleReport| clock.advance(Duration::from_secs(1));
    let report = world.settler.run(token(), &stop, tick).await.expect("a calm store settles");
    assert_eq!((report.batches, report.stopped), (4, true));
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}

/// The epoch that a settlement planned with is the one it must commit with.
async fn a_rewind_under_a_settlement_is_a_conflict(fixture: Fixture) {
    let mut world = World::new(fixture).await;
    let mints: Vec<_> = (1..=20).map(|n| (None, Some(n), tokens(n))).collect();
    world.mine(0, &[]);
    world.mine(1, &mints);
    world.confirm(3 * HOUR);
    world.index().await;
    let ancestor = world.chain.block(1).expect("mined");
    let store = world.fixture.balances.clone();
    let cursor = store.token(token()).await.expect("read").expect("registered").cursor;
    let rewind = pledge_core::ports::Rewind {
        chain: CHAIN,
        to: ancestor,
        tokens: vec![(token(), cursor.expect("indexed").id())],
        contracts: Vec::new(),
        cause: RewindCause::Reorg,
    };
    let stop = Stop::never();
    let (settled, rewound) =
        tokio::join!(world.settler.run(token(), &stop, |_| {}), store.rewind(&rewind));
    rewound.expect("rewind");
    if let Err(SettlerError::Store(error)) = settled {
        assert_eq!(error.kind(), StoreErrorKind::Conflict);
    }
    assert_eq!(world.digest().await.programmes["main"].totals, Default::default());
    assert!(BlockNumber::new(1) == ancestor.number);
    world.run().await;
    assert_eq!(world.digest().await, world.oracle());
}
