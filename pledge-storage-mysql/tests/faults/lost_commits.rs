//! A connection that is lost around a commit, when the server did it and when it did not.

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::EventSeq;
use pledge_core::ports::{
    EventStore, LedgerCommit, LedgerWrites, LogStore, LogsCommit, PointsStore, Rewind,
    SettlementBatch,
};
use pledge_storage_mysql::MySqlStore;
use pledge_testing::conformance::points_store::{WHOLE, batch, settle_both};
use pledge_testing::fault_proxy::Fate;
use pledge_testing::world::token;

use crate::stage::{COMMIT, Stage, consumer, is_unavailable, refused};

const UNKNOWN: &str = "may be there or not";

/// The content of a write: the same bytes however often it is tried.
enum Message {
    Commit(LedgerCommit),
    Logs(LogsCommit),
    Rewind(Rewind),
    Batch(SettlementBatch),
    Delivered(EventSeq, EventSeq),
}

impl Message {
    async fn send(&self, store: &MySqlStore) -> Result<(), StoreError> {
        match self {
            Self::Commit(commit) => store.commit(commit).await,
            Self::Logs(commit) => store.commit_logs(commit).await,
            Self::Rewind(rewind) => store.rewind(rewind).await.map(|_| ()),
            Self::Batch(batch) => store.commit_batch(batch).await,
            Self::Delivered(from, to) => store.record_delivered(&consumer(), *from, *to).await,
        }
    }
}

#[derive(Clone, Copy)]
enum Write {
    Commit,
    Logs,
    Rewind,
    Batch,
    Delivered,
}

impl Write {
    /// All that comes before the write, and the write.
    async fn prepare(self, stage: &Stage) -> Message {
        let ledger = &stage.ledger;
        match self {
            Self::Commit => {
                ledger.mine(9_000, &[(0, 5, 77), (2, 1, 5), (2, 2, 1)]);
                Message::Commit(ledger.message(&[token()], 6).await)
            }
            Self::Logs => {
                let contracts = stage.contracts();
                contracts.follow("vault").await;
                ledger.mine(9_000, &[]);
                let logs = contracts.some_of(6);
                Message::Logs(contracts.message(&[("vault", logs)], 6).await)
            }
            Self::Rewind => {
                settle_both(ledger, (0, 7_200)).await;
                let contracts = stage.contracts();
                contracts.follow("vault").await;
                let to = ledger.chain.block(2).unwrap();
                Message::Rewind(contracts.rewind_of(&["vault"], to).await)
            }
            Self::Batch => Message::Batch(batch(ledger, 0, WHOLE, (0, 7_200)).await),
            Self::Delivered => {
                let events = ledger.fixture.all_events().await.unwrap();
                Message::Delivered(EventSeq::START, events[2].sequence)
            }
        }
    }
}

/// The write on a store that nothing happens to.
async fn clean(write: Write) -> Stage {
    let stage = Stage::new().await;
    write.prepare(&stage).await.send(&stage.store).await.unwrap();
    stage
}

async fn the_reply_to_commit_is_lost(write: Write) {
    let (stage, clean) = (Stage::new().await, clean(write).await);
    let message = write.prepare(&stage).await;
    let before = stage.everything().await;
    stage.proxy.trap(COMMIT, Fate::DropReply);
    is_unavailable(message.send(&stage.store).await, UNKNOWN);
    assert_eq!(stage.proxy.counts().replies_dropped, 1);
    let after = stage.everything().await;
    assert_ne!(after, before, "the server did it");
    let (kind, text) = refused(message.send(&stage.store).await);
    assert_eq!(kind, StoreErrorKind::Conflict, "{text}");
    assert_eq!(after, clean.everything().await);
    assert_eq!(stage.everything().await, after);
}

async fn the_commit_does_not_arrive(write: Write) {
    let (stage, clean) = (Stage::new().await, clean(write).await);
    let message = write.prepare(&stage).await;
    let before = stage.everything().await;
    stage.proxy.trap(COMMIT, Fate::CutBefore);
    is_unavailable(message.send(&stage.store).await, UNKNOWN);
    assert_eq!(stage.proxy.counts().cut_before, 1);
    assert_eq!(stage.everything().await, before, "the server took it back");
    message.send(&stage.store).await.unwrap();
    assert_eq!(stage.everything().await, clean.everything().await);
}

/// At every statement of a write in turn, until one commit goes through untouched.
async fn a_statement_does_not_arrive_or_its_reply_is_lost(write: Write, texts: &[&str]) {
    let (stage, clean) = (Stage::new().await, clean(write).await);
    let message = write.prepare(&stage).await;
    let before = stage.everything().await;
    for text in texts {
        for fate in [Fate::CutBefore, Fate::DropReply] {
            stage.proxy.trap(*text, fate);
            is_unavailable(message.send(&stage.store).await, "no connection to the database");
            assert!(!stage.proxy.has_trap(), "no statement has {text}");
            assert_eq!(stage.everything().await, before, "{text}, {fate:?}");
        }
    }
    message.send(&stage.store).await.unwrap();
    assert_eq!(stage.everything().await, clean.everything().await);
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_there_once() {
    the_reply_to_commit_is_lost(Write::Commit).await;
}

#[tokio::test]
async fn logs_whose_reply_is_lost_are_there_once() {
    the_reply_to_commit_is_lost(Write::Logs).await;
}

#[tokio::test]
async fn a_rewind_whose_reply_is_lost_is_there_once() {
    the_reply_to_commit_is_lost(Write::Rewind).await;
}

#[tokio::test]
async fn a_batch_whose_reply_is_lost_is_there_once() {
    the_reply_to_commit_is_lost(Write::Batch).await;
}

#[tokio::test]
async fn a_position_whose_reply_is_lost_is_moved_once() {
    the_reply_to_commit_is_lost(Write::Delivered).await;
}

#[tokio::test]
async fn a_commit_that_does_not_arrive_is_done_by_the_same_call() {
    the_commit_does_not_arrive(Write::Commit).await;
}

#[tokio::test]
async fn logs_that_do_not_arrive_are_written_by_the_same_call() {
    the_commit_does_not_arrive(Write::Logs).await;
}

#[tokio::test]
async fn a_rewind_that_does_not_arrive_is_done_by_the_same_call() {
    the_commit_does_not_arrive(Write::Rewind).await;
}

#[tokio::test]
async fn a_batch_that_does_not_arrive_is_done_by_the_same_call() {
    the_commit_does_not_arrive(Write::Batch).await;
}

#[tokio::test]
async fn a_position_that_does_not_arrive_is_moved_by_the_same_call() {
    the_commit_does_not_arrive(Write::Delivered).await;
}

#[tokio::test]
async fn a_commit_cut_at_any_statement_leaves_nothing() {
    let texts = [
        "START TRANSACTION",
        "FROM chain",
        "FROM token",
        "INTO user_balance_change",
        "INTO user_balance ",
        "UPDATE token",
        "INTO block_header",
        "FROM block_header",
        "UPDATE event_counter",
        "INTO event ",
    ];
    a_statement_does_not_arrive_or_its_reply_is_lost(Write::Commit, &texts).await;
}

#[tokio::test]
async fn logs_cut_at_any_statement_leave_nothing() {
    let texts = [
        "START TRANSACTION",
        "FROM chain",
        "FROM contract ",
        "INTO contract_log",
        "UPDATE contract ",
        "INTO block_header",
        "FROM block_header",
    ];
    a_statement_does_not_arrive_or_its_reply_is_lost(Write::Logs, &texts).await;
}

#[tokio::test]
async fn a_rewind_cut_at_any_statement_leaves_nothing() {
    let texts = [
        "START TRANSACTION",
        "FROM user_balance_change",
        "INTO user_balance ",
        "FROM user_balance ",
        "UPDATE token",
        "FROM contract_log",
        "UPDATE contract ",
        "FROM block_header",
        "INTO user_points_change",
        "UPDATE event_counter",
        "INTO event ",
    ];
    a_statement_does_not_arrive_or_its_reply_is_lost(Write::Rewind, &texts).await;
}

#[tokio::test]
async fn a_batch_cut_at_any_statement_leaves_nothing() {
    let texts = [
        "START TRANSACTION",
        "FROM token",
        "INTO user_points ",
        "INTO user_points_change",
        "INTO settlement_window",
        "shard_progress SET",
    ];
    a_statement_does_not_arrive_or_its_reply_is_lost(Write::Batch, &texts).await;
}
