//! Laws of [`Registry`](pledge_core::ports::Registry) about what an operator stops.

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenStatus;
use pledge_core::ports::ChainReport;
use pledge_core::types::BlockNumber;

use super::ledger::Ledger;
use crate::Fixture;
use crate::world::{CHAIN, operator, operator_because, token};

laws! {
    __pauses of pauses(Fixture):
    a_report_that_pauses_is_invalid
    a_halted_chain_is_not_paused
    a_paused_chain_is_halted_by_a_report
    a_paused_token_takes_no_commit_until_it_is_resumed
    a_paused_token_stays_so_whatever_its_ledger_finds
    a_paused_token_stays_so_through_rewinds
    only_a_halted_token_heals
    a_token_that_moved_is_not_resumed
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

/// An indexer under way may find what halts the chain; then an operator sees both.
async fn a_paused_chain_is_halted_by_a_report(fixture: Fixture) {
    let ledger = Ledger::open(fixture).await;
    ledger.store().pause_chain(CHAIN, &operator()).await.expect("pause");
    let halted = ChainStatus::Halted("too deep".to_owned());
    report(&ledger, halted.clone()).await.expect("report");
    assert_eq!(chain(&ledger).await, halted);
}

/// As a halted one.
async fn a_paused_token_takes_no_commit_until_it_is_resumed(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let (before, cursor) = (ledger.digest().await, ledger.cursor().await);
    ledger.mine(9_000, &[(2, 1, 1)]);
    let refused = ledger.commit_to(6).await.expect_err("it is paused");
    assert_eq!(refused.kind(), StoreErrorKind::Conflict);
    assert_eq!(ledger.digest().await, before);
    let base = cursor.map(|cursor| cursor.id());
    ledger.store().resume_token(token(), base, &operator()).await.expect("resume");
    assert_eq!(status(&ledger).await, TokenStatus::Active);
    ledger.commit_to(6).await.expect("it goes on");
}

/// Neither a fault nor the end of one; and that is no event.
async fn a_paused_token_stays_so_whatever_its_ledger_finds(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    let before = ledger.fixture.all_events().await.expect("read");
    ledger.store().halt_token(token(), base, "overdrawn").await.expect("halt");
    assert_eq!(status(&ledger).await, paused());
    ledger.store().heal_token(token(), base).await.expect("heal");
    assert_eq!(status(&ledger).await, paused());
    assert_eq!(ledger.fixture.all_events().await.expect("read"), before);
}

/// A reorg is no decision of the operator, and the operator's rewind is another.
async fn a_paused_token_stays_so_through_rewinds(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    assert_eq!(status(&ledger).await, paused());
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

/// The operator decided about another state.
async fn a_token_that_moved_is_not_resumed(fixture: Fixture) {
    let ledger = with_paused_token(fixture).await;
    let base = ledger.cursor().await.map(|cursor| cursor.id());
    ledger.rewind_to(ledger.chain.block(3).expect("mined")).await.expect("rewind");
    let refused = ledger.store().resume_token(token(), base, &operator()).await;
    assert_eq!(refused.expect_err("it moved").kind(), StoreErrorKind::Conflict);
    assert_eq!(status(&ledger).await, paused());
}
