//! Logs that a node omits.

use alloy::primitives::Bloom;
use pledge_chain_evm::LogProof;
use pledge_core::error::ChainErrorKind;
use pledge_testing::hostile_node::{Lie, Outlook, Switch};
use serde_json::{Value, json};

use crate::stage::{HEAD, Stage};

const LOGS: &[&str] = &["eth_getLogs"];
const BLOCKS: &[&str] = &["eth_getBlockByNumber", "eth_getBlockByHash"];

async fn by_receipts() -> Stage {
    Stage::with(|config| config.log_proof = LogProof::Receipts).await
}

/// The truth, or an error: never an answer that lacks something.
async fn expect_truth_or_error(stage: &Stage, what: &str) {
    if let Err(error) = stage.whole(1, HEAD).await {
        assert_ne!(error.kind(), ChainErrorKind::Persistent, "{what}: {error}");
    } else {
        stage.expect_truth(1, HEAD).await;
    }
}

/// An empty answer for everything, once.
#[tokio::test]
async fn an_empty_answer_for_blocks_with_logs_is_noticed_by_their_blooms() {
    let stage = Stage::new().await;
    stage.node.on(Switch::of(Lie::Answers(json!([]))).only(LOGS).times(1));
    stage.expect_error(ChainErrorKind::Transient, 1, HEAD).await;
    stage.expect_truth(1, HEAD).await;
}

/// The machine that has the logs is behind the one that has the headers, for as long as it likes.
#[tokio::test]
async fn logs_of_a_machine_that_is_behind_are_not_taken_for_all() {
    for lag in [1, 4, 20] {
        let stage = Stage::new().await;
        let behind = stage.node.on(Switch::of(Outlook::Behind(lag)).only(LOGS));
        stage.expect_error(ChainErrorKind::BlockGone, 1, HEAD).await;
        stage.node.off(behind);
        stage.expect_truth(1, HEAD).await;
    }
}

/// Where a provider stops without a word: the halves of the range have more.
#[tokio::test]
async fn an_answer_that_ends_at_a_round_number_of_logs_is_compared_with_its_halves() {
    for count in [10, 25, 50] {
        let stage = Stage::new().await;
        let lie = stage.node.on(Switch::of(Lie::AtMost(count)).only(LOGS));
        stage.expect_truth(1, HEAD).await;
        assert!(stage.node.met(lie) > 0, "{count}");
    }
}

#[tokio::test]
async fn a_header_without_a_bloom_proves_nothing_and_takes_nothing_away() {
    for lie in [Lie::Field("logsBloom", json!(Bloom::ZERO)), Lie::NoField("logsBloom")] {
        let stage = Stage::new().await;
        let lie = stage.node.on(Switch::of(lie).only(BLOCKS));
        stage.expect_truth(1, HEAD).await;
        assert!(stage.node.met(lie) > 0);
    }
}

/// A header that came before its bloom did: the chain has blooms, this block has none yet.
#[tokio::test]
async fn a_header_that_lacks_its_bloom_for_a_while_is_waited_for() {
    for lie in [Lie::Field("logsBloom", json!(Bloom::ZERO)), Lie::NoField("logsBloom")] {
        let stage = Stage::new().await;
        let lie = Switch::of(lie).only(BLOCKS).at(HEAD..=HEAD).times(4);
        let lie = stage.node.on(lie);
        expect_truth_or_error(&stage, "no bloom").await;
        assert!(stage.node.met(lie) > 0);
        stage.node.calm();
        stage.expect_truth(1, HEAD).await;
    }
}

/// Receipts are proven by their root, and nothing else is asked.
#[tokio::test]
async fn lies_about_logs_are_not_heard_where_receipts_are_verified() {
    for lie in [Lie::NoLogs, Lie::OneLogLess, Lie::SharedIndex, Lie::Answers(Value::Null)] {
        let stage = by_receipts().await;
        stage.node.on(Switch::of(lie).only(LOGS));
        stage.expect_truth(1, HEAD).await;
    }
}
