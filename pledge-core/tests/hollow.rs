//! A store that answers `Ok` and does nothing ends every loop over it, with an error.

use std::sync::Arc;
use std::time::SystemTime;

use alloy_primitives::Address;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::{Consumer, Event, EventSeq, SequencedEvent};
use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::TokenState;
use pledge_core::notify::{DispatchError, Dispatcher};
use pledge_core::points::{Programme, Settler, SettlerConfig, SettlerError};
use pledge_core::ports::{
    AccountHistory, ChainState, HistoriesPage, HistoriesPlace, ProgrammeState, Seen, ShardProgress,
};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{Epoch, Rate};
use pledge_testing::Receiver;
use pledge_testing::mocks::{MockBalanceStore, MockEventStore, MockPendingCache, MockPointsStore};
use pledge_testing::world::{CHAIN, account, at, spec, token, tokens};

fn event(number: u64) -> SequencedEvent {
    let event = Event::ChainHalted { chain: CHAIN, reason: String::new() };
    SequencedEvent { sequence: EventSeq::new(number), event: event.into() }
}

/// A store whose events stay due, whatever position is recorded.
fn forgetful(record: fn() -> Result<(), StoreError>) -> Dispatcher {
    let mut events = MockEventStore::new();
    events.expect_delivered().returning(|_| Ok(EventSeq::START));
    events.expect_events().returning(|_, _| Ok(vec![event(1), event(2)]));
    events.expect_record_delivered().returning(move |_, _, _| record());
    let receiver = Receiver::default();
    let consumer = Consumer::new("test").expect("a name");
    Dispatcher::new(Arc::new(events), Arc::new(receiver), consumer)
}

#[tokio::test]
async fn a_position_that_is_recorded_and_does_not_move_ends_the_drain() {
    let drained = forgetful(|| Ok(())).drain(&Stop::never()).await;
    let Err(DispatchError::Store(error)) = drained else { panic!("{drained:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.detail().contains("position of test"), "{error}");
}

#[tokio::test]
async fn a_conflict_without_another_ends_the_drain() {
    let refuses = || Err(StoreError::conflict("record", "at another position"));
    let drained = forgetful(refuses).drain(&Stop::never()).await;
    assert!(matches!(drained, Err(DispatchError::Store(_))), "{drained:?}");
}

/// A chain of blocks with one mint, and a store that stays empty.
fn hollow(state: TokenState) -> Indexer {
    let chain =
        ScriptedChain::new(CHAIN, at(0)).with_token(token().address, spec(token()).metadata);
    let to = account(1).address();
    let token = token().address;
    let mint = ScriptedTransfer { token, from: Address::ZERO, to, amount: tokens(1) };
    for second in 0..20 {
        chain.mine(at(second), &[mint]);
    }
    let mut store = MockBalanceStore::new();
    store.expect_chain().returning(|_| {
        let status = ChainStatus::Syncing;
        let name = "test".to_owned();
        let chain =
            ChainState { chain: CHAIN, name, status, head: None, head_time: None, processed: None };
        Ok(Some(chain))
    });
    let cursor = state.cursor;
    store.expect_tokens().returning(move |_| {
        let tokens = vec![state.clone()];
        Ok(tokens)
    });
    store.expect_states().returning(move |_, accounts| {
        let value = vec![None; accounts.len()];
        Ok(Seen { cursor, epoch: Epoch::FIRST, value })
    });
    store.expect_headers().returning(|_, _, _| Ok(Vec::new()));
    store.expect_commit().returning(|_| Ok(()));
    store.expect_halt_token().returning(|_, _, _| Ok(()));
    store.expect_report_chain().returning(|_| Ok(()));
    let mut pending = MockPendingCache::new();
    pending.expect_load().returning(|_| Ok(None));
    pending.expect_store().returning(|_, _| Ok(()));
    let config = IndexerConfig {
        finality: Finality::Depth(3),
        retained_headers: 64,
        slice_blocks_max: 5,
        clock_slack: None,
    };
    Indexer::new(CHAIN, Arc::new(chain), Arc::new(store), Arc::new(pending), config)
}

#[tokio::test]
async fn a_commit_that_moves_no_cursor_halts_the_chain() {
    let mut indexer = hollow(TokenState::registered(spec(token())));
    assert!(matches!(indexer.poll(SystemTime::UNIX_EPOCH).await, Poll::Advanced(_)));
    let poll = indexer.poll(SystemTime::UNIX_EPOCH).await;
    let Poll::Stopped(ChainStatus::Halted(reason)) = poll else { panic!("{poll:?}") };
    assert!(reason.contains("before a write that succeeded"), "{reason}");
}

#[tokio::test]
async fn accounts_that_come_again_end_the_settlement() {
    let start = at(0);
    let state = TokenState {
        cursor: Some(ScriptedChain::new(CHAIN, at(7_200)).head()),
        start_time: Some(start),
        ..TokenState::registered(spec(token()))
    };
    let programme = Programme::main(token(), "1".parse::<Rate>().expect("a rate"));
    let mut balances = MockBalanceStore::new();
    balances.expect_token().returning(move |_| {
        let state = state.clone();
        Ok(Some(state))
    });
    balances.expect_histories().returning(|_| {
        let one = AccountHistory { account: account(1), opening: None, changes: Vec::new() };
        let first = account(1).address();
        let next = Some(HistoriesPlace { first, after: None });
        let value = HistoriesPage { histories: vec![one], next };
        Ok(Seen { cursor: None, epoch: Epoch::FIRST, value })
    });
    let mut points = MockPointsStore::new();
    points.expect_programmes().returning(move |_| {
        let shards = programme.shards.shards().map(ShardProgress::fresh).collect();
        let programme = programme.clone();
        let state = ProgrammeState::undecided(programme, Epoch::FIRST, shards);
        Ok(vec![state])
    });
    points.expect_commit_batch().returning(|_| Ok(()));
    let config = SettlerConfig {
        batch_accounts_max: 1,
        batch_changes_max: 1,
        windows_max: 10,
        attempts_max: 1,
    };
    let settler = Settler::new(Arc::new(balances), Arc::new(points), config);
    let settled = settler.run(token(), &Stop::never(), |_| {}).await;
    let Err(SettlerError::Store(error)) = settled else { panic!("{settled:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}
