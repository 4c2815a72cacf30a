//! An act of a person around a lost connection: its change and its record are there, or neither.

use pledge_core::audit::AuditRecord;
use pledge_core::error::StoreError;
use pledge_core::indexer::ChainStatus;
use pledge_core::ports::{LedgerReads, Registry};
use pledge_testing::fault_proxy::Fate;
use pledge_testing::world::{CHAIN, operator_because};

use crate::stage::{COMMIT, Stage, is_unavailable};

async fn pause(stage: &Stage) -> Result<(), StoreError> {
    stage.store.pause_chain(CHAIN, &operator_because("a law")).await
}

async fn records(stage: &Stage) -> Vec<AuditRecord> {
    stage.ledger.fixture.all_acts().await.unwrap()
}

/// The act is made again, which leaves it made once.
async fn is_made_once(stage: &Stage, known: usize) {
    pause(stage).await.unwrap();
    let chain = stage.store.chain(CHAIN).await.unwrap().unwrap();
    assert_eq!(chain.status, ChainStatus::Paused(Some("a law".to_owned())));
    let records = records(stage).await;
    assert_eq!(records.len(), known + 1);
    assert_eq!(records[known].by, operator_because("a law"));
}

#[tokio::test]
async fn an_act_whose_reply_is_lost_is_there_once_with_its_record() {
    let stage = Stage::new().await;
    let known = records(&stage).await.len();
    stage.proxy.trap(COMMIT, Fate::DropReply);
    is_unavailable(pause(&stage).await, "may be there or not");
    assert_eq!(records(&stage).await.len(), known + 1, "the server did it");
    is_made_once(&stage, known).await;
}

#[tokio::test]
async fn an_act_whose_commit_does_not_arrive_leaves_no_record() {
    let stage = Stage::new().await;
    let (before, known) = (stage.everything().await, records(&stage).await.len());
    stage.proxy.trap(COMMIT, Fate::CutBefore);
    is_unavailable(pause(&stage).await, "may be there or not");
    assert_eq!(stage.everything().await, before, "the server took it back");
    assert_eq!(records(&stage).await.len(), known);
    is_made_once(&stage, known).await;
}

#[tokio::test]
async fn an_act_that_is_cut_at_any_statement_leaves_nothing() {
    let stage = Stage::new().await;
    let (before, known) = (stage.everything().await, records(&stage).await.len());
    for text in ["UPDATE chain", "FROM audit_counter", "UPDATE audit_counter", "INTO audit_record"]
    {
        for fate in [Fate::CutBefore, Fate::DropReply] {
            stage.proxy.trap(text, fate);
            is_unavailable(pause(&stage).await, "no connection to the database");
            assert!(!stage.proxy.has_trap(), "no statement has {text}");
            assert_eq!(stage.everything().await, before, "{text}, {fate:?}");
            assert_eq!(records(&stage).await.len(), known, "{text}, {fate:?}");
        }
    }
    is_made_once(&stage, known).await;
}
