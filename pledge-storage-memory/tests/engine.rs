//! The engine over a store in memory.

use std::sync::Arc;
use std::time::SystemTime;

use pledge_core::engine::{Engine, EngineError, FollowedChain, FollowedToken};
use pledge_core::error::ChainErrorKind;
use pledge_core::event::{Consumer, EventSeq};
use pledge_core::indexer::{ChainStatus, Poll};
use pledge_core::ports::{ChainReport, EventReads, LedgerReads, Registry};
use pledge_core::primitives::Address;
use pledge_core::query::QueryError;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{BlockNumber, ChainId, ProgrammeId, TokenId};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::world::{account, at, operator, spec, token, tokens};
use pledge_testing::{Fate, Receiver};

const HOUR: u64 = 3_600;

/// A chain on which account 1 holds 200 tokens from 15:00 to 16:00, confirmed.
fn chain(id: u64) -> ScriptedChain {
    let address = token().address;
    let chain = ScriptedChain::new(ChainId::new(id), at(0));
    let chain = chain.with_token(address, spec(token()).metadata);
    let to = account(1).address();
    let mint = ScriptedTransfer { token: address, from: Address::ZERO, to, amount: tokens(200) };
    chain.mine(at(0), &[mint]);
    for _ in 0..7 {
        chain.mine(at(HOUR), &[]);
    }
    chain
}

fn followed(name: &str, chain: &ScriptedChain) -> FollowedChain {
    let usdx = FollowedToken::new(token().address, BlockNumber::new(0));
    let rate = "0.05".parse().expect("a rate");
    FollowedChain::new(name, chain.clone()).token(usdx.earning(rate))
}

async fn engine(store: &Arc<MemoryStore>, chains: &[ScriptedChain]) -> Result<Engine, EngineError> {
    let mut builder = Engine::builder(store.clone(), Arc::new(MemoryPending::default()));
    for (name, chain) in ["first", "second"].into_iter().zip(chains) {
        builder = builder.follow(followed(name, chain));
    }
    builder.build(&operator()).await
}

/// An engine over one chain that notifies these consumers.
async fn notifying(
    store: &Arc<MemoryStore>,
    chain: &ScriptedChain,
    notifiers: &[(&str, &Arc<Receiver>)],
) -> Result<Engine, EngineError> {
    let builder = Engine::builder(store.clone(), Arc::new(MemoryPending::default()));
    let mut builder = builder.follow(followed("first", chain));
    for (consumer, receiver) in notifiers {
        builder = builder.notifier(Consumer::new(consumer).expect("a name"), Arc::clone(receiver));
    }
    builder.build(&operator()).await
}

/// What account 1 earned on a chain, settled; `None` while nothing is confirmed there.
async fn settled(engine: &Engine, chain: u64) -> Option<String> {
    let id = TokenId { chain: ChainId::new(chain), ..token() };
    let main = ProgrammeId::main(id);
    let view = engine.queries().account(id, account(1), Some(&main), None).await.ok()?;
    view.points.map(|points| points.scale.points(points.settled_raw))
}

#[tokio::test]
async fn two_chains_catch_up_and_are_settled() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store, &[chain(1), chain(2)]).await.unwrap();
    let caught_up = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    assert_eq!((caught_up.transfers, caught_up.reorgs, caught_up.stopped), (2, 0, false));
    for chain in [1, 2] {
        assert_eq!(settled(&engine, chain).await.as_deref(), Some("10"));
    }
}

#[tokio::test]
async fn one_chains_failure_keeps_no_other_back() {
    let store = Arc::new(MemoryStore::new());
    let chains = [chain(1), chain(2)];
    let mut engine = engine(&store, &chains).await.unwrap();
    chains[0].fail_next(1, ChainErrorKind::Transient);
    let error = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap_err();
    assert!(matches!(error, EngineError::Index { chain, .. } if chain.get() == 1), "{error}");
    assert_eq!(settled(&engine, 1).await, None);
    assert_eq!(settled(&engine, 2).await.as_deref(), Some("10"));
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    assert_eq!(settled(&engine, 1).await.as_deref(), Some("10"));
}

#[tokio::test]
async fn a_block_that_vanishes_meanwhile_is_no_error() {
    let store = Arc::new(MemoryStore::new());
    let chains = [chain(1)];
    let mut engine = engine(&store, &chains).await.unwrap();
    chains[0].fail_next(10, ChainErrorKind::BlockGone);
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    assert_eq!(settled(&engine, 1).await.as_deref(), Some("10"));
}

#[tokio::test]
async fn a_call_that_was_stopped_is_gone_on_with() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store, &[chain(1)]).await.unwrap();
    let stop = Stop::never();
    let stop_at_once = |_, poll: &Poll| {
        assert!(matches!(poll, Poll::Advanced(_)), "{poll:?}");
        stop.request();
    };
    assert!(engine.catch_up(SystemTime::now, &stop, stop_at_once).await.unwrap().stopped);
    assert_eq!(settled(&engine, 1).await.as_deref(), Some("0"));
    assert!(!engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap().stopped);
    assert_eq!(settled(&engine, 1).await.as_deref(), Some("10"));
}

#[tokio::test]
async fn an_engine_built_again_goes_on_from_the_store() {
    let store = Arc::new(MemoryStore::new());
    let chains = [chain(1)];
    engine(&store, &chains)
        .await
        .unwrap()
        .catch_up(SystemTime::now, &Stop::never(), |_, _| {})
        .await
        .unwrap();
    let mut again = engine(&store, &chains).await.unwrap();
    let caught_up = again.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    assert_eq!(caught_up.transfers, 0);
    assert_eq!(settled(&again, 1).await.as_deref(), Some("10"));
}

#[tokio::test]
async fn a_paused_chain_is_an_error_of_its_own() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store, &[chain(1)]).await.unwrap();
    store.pause_chain(ChainId::new(1), &operator()).await.unwrap();
    let error = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "chain 1 is paused");
}

#[tokio::test]
async fn nothing_is_written_while_a_source_has_no_answer() {
    let store = Arc::new(MemoryStore::new());
    let (well, ill) = (chain(1), chain(2));
    ill.fail_next(1, ChainErrorKind::Transient);
    let error = engine(&store, &[well, ill]).await.unwrap_err();
    assert_eq!(error.to_string(), "chain second cannot be followed");
    assert!(store.chains().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_chain_followed_twice_is_refused() {
    let store = Arc::new(MemoryStore::new());
    let error = engine(&store, &[chain(1), chain(1)]).await.unwrap_err();
    assert!(matches!(error, EngineError::SameChain(id) if id.get() == 1), "{error}");
}

#[tokio::test]
async fn a_token_that_halts_is_listed() {
    let store = Arc::new(MemoryStore::new());
    let chain = chain(1);
    let (from, to) = (account(2).address(), account(3).address());
    let overdraft = ScriptedTransfer { token: token().address, from, to, amount: tokens(1) };
    chain.mine(at(HOUR), &[overdraft]);
    for _ in 0..6 {
        chain.mine(at(HOUR), &[]);
    }
    let mut engine = engine(&store, &[chain]).await.unwrap();
    let caught_up = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    assert_eq!(caught_up.halted, [TokenId { chain: ChainId::new(1), ..token() }]);
}

#[tokio::test]
async fn a_notifier_receives_every_event_once() {
    let store = Arc::new(MemoryStore::new());
    let receiver = Arc::new(Receiver::new(&[]));
    let mut engine = notifying(&store, &chain(1), &[("test", &receiver)]).await.unwrap();
    let events = store.events(EventSeq::START, 100).await.unwrap();
    assert!(events.is_empty());
    for _ in 0..2 {
        engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    }
    let events = store.events(EventSeq::START, 100).await.unwrap();
    assert_eq!(events.last().unwrap().event.kind(), "settled");
    assert_eq!(receiver.arrived(), events);
}

#[tokio::test]
async fn a_notifier_that_fails_receives_the_rest_from_the_next_call() {
    let store = Arc::new(MemoryStore::new());
    let receiver = Arc::new(Receiver::new(&[Fate::Taken, Fate::Failed]));
    let mut engine = notifying(&store, &chain(1), &[("test", &receiver)]).await.unwrap();
    let error = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap_err();
    assert!(matches!(error, EngineError::Notify { .. }), "{error}");
    assert_eq!(settled(&engine, 1).await.as_deref(), Some("10"));
    let rest = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    let events = store.events(EventSeq::START, 100).await.unwrap();
    assert_eq!((rest.delivered, receiver.arrived()), (events.len() as u64 - 1, events));
}

#[tokio::test]
async fn a_notifier_that_fails_keeps_no_other_from_its_events() {
    let store = Arc::new(MemoryStore::new());
    let (ill, well) = (Arc::new(Receiver::new(&[Fate::Failed])), Arc::new(Receiver::new(&[])));
    let notifiers = [("ill", &ill), ("well", &well)];
    let mut engine = notifying(&store, &chain(1), &notifiers).await.unwrap();
    let error = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "consumer ill did not receive every event");
    assert_eq!(well.arrived(), store.events(EventSeq::START, 100).await.unwrap());
}

#[tokio::test]
async fn a_chain_that_halts_is_an_error_and_is_notified() {
    let store = Arc::new(MemoryStore::new());
    let (chain, receiver) = (chain(1), Arc::new(Receiver::new(&[])));
    let mut engine = notifying(&store, &chain, &[("test", &receiver)]).await.unwrap();
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    let status = ChainStatus::Halted("an example".to_owned());
    let report = ChainReport {
        chain: ChainId::new(1),
        status,
        head: None,
        head_time: None,
        processed: None,
    };
    store.report_chain(&report).await.unwrap();
    let error = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap_err();
    assert!(matches!(error, EngineError::Latched { .. }), "{error}");
    let last = receiver.arrived().pop().unwrap();
    assert!(last.event.kind() == "chain_halted", "{last:?}");
}

#[tokio::test]
async fn a_stop_before_a_notifier_received_everything_is_reported() {
    let store = Arc::new(MemoryStore::new());
    let receiver = Arc::new(Receiver::new(&[Fate::TakenAndAskedToStop]));
    let stop = receiver.fresh_stop();
    let mut engine = notifying(&store, &chain(1), &[("test", &receiver)]).await.unwrap();
    let stopped = engine.catch_up(SystemTime::now, &stop, |_, _| {}).await.unwrap();
    assert_eq!((stopped.delivered, stopped.stopped), (1, true));
}

#[tokio::test]
async fn a_consumer_with_two_notifiers_is_refused() {
    let store = Arc::new(MemoryStore::new());
    let receiver = Arc::new(Receiver::new(&[]));
    let notifiers = [("log", &receiver), ("log", &receiver)];
    let error = notifying(&store, &chain(1), &notifiers).await.unwrap_err();
    assert!(matches!(&error, EngineError::SameConsumer(log) if log.as_str() == "log"), "{error}");
}

#[tokio::test]
async fn a_token_followed_twice_is_refused_and_nothing_is_written() {
    let store = Arc::new(MemoryStore::new());
    let usdx = FollowedToken::new(token().address, BlockNumber::new(0));
    let error = Engine::builder(store.clone(), Arc::new(MemoryPending::default()))
        .follow(followed("first", &chain(1)).token(usdx.earning("0.10".parse().unwrap())))
        .build(&operator())
        .await
        .unwrap_err();
    assert!(
        matches!(error, EngineError::SameToken(id) if id.address == token().address),
        "{error}"
    );
    assert!(store.chains().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_block_that_stays_gone_is_an_error_in_the_end() {
    let store = Arc::new(MemoryStore::new());
    let chains = [chain(1)];
    let mut engine = engine(&store, &chains).await.unwrap();
    chains[0].fail_next(1_000, ChainErrorKind::BlockGone);
    let error = engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap_err();
    assert!(matches!(error, EngineError::Index { .. }), "{error}");
}

#[tokio::test]
async fn a_programme_of_another_token_has_no_answer() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store, &[chain(1), chain(2)]).await.unwrap();
    engine.catch_up(SystemTime::now, &Stop::never(), |_, _| {}).await.unwrap();
    let [first, second] = [1, 2].map(|id| TokenId { chain: ChainId::new(id), ..token() });
    let foreign = ProgrammeId::main(second);
    let error =
        engine.queries().account(first, account(1), Some(&foreign), None).await.unwrap_err();
    assert!(matches!(error, QueryError::UnknownProgramme(_)), "{error}");
}

#[tokio::test]
async fn a_chain_that_goes_back_after_every_step_does_not_keep_a_call_from_ending() {
    let store = Arc::new(MemoryStore::new());
    let chains = [chain(1), chain(2)];
    let mut engine = engine(&store, &chains).await.unwrap();
    // The confirmed block is 2, so each fork reaches the ledger.
    let fork = |of, poll: &Poll| {
        if of == ChainId::new(1) && matches!(poll, Poll::Advanced(_)) {
            chains[0].fork_at(1);
            for _ in 0..7 {
                chains[0].mine(at(HOUR), &[]);
            }
        }
    };
    let error = engine.catch_up(SystemTime::now, &Stop::never(), fork).await.unwrap_err();
    assert!(matches!(error, EngineError::Index { chain, .. } if chain.get() == 1), "{error}");
    let other = TokenId { chain: ChainId::new(2), ..token() };
    assert!(store.token(other).await.unwrap().unwrap().cursor.is_some(), "the other chain went on");
}
