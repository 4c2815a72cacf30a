//! Logs that are not where or what they should be.

use alloy::primitives::{Address, B256};
use pledge_core::error::ChainErrorKind;
use pledge_testing::hostile_node::{Lie, Switch};
use serde_json::{Value, json};

use crate::stage::{FULL, HEAD, Stage};

const LOGS: &[&str] = &["eth_getLogs"];

/// A lie about the logs of one block is an error of this kind, and passes with the lie.
async fn refused(lie: Lie, kind: ChainErrorKind) {
    let stage = Stage::new().await;
    let switch = stage.node.on(Switch::of(lie.clone()).only(LOGS).at(FULL..=FULL));
    stage.expect_error(kind, 1, HEAD).await;
    assert!(stage.node.met(switch) > 0, "{lie:?} was not met");
    stage.node.calm();
    stage.expect_truth(1, HEAD).await;
}

/// A lie that changes nothing that matters.
async fn seen_through(lie: Lie) {
    let stage = Stage::new().await;
    let switch = stage.node.on(Switch::of(lie.clone()).only(LOGS).at(FULL..=FULL));
    stage.expect_truth(1, HEAD).await;
    assert!(stage.node.met(switch) > 0, "{lie:?} was not met");
}

#[tokio::test]
async fn logs_in_any_order_are_sorted() {
    seen_through(Lie::Unsorted).await;
}

#[tokio::test]
async fn logs_that_come_twice_count_once() {
    seen_through(Lie::Twice).await;
}

#[tokio::test]
async fn logs_without_a_word_on_removal_are_there() {
    seen_through(Lie::NoField("removed")).await;
}

#[tokio::test]
async fn two_logs_with_one_index_are_refused() {
    refused(Lie::SharedIndex, ChainErrorKind::Transient).await;
}

#[tokio::test]
async fn logs_of_a_block_with_another_hash_are_of_a_branch_that_is_gone() {
    let other = json!(B256::repeat_byte(7));
    refused(Lie::Field("blockHash", other), ChainErrorKind::BlockGone).await;
}

#[tokio::test]
async fn logs_that_were_removed_are_of_a_branch_that_is_gone() {
    refused(Lie::Field("removed", json!(true)), ChainErrorKind::BlockGone).await;
}

#[tokio::test]
async fn logs_without_a_place_are_refused() {
    for field in ["blockHash", "blockNumber", "logIndex", "transactionHash"] {
        refused(Lie::Field(field, Value::Null), ChainErrorKind::Transient).await;
        refused(Lie::NoField(field), ChainErrorKind::Transient).await;
    }
}

#[tokio::test]
async fn logs_that_were_not_asked_for_are_refused() {
    let elsewhere = json!("0x3e8");
    refused(Lie::Field("blockNumber", elsewhere), ChainErrorKind::Transient).await;
    let stranger = json!(Address::repeat_byte(0x99));
    refused(Lie::Field("address", stranger), ChainErrorKind::Transient).await;
}

/// The number names one block, the hash another.
#[tokio::test]
async fn logs_that_name_two_blocks_are_refused() {
    refused(Lie::Field("blockNumber", json!("0x7")), ChainErrorKind::BlockGone).await;
}

/// Less is asked for, down to the block, and that is read by its receipts.
#[tokio::test]
async fn logs_that_cannot_be_read_are_not_needed() {
    for (field, value) in [
        ("data", json!("0x0")),
        ("data", json!("zz")),
        ("topics", json!("0x")),
        ("topics", Value::Null),
        ("address", json!("0x12")),
        ("logIndex", json!(-1)),
        ("blockNumber", json!("0x1ffffffffffffffff")),
    ] {
        seen_through(Lie::Field(field, value)).await;
    }
}

#[tokio::test]
async fn an_answer_for_logs_that_is_no_list_is_not_needed() {
    for result in [Value::Null, json!({}), json!("0x"), json!([1])] {
        seen_through(Lie::Answers(result)).await;
    }
}
