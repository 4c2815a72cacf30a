//! Logs that a node leaves out, noticed by the blooms of its own headers.

use crate::fake_node::FakeNode;
use crate::ranges::{TOKEN, read, with};
use alloy::primitives::{Address, keccak256};
use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::ledger::erc20::transfers_of;
use pledge_core::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockNumber, ChainId};
use serde_json::json;

const OTHER: Address = Address::repeat_byte(0x44);

/// A node whose headers carry blooms, with two logs in block 30 and one in block 70.
async fn node() -> FakeNode {
    let node = FakeNode::start().await;
    let logs = vec![node.log(TOKEN, 30, 0), node.log(TOKEN, 30, 5), node.log(TOKEN, 70, 2)];
    node.script().logs = logs;
    node.script().has_blooms = true;
    node
}

/// Every header and all transfers of two tokens in blocks 1 to 100.
async fn read_all(node: &FakeNode) -> Result<LogsAnswer, ChainError> {
    let request = LogsRequest {
        from: BlockNumber::new(1),
        to: BlockNumber::new(100),
        filters: &[transfers_of(&[TOKEN, OTHER])],
        detail: HeaderDetail::All,
    };
    node.connect().await.logs(request).await
}

fn text_of_transient(result: Result<LogsAnswer, ChainError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient, "{error}");
    error.to_string()
}

#[tokio::test]
async fn logs_that_fit_their_blooms_need_no_second_question() {
    let node = node().await;
    let answer = read_all(&node).await.unwrap();
    assert_eq!(answer.logs.len(), 3);
    let methods = node.script().requests.concat();
    assert!(!methods.contains(&"eth_getBlockByHash".to_owned()));
}

#[tokio::test]
async fn a_block_given_as_empty_is_noticed_and_named_with_its_node() {
    let node = node().await;
    node.script().omitted = [(70, 2)].into();
    let text = text_of_transient(read_all(&node).await);
    for part in ["127.0.0.1", "omits logs", "block 70", "has 0,", "has 1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn an_end_of_a_sparse_range_given_as_empty_is_noticed() {
    for (from, to) in [(10, 70), (70, 100), (70, 70)] {
        let node = node().await;
        node.script().omitted = [(70, 2)].into();
        let text = text_of_transient(read(&node.connect().await, from, to).await);
        assert!(text.contains("omits logs of block 70"), "{text}");
    }
}

#[tokio::test]
async fn one_token_left_out_of_a_block_is_noticed() {
    let node = node().await;
    let log = node.log(OTHER, 70, 3);
    node.script().logs.push(log);
    assert_eq!(read_all(&node).await.unwrap().logs.len(), 4);
    node.script().omitted = [(70, 3)].into();
    assert!(text_of_transient(read_all(&node).await).contains("omits logs of block 70"));
}

#[tokio::test]
async fn a_node_that_gives_fewer_logs_by_hash_contradicts_itself() {
    let node = node().await;
    node.script().false_positives = [(70, OTHER)].into();
    node.script().empty_by_hash = [70].into();
    assert!(text_of_transient(read_all(&node).await).contains("has 1, 127.0.0.1"));
}

#[tokio::test]
async fn a_false_positive_of_a_bloom_is_no_omission() {
    let node = node().await;
    node.script().false_positives = [(40, TOKEN), (70, OTHER)].into();
    assert_eq!(read_all(&node).await.unwrap().logs.len(), 3);
    let methods = node.script().requests.concat();
    assert_eq!(methods.iter().filter(|method| *method == "eth_getBlockByHash").count(), 2);
}

#[tokio::test]
async fn a_block_that_is_replaced_before_it_is_asked_for_again_is_block_gone() {
    let node = node().await;
    node.script().false_positives = [(40, TOKEN)].into();
    node.script().lost = [40].into();
    let error = read_all(&node).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}

#[tokio::test]
async fn a_log_that_its_blocks_bloom_excludes_is_transient() {
    let node = node().await;
    let log = node.log(OTHER, 80, 0);
    node.script().invented.push(log);
    let text = text_of_transient(read_all(&node).await);
    assert!(text.contains("block 80") && text.contains("whose bloom excludes it"), "{text}");
}

#[tokio::test]
async fn a_bloom_of_zero_excludes_every_log_above_a_block_that_had_a_bloom() {
    let node = node().await;
    let chain = node.connect().await;
    read(&chain, 30, 30).await.unwrap();
    let log = node.log(TOKEN, 80, 0);
    node.script().invented.push(log);
    let text = text_of_transient(read(&chain, 80, 80).await);
    assert!(text.contains("block 80") && text.contains("whose bloom excludes it"), "{text}");
}

/// A chain may have begun to fill in blooms.
#[tokio::test]
async fn a_bloom_of_zero_proves_nothing_below_the_first_block_that_had_a_bloom() {
    let node = node().await;
    let chain = node.connect().await;
    read(&chain, 70, 70).await.unwrap();
    let log = node.log(TOKEN, 20, 0);
    node.script().invented.push(log);
    assert_eq!(read(&chain, 20, 20).await.unwrap().logs.len(), 1);
}

#[tokio::test]
async fn a_state_sync_is_outside_of_the_bloom_on_polygon_and_nowhere_else() {
    let node = node().await;
    let block = node.script().block(80);
    let number = block.number.get().to_be_bytes();
    let tx = keccak256([b"matic-bor-receipt-", &number[..], &block.hash[..]].concat());
    let log = with(node.log(TOKEN, 80, 0), "transactionHash", json!(tx));
    node.script().invented.push(log);
    assert!(text_of_transient(read_all(&node).await).contains("whose bloom excludes it"));
    node.script().chain_id = 137;
    let config = EvmConfig { chain: ChainId::new(137), ..node.config() };
    let polygon = EvmChain::connect(config).await.unwrap();
    assert_eq!(read(&polygon, 1, 100).await.unwrap().logs.len(), 4);
}

#[tokio::test]
async fn a_chain_without_blooms_is_read_all_the_same() {
    let node = node().await;
    node.script().has_blooms = false;
    assert_eq!(read_all(&node).await.unwrap().logs.len(), 3);
}

#[tokio::test]
async fn missing_blooms_are_looked_into_once() {
    let node = node().await;
    node.script().has_blooms = false;
    let chain = node.connect().await;
    let mut requests = Vec::new();
    for _ in 0..3 {
        node.script().requests.clear();
        read(&chain, 1, 100).await.unwrap();
        requests.push(node.script().requests.len());
    }
    assert_eq!(requests, [3, 2, 2]);
}

#[tokio::test]
async fn an_answer_cut_at_a_round_number_is_noticed_and_read_in_smaller_parts() {
    for logs_max in [10, 25, 100] {
        let node = FakeNode::start().await;
        let logs = (1..=100).flat_map(|block| [(block, 0), (block, 1)]);
        let logs = logs.map(|(block, index)| node.log(TOKEN, block, index)).collect();
        node.script().logs = logs;
        node.script().logs_max = logs_max;
        let chain = node.connect().await;
        let (mut next, mut transfers) = (1, 0);
        while next <= 100 {
            let answer = read(&chain, next, 100).await.unwrap();
            transfers += answer.logs.len();
            next = answer.last().unwrap().number.get() + 1;
        }
        assert_eq!(transfers, 200, "{logs_max}");
    }
}

#[tokio::test]
async fn an_answer_cut_within_the_first_of_its_halves_is_noticed() {
    let node = FakeNode::start().await;
    let logs = (0..30).map(|index| node.log(TOKEN, 1 + index / 15, index)).collect();
    node.script().logs = logs;
    node.script().logs_max = 25;
    let chain = node.connect().await;
    let answer = read(&chain, 1, 100).await.unwrap();
    assert_eq!((answer.last().unwrap().number.get(), answer.logs.len()), (1, 15));
}

#[tokio::test]
async fn a_round_number_that_is_the_truth_stays_one_answer() {
    let node = FakeNode::start().await;
    let logs = (1..=10).map(|block| node.log(TOKEN, 9 * block, 0)).collect();
    node.script().logs = logs;
    let chain = node.connect().await;
    let answer = read(&chain, 1, 100).await.unwrap();
    assert_eq!((answer.last().unwrap().number.get(), answer.logs.len()), (100, 10));
    assert_eq!(node.script().log_ranges[..3], [100, 50, 50]);
}
