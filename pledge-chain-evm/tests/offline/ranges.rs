//! Ranges and headers from a node that may refuse, lag, fork or lie.

use crate::fake_node::{FakeNode, word};
use alloy::primitives::{Address, B256};
use pledge_chain_evm::EvmChain;
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::erc20::{decode, transfers_of};
use pledge_core::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockNumber, BlockSpan};
use serde_json::{Value, json};

pub(crate) const TOKEN: Address = Address::repeat_byte(0x33);

pub(crate) async fn read(chain: &EvmChain, from: u64, to: u64) -> Result<LogsAnswer, ChainError> {
    let request = LogsRequest {
        from: BlockNumber::new(from),
        to: BlockNumber::new(to),
        filters: &[transfers_of(&[TOKEN])],
        detail: HeaderDetail::Sparse,
    };
    chain.logs(request).await
}

/// A node with these logs, and the error that reading blocks 1 to 100 of it gives.
async fn refusal(logs: impl FnOnce(&FakeNode) -> Vec<Value>) -> ChainErrorKind {
    let node = FakeNode::start().await;
    let logs = logs(&node);
    node.script().logs = logs;
    let chain = node.connect().await;
    read(&chain, 1, 100).await.unwrap_err().kind()
}

pub(crate) fn with(mut log: Value, field: &str, value: impl Into<Value>) -> Value {
    log[field] = value.into();
    log
}

fn numbers(answer: &LogsAnswer) -> Vec<u64> {
    answer.headers.iter().map(|header| header.number.get()).collect()
}

#[tokio::test]
async fn a_sparse_range_brings_both_ends_and_the_blocks_with_logs() {
    let node = FakeNode::start().await;
    let logs = vec![node.log(TOKEN, 70, 4), node.log(TOKEN, 70, 2), node.log(TOKEN, 30, 9)];
    node.script().logs = logs;
    let chain = node.connect().await;
    let answer = read(&chain, 10, 100).await.unwrap();
    assert_eq!(numbers(&answer), [10, 30, 70, 100]);
    let places = answer.logs.iter().map(|log| (log.block.get(), log.log_index.get()));
    assert_eq!(places.collect::<Vec<_>>(), [(30, 9), (70, 2), (70, 4)]);
}

#[tokio::test]
async fn an_empty_sparse_range_takes_one_request() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().requests.clear();
    read(&chain, 1, 900).await.unwrap();
    assert_eq!(node.script().requests.len(), 1);
}

#[tokio::test]
async fn a_range_of_one_block_has_one_header() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    assert_eq!(numbers(&read(&chain, 5, 5).await.unwrap()), [5]);
}

#[tokio::test]
async fn a_range_of_one_block_asks_for_its_header_before_and_after_the_logs() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().requests.clear();
    read(&chain, 5, 5).await.unwrap();
    let methods = ["eth_getBlockByNumber", "eth_getLogs", "eth_getBlockByNumber"];
    assert_eq!(node.script().requests, [methods]);
}

#[tokio::test]
async fn a_range_beyond_the_head_is_block_gone() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    let error = read(&chain, 990, 1_001).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_range_ends_before_a_missing_block_with_logs_which_is_block_gone() {
    let node = FakeNode::start().await;
    let logs = vec![node.log(TOKEN, 30, 0)];
    node.script().logs = logs;
    node.script().missing.insert(30);
    let chain = node.connect().await;
    let answer = read(&chain, 1, 100).await.unwrap();
    assert_eq!(answer.last().unwrap().number, BlockNumber::new(29));
    assert!(answer.logs.is_empty());
    let error = read(&chain, 30, 100).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_log_of_another_branch_is_block_gone() {
    let kind = refusal(|node| {
        let foreign = json!(B256::repeat_byte(7));
        vec![with(node.log(TOKEN, 30, 0), "blockHash", foreign)]
    });
    assert_eq!(kind.await, ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_removed_log_is_block_gone() {
    let kind = refusal(|node| vec![with(node.log(TOKEN, 30, 0), "removed", true)]);
    assert_eq!(kind.await, ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_pending_log_is_transient() {
    let kind = refusal(|node| vec![with(node.log(TOKEN, 30, 0), "blockHash", Value::Null)]);
    assert_eq!(kind.await, ChainErrorKind::Transient);
}

#[tokio::test]
async fn a_log_of_another_token_is_transient() {
    let kind = refusal(|node| vec![node.log(Address::repeat_byte(0x44), 30, 0)]);
    assert_eq!(kind.await, ChainErrorKind::Transient);
}

#[tokio::test]
async fn two_logs_at_one_place_are_transient() {
    let kind = refusal(|node| {
        let log = node.log(TOKEN, 30, 0);
        vec![with(log.clone(), "data", word(2)), log]
    });
    assert_eq!(kind.await, ChainErrorKind::Transient);
}

#[tokio::test]
async fn a_log_sent_twice_counts_once() {
    let node = FakeNode::start().await;
    let log = node.log(TOKEN, 30, 0);
    node.script().logs = vec![log.clone(), log];
    let chain = node.connect().await;
    assert_eq!(read(&chain, 1, 100).await.unwrap().logs.len(), 1);
}

#[tokio::test]
async fn logs_that_are_no_erc20_transfers_are_given() {
    let node = FakeNode::start().await;
    let mut nft = node.log(TOKEN, 30, 1);
    let last = nft["topics"][2].clone();
    nft["topics"].as_array_mut().unwrap().push(last);
    let log = node.log(TOKEN, 30, 0);
    node.script().logs = vec![log, with(nft, "data", "0x")];
    let chain = node.connect().await;
    let answer = read(&chain, 1, 100).await.unwrap();
    let are_read: Vec<_> = answer.logs.iter().map(|log| decode(log).is_ok()).collect();
    assert_eq!(are_read, [true, false]);
}

#[tokio::test]
async fn a_fork_between_the_logs_and_their_headers_is_block_gone() {
    let node = FakeNode::start().await;
    node.script().forks_at_logs = true;
    let chain = node.connect().await;
    let error = read(&chain, 1, 100).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn headers_come_for_every_block_asked() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    let headers = chain.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(450)));
    let found = headers.await.unwrap();
    let numbers = found.iter().map(|header| header.number.get());
    assert!(numbers.eq(1..=450));
}

#[tokio::test]
async fn headers_that_do_not_link_are_block_gone() {
    let node = FakeNode::start().await;
    node.script().unlinked.insert(7);
    let chain = node.connect().await;
    let headers = chain.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(9)));
    assert_eq!(headers.await.unwrap_err().kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn headers_beyond_the_head_are_block_gone() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    let headers = chain.headers(BlockSpan::new(BlockNumber::new(999), BlockNumber::new(1_001)));
    assert_eq!(headers.await.unwrap_err().kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_chain_without_finality_has_no_finalized_block() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    assert_eq!(chain.finalized().await.unwrap(), None);
    node.script().finalized = Err((-32_602, "invalid block tag".to_owned()));
    assert_eq!(chain.finalized().await.unwrap(), None);
    node.script().finalized = Err((-32_000, "finalized block not found".to_owned()));
    assert_eq!(chain.finalized().await.unwrap(), None);
}

#[tokio::test]
async fn a_failure_to_answer_for_finality_is_not_taken_for_its_absence() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().finalized = Err((-32_603, "internal error".to_owned()));
    assert!(chain.finalized().await.is_err());
}
