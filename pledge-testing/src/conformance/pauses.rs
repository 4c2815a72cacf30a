//! Laws of [`Registry`](pledge_core::ports::Registry) about what an operator stops.

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::Event;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenStatus;
use pledge_core::ports::ChainReport;
use pledge_core::types::BlockNumber;

use super::contracts::{Contracts, vault};
use super::ledger::Ledger;
use crate::Fixture;
use crate::world::{CHAIN, operator, operator_because, resume_chain, resume_token, token};

laws! {
    __pauses of pauses(Fixture):
    a_report_that_pauses_is_invalid
    a_halted_chain_is_not_paused
    a_paused_chain_that_a_report_halts_is_both
    a_pause_of_what_is_paused_and_halted_keeps_why_it_is_halted
    a_chain_that_was_stopped_otherwise_meanwhile_is_not_resumed
    a_chain_that_is_stopped_otherwise_in_the_same_words_is_not_resumed
    a_stopped_chain_takes_no_blocks_that_were_under_way
    a_stopped_chain_takes_no_logs_that_were_under_way
    a_stopped_chain_takes_no_reorg_and_an_operators_rewind
    a_paused_token_takes_no_commit_until_it_is_resumed
    a_paused_token_stays_so_and_keeps_what_its_ledger_finds
    a_halted_token_that_is_paused_is_both
    a_paused_token_stays_so_through_rewinds
    only_a_halted_token_heals
    a_fault_of_a_token_and_its_end_are_kept_while_its_chain_is_stopped
    a_token_that_moved_is_not_resumed
    a_token_that_was_stopped_otherwise_meanwhile_is_not_resumed
}

async fn report(ledger: &Ledger, status: ChainStatus) -> Result<(), StoreError> {
    let head = Some(BlockNumber::new(9));
    let report = ChainReport { chain: CHAIN, status, head, head_time: None, processed: None };
    ledger.store().report_chain(&report).await
}

async fn chain(ledger: &Ledger) -> ChainStatus {
    ledger.store().chain(CHAIN).await.expect("read").expect("registered").status
}

async fn status(ledger: &Ledger) -> TokenStatus {
    ledger.store().token(token()).await.expect("read").expect("registered").status
}

fn paused() -> TokenStatus {
    TokenStatus::Paused(Some("a law".to_owned()))
}

/// Five blocks, the token paused at the last.
async fn with_paused_token(fixture: Fixture) -> Ledger {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.store().pause_token(token(), &operator_because("a law")).await.expect("pause");
    ledger
}

/// Only a person pauses: a report has no name to record.
async fn a_report_that_pauses_is_invalid(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let refused = report(&ledger, ChainStatus::Paused(None)).await.expect_err("no person");
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    let state = ledger.store().chain(CHAIN).await.expect("read").expect("registered");
    assert_eq!((state.status, state.head), (ChainStatus::Syncing, None));
}

/// A pause would hide why it is halted.
async fn a_halted_chain_is_not_paused(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    let halted = ChainStatus::Halted("too deep".to_owned());
    report(&ledger, halted.clone()).await.expect("report");
    let refused = ledger.store().pause_chain(CHAIN, &operator()).await.expect_err("it is halted");
    assert_eq!(refused.kind(), StoreErrorKind::Conflict);
    assert!(refused.detail().contains("too deep"), "{refused}");
    assert_eq!(chain(&ledger).await, halted);
}

fn paused_and_halted(pause: &str, halt: &str) -> ChainStatus {
    ChainStatus::PausedAndHalted { pause: Some(pause.to_owned()), halt: halt.to_owned() }
}

/// A chain that an operator paused and a report halted.
async fn with_chain_stopped_twice(fixture: Fixture) -> Ledger {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.store().pause_chain(CHAIN, &operator_because("a law")).await.expect("pause");
    report(&ledger, ChainStatus::Halted("too deep".to_owned())).await.expect("report");
    ledger
}

/// An indexer under way may find what halts the chain; then an operator sees both, and one event.
async fn a_paused_chain_that_a_report_halts_is_both(fixture: Fixture) {
    let ledger = with_chain_stopped_twice(fixture).await;
    assert_eq!(chain(&ledger).await, paused_and_halted("a law", "too deep"));
    let events = ledger.fixture.all_events().await.expect("read");
    let halted = Event::ChainHalted { chain: CHAIN, reason: "too deep".to_owned() };
    assert_eq!(events.last().map(|last| &last.event), Some(&halted.into()));
    report(&ledger, ChainStatus::Halted("too deep".to_owned())).await.expect("report again");
    report(&ledger, ChainStatus::Live).await.expect("report");
    assert_eq!(chain(&ledger).await, paused_and_halted("a law", "too deep"));
    assert_eq!(ledger.fixture.all_events().await.expect("read"), events);
    resume_chain(ledger.store(), CHAIN).await.expect("resume");
    assert_eq!(chain(&ledger).await, ChainStatus::Syncing);
}

/// The newest reason of each.
async fn a_pause_of_what_is_paused_and_halted_keeps_why_it_is_halted(fixture: Fixture) {
    let ledger = with_chain_stopped_twice(fixture).await;
    ledger.store().pause_chain(CHAIN, &operator_because("again")).await.expect("pause");
    assert_eq!(chain(&ledger).await, paused_and_halted("again", "too deep"));
    report(&ledger, ChainStatus::Halted("deeper".to_owned())).await.expect("report");
    assert_eq!(chain(&ledger).await, paused_and_halted("again", "deeper"));
}

/// The operator decided about a pause, and a halt came to it; or about a pause, which another replaced.
async fn a_chain_that_was_stopped_otherwise_meanwhile_is_not_resumed(fixture: Fixture) {
    let ledger = with_chain_stopped_twice(fixture).await;
    let now = chain(&ledger).await;
    let earlier = [
        ChainStatus::Live,
        ChainStatus::Paused(Some("a law".to_owned())),
        ChainStatus::Halted("too deep".to_owned()),
        paused_and_halted("another", "too deep"),
    ];
    for found in earlier {
        let refused = ledger.store().resume_chain(CHAIN, &found, &operator()).await;
        assert_eq!(refused.expect_err("it is older").kind(), StoreErrorKind::Conflict, "{found}");
        assert_eq!(chain(&ledger).await, now);
    }
    ledger.store().resume_chain(CHAIN, &now, &operator()).await.expect("resume");
    ledger.store().resume_chain(CHAIN, &now, &operator()).await.expect("the answer was lost");
}

/// A reason that reads like two.
async fn a_chain_that_is_stopped_otherwise_in_the_same_words_is_not_resumed(fixture: Fixture) {
    let ledger = with_chain_stopped_twice(fixture).await;
    let now = chain(&ledger).await;
    let halt = "too deep; paused: a law".to_owned();
    let found = ChainStatus::PausedAndHalted { pause: None, halt };
    assert_eq!(found.to_string(), now.to_string());
    let refused = ledger.store().resume_chain(CHAIN, &found, &operator()).await;
    assert_eq!(refused.expect_err("it is another").kind(), StoreErrorKind::Conflict);
    assert_eq!(chain(&ledger).await, now);
}

/// Stops the chain as an operator, or as an indexer that found a fault.
async fn stop(ledger: &Ledger, pauses: bool) {
    if pauses {
        ledger.store().pause_chain(CHAIN, &operator()).await.expect("pause");
    } else {
        report(ledger, ChainStatus::Halted("too deep".to_owned())).await.expect("report");
    }
}

/// An indexer that read the status before goes on for a slice, which the store refuses.
async fn a_stopped_chain_takes_no_blocks_that_were_under_way(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    ledger.mine(9_000, &[(2, 1, 1)]);
    let message = ledger.message(&[token()], 6).await;
    let (before, cursor) = (ledger.digest().await, ledger.cursor().await);
    for pauses in [true, false] {
        stop(&ledger, pauses).await;
        let refused = ledger.store().commit(&message).await.expect_err("it is stopped");
        assert_eq!(refused.kind(), StoreErrorKind::Conflict, "{refused}");
        assert_eq!((ledger.digest().await, ledger.cursor().await), (before.clone(), cursor));
        resume_chain(ledger.store(), CHAIN).await.expect("resume");
    }
    ledger.store().commit(&message).await.expect("it goes on");
}

async fn a_stopped_chain_takes_no_logs_that_were_under_way(fixture: Fixture) {
    let contracts = Contracts::behind_blocks(fixture, &[vault("vault")]).await;
    let message = contracts.message(&[("vault", contracts.some_of(4))], 5).await;
    for pauses in [true, false] {
        stop(&contracts.ledger, pauses).await;
        let refused = contracts.store().commit_logs(&message).await.expect_err("it is stopped");
        assert_eq!(refused.kind(), StoreErrorKind::Conflict, "{refused}");
        resume_chain(contracts.ledger.store(), CHAIN).await.expect("resume");
    }
    contracts.store().commit_logs(&message).await.expect("it goes on");
}

/// A rewind by an operator is how a halted chain goes on.
async fn a_stopped_chain_takes_no_reorg_and_an_operators_rewind(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    for (pauses, to) in [(true, 4), (false, 3)] {
        let to = ledger.chain.block(to).expect("mined");
        stop(&ledger, pauses).await;
        let (before, stopped) = (ledger.digest().await, chain(&ledger).await);
        let refused = ledger.rewind_to(to).await.expect_err("it is stopped");
        assert_eq!(refused.kind(), StoreErrorKind::Conflict, "{refused}");
        assert_eq!(ledger.digest().await, before);
        ledger.rewind_by_operator(to).await.expect("rewind");
        assert_eq!((ledger.cursor().await, chain(&ledger).await), (Some(to), stopped));
        resume_chain(ledger.store(), CHAIN).await.expect("resume");
    }
}

/// As a halted one.
async fn a_paused_token_takes_no_commit_until_it_is_resumed(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let before = ledger.digest().await;
    ledger.mine(9_000, &[(2, 1, 1)]);
    let refused = ledger.commit_to(6).await.expect_err("it is paused");
    assert_eq!(refused.kind(), StoreErrorKind::Conflict);
    assert_eq!(ledger.digest().await, before);
    resume_token(ledger.store(), token()).await.expect("resume");
    assert_eq!(status(&ledger).await, TokenStatus::Active);
    ledger.commit_to(6).await.expect("it goes on");
}

fn both() -> TokenStatus {
    let (pause, halt) = (Some("a law".to_owned()), "overdrawn".to_owned());
    TokenStatus::PausedAndHalted { pause, halt }
}

/// A fault and the end of one; the fault is one event, however often it is found.
async fn a_paused_token_stays_so_and_keeps_what_its_ledger_finds(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    let before = ledger.fixture.all_events().await.expect("read").len();
    for _ in 0..2 {
        ledger.store().halt_token(token(), base, "overdrawn").await.expect("halt");
        assert_eq!(status(&ledger).await, both());
    }
    ledger.store().heal_token(token(), base).await.expect("heal");
    assert_eq!(status(&ledger).await, paused());
    let events = ledger.fixture.all_events().await.expect("read").split_off(before);
    let halted = Event::TokenHalted { token: token(), reason: "overdrawn".to_owned() };
    let events: Vec<_> = events.into_iter().map(|event| event.event).collect();
    assert_eq!(events, [halted.into()]);
}

/// The pause hides nothing, whatever its reason becomes, and one resume ends both.
async fn a_halted_token_that_is_paused_is_both(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    ledger.store().halt_token(token(), base, "overdrawn").await.expect("halt");
    for reason in ["another law", "a law"] {
        ledger.store().pause_token(token(), &operator_because(reason)).await.expect("pause");
    }
    assert_eq!(status(&ledger).await, both());
    resume_token(ledger.store(), token()).await.expect("resume");
    assert_eq!(status(&ledger).await, TokenStatus::Active);
}

/// A reorg is no decision of the operator, and the operator's rewind is another.
async fn a_paused_token_stays_so_through_rewinds(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    ledger.store().halt_token(token(), base, "overdrawn").await.expect("halt");
    ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    assert_eq!(status(&ledger).await, paused(), "the block that halted it is gone");
    ledger.rewind_by_operator(ledger.chain.block(2).expect("mined")).await.expect("rewind");
    assert_eq!(status(&ledger).await, paused());
    assert_eq!(ledger.cursor().await, ledger.chain.block(2));
}

async fn only_a_halted_token_heals(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    ledger.store().heal_token(token(), base).await.expect("it is active");
    ledger.store().halt_token(token(), base, "why").await.expect("halt");
    let refused = ledger.store().heal_token(token(), None).await.expect_err("it has a cursor");
    assert_eq!(refused.kind(), StoreErrorKind::Conflict);
    assert_eq!(status(&ledger).await, TokenStatus::Halted("why".to_owned()));
    ledger.store().heal_token(token(), base).await.expect("heal");
    assert_eq!(status(&ledger).await, TokenStatus::Active);
}

/// Neither takes a block.
async fn a_fault_of_a_token_and_its_end_are_kept_while_its_chain_is_stopped(fixture: Fixture) {
    let ledger = Ledger::with_blocks(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    for pauses in [true, false] {
        stop(&ledger, pauses).await;
        ledger.store().halt_token(token(), base, "why").await.expect("halt");
        assert_eq!(status(&ledger).await, TokenStatus::Halted("why".to_owned()));
        ledger.store().heal_token(token(), base).await.expect("heal");
        assert_eq!(status(&ledger).await, TokenStatus::Active);
        resume_chain(ledger.store(), CHAIN).await.expect("resume");
    }
}

/// The operator decided about another state.
async fn a_token_that_moved_is_not_resumed(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    let refused = ledger.store().resume_token(token(), base, &paused(), &operator()).await;
    assert_eq!(refused.expect_err("it moved").kind(), StoreErrorKind::Conflict);
    assert_eq!(status(&ledger).await, paused());
}

/// The operator decided about a pause, and a halt came to it; or about a pause, which another replaced.
async fn a_token_that_was_stopped_otherwise_meanwhile_is_not_resumed(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    ledger.store().halt_token(token(), base, "overdrawn").await.expect("halt");
    let (pause, halt) = (Some("another".to_owned()), "overdrawn".to_owned());
    let earlier = [
        TokenStatus::Active,
        paused(),
        TokenStatus::Halted(halt.clone()),
        TokenStatus::PausedAndHalted { pause, halt },
    ];
    for found in earlier {
        let refused = ledger.store().resume_token(token(), base, &found, &operator()).await;
        assert_eq!(refused.expect_err("it is older").kind(), StoreErrorKind::Conflict, "{found}");
        assert_eq!(status(&ledger).await, both());
    }
    for _ in ["resume", "the answer was lost"] {
        ledger.store().resume_token(token(), base, &both(), &operator()).await.expect("resume");
        assert_eq!(status(&ledger).await, TokenStatus::Active);
    }
}
