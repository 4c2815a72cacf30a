//! Ranges from a node with a limit on blocks, which it reports in its own way or not at all.

use crate::fake_node::FakeNode;
use crate::ranges::{TOKEN, read};
use pledge_chain_evm::EvmChain;
use pledge_core::error::ChainErrorKind;
use pledge_core::types::{BlockNumber, BlockSpan};

#[tokio::test]
async fn a_refused_range_is_halved_and_the_size_remembered() {
    let node = FakeNode::start().await;
    node.script().log_blocks_max = 30;
    let chain = node.connect().await;
    let answer = read(&chain, 1, 100).await.unwrap();
    assert_eq!(answer.last().unwrap().number, BlockNumber::new(25));
    read(&chain, 26, 100).await.unwrap();
    assert_eq!(node.script().log_ranges, [100, 50, 25, 25, 25]);
}

#[tokio::test]
async fn a_range_that_takes_too_long_is_halved_without_repeats() {
    let node = FakeNode::start().await;
    node.script().log_blocks_slow = 60;
    let chain = node.connect().await;
    let answer = read(&chain, 1, 100).await.unwrap();
    assert_eq!(answer.last().unwrap().number, BlockNumber::new(50));
}

#[tokio::test]
async fn an_answer_over_the_bound_halves_the_range() {
    let node = FakeNode::start().await;
    let logs = (1..=64).map(|block| node.log(TOKEN, block, 0)).collect();
    node.script().logs = logs;
    let mut config = node.config();
    config.answer_bytes_max = 12_000;
    let chain = EvmChain::connect(config).await.unwrap();
    let answer = read(&chain, 1, 64).await.unwrap();
    assert_eq!(answer.last().unwrap().number, BlockNumber::new(16));
    assert_eq!(answer.logs.len(), 16);
}

#[tokio::test]
async fn a_single_block_that_is_refused_is_transient_with_the_nodes_text() {
    let node = FakeNode::start().await;
    node.script().log_blocks_max = 0;
    let chain = node.connect().await;
    let error = read(&chain, 1, 8).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(error.to_string().contains("more than 10000 results"), "{error}");
    assert_eq!(node.script().log_ranges, [8, 4, 2, 1]);
}

#[tokio::test]
async fn a_rate_limit_does_not_shrink_the_range() {
    let node = FakeNode::start().await;
    node.script().log_errors = [(-32_005, "request rate exceeded".to_owned())].into();
    let chain = node.connect().await;
    let answer = read(&chain, 1, 100).await.unwrap();
    assert_eq!(answer.last().unwrap().number, BlockNumber::new(100));
}

/// Reads blocks 1 to 100 of a node with three logs in every block, and returns the number of
/// answers.
async fn read_all(node: &FakeNode) -> usize {
    let logs = (1..=100).flat_map(|block| (0..3).map(move |index| (block, index)));
    let logs = logs.map(|(block, index)| node.log(TOKEN, block, index)).collect();
    node.script().logs = logs;
    let chain = node.connect().await;
    let (mut next, mut blocks, mut answers) = (1, Vec::new(), 0);
    while next <= 100 {
        let answer = read(&chain, next, 100).await.unwrap();
        blocks.extend(answer.logs.iter().map(|log| log.block.get()));
        next = answer.last().unwrap().number.get() + 1;
        answers += 1;
    }
    let expected: Vec<u64> = (1..=100).flat_map(|block| [block; 3]).collect();
    assert_eq!(blocks, expected, "each block once, and no gap");
    answers
}

/// The sizes asked for when a node takes 40 blocks and refuses more with this text.
async fn sizes_with(refusal: fn(u64, u64) -> String) -> Vec<u64> {
    let node = FakeNode::start().await;
    node.script().log_blocks_max = 40;
    node.script().log_refusal = refusal;
    read_all(&node).await;
    node.script().log_ranges.clone()
}

#[tokio::test]
async fn a_suggested_range_is_asked_for_next() {
    let sizes = sizes_with(|from, _| {
        format!("this block range should work: [{from:#x}, {:#x}]", from + 39)
    });
    assert_eq!(sizes.await, [100, 40, 40, 20]);
}

#[tokio::test]
async fn a_suggested_range_may_have_its_ends_in_the_wrong_order() {
    let sizes = sizes_with(|from, _| {
        format!("this block range should work: [{:#x}, {from:#x}]", from + 39)
    });
    assert_eq!(sizes.await, [100, 40, 40, 20]);
}

#[tokio::test]
async fn a_limit_that_the_node_itself_excludes_is_tried_once() {
    let sizes = sizes_with(|_, _| "please limit the query to at most 41 blocks".to_owned());
    assert_eq!(sizes.await, [100, 41, 20, 20, 20, 20, 20]);
}

#[tokio::test]
async fn a_limit_far_too_large_is_no_limit() {
    let sizes = sizes_with(|_, _| "please limit the query to at most 1,000,000 blocks".to_owned());
    assert_eq!(sizes.await, [100, 50, 25, 25, 25, 25]);
}

#[tokio::test]
async fn a_limit_of_nothing_is_no_limit() {
    let sizes = sizes_with(|_, _| "please limit the query to at most 0 blocks".to_owned());
    assert_eq!(sizes.await, [100, 50, 25, 25, 25, 25]);
}

#[tokio::test]
async fn a_range_too_heavy_for_a_gateway_is_halved() {
    for status in [Some(500), Some(502), Some(503), Some(504), None] {
        let node = FakeNode::start().await;
        node.script().log_blocks_gateway = 30;
        node.script().gateway_status = status;
        assert_eq!(read_all(&node).await, 3, "{status:?}: 25 blocks, 50 in two ranges, 25");
    }
}

#[tokio::test]
async fn a_node_that_is_down_does_not_shrink_the_range() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().statuses = [502; 5].into();
    let error = read(&chain, 1, 100).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    let answer = read(&chain, 1, 100).await.unwrap();
    assert_eq!(answer.last().unwrap().number, BlockNumber::new(100));
}

#[tokio::test]
async fn the_ends_and_the_logs_travel_together_whatever_is_known_of_large_batches() {
    let node = FakeNode::start().await;
    node.script().batch_max = 4;
    let chain = node.connect().await;
    read(&chain, 1, 1).await.unwrap();
    let headers = pledge_core::ports::ChainSource::headers;
    headers(&chain, BlockSpan::new(BlockNumber::new(1), BlockNumber::new(100))).await.unwrap();
    node.script().requests.clear();
    read(&chain, 1, 100).await.unwrap();
    let requests = node.script().requests.clone();
    assert_eq!(requests.iter().map(Vec::len).collect::<Vec<_>>(), [4]);
}

#[tokio::test]
async fn without_batches_the_upper_end_is_read_before_and_after_the_logs() {
    let node = FakeNode::start().await;
    node.script().batch_max = 1;
    let chain = node.connect().await;
    node.script().requests.clear();
    read(&chain, 1, 100).await.unwrap();
    let header = "eth_getBlockByNumber";
    let requests = node.script().requests.clone();
    let single: Vec<&str> =
        requests.iter().filter(|r| r.len() == 1).map(|r| r[0].as_str()).collect();
    let single: Vec<&str> = single.into_iter().filter(|method| *method != "eth_chainId").collect();
    assert_eq!(single, [header, header, "eth_getLogs", header]);
    node.script().forks_at_logs = true;
    let error = read(&chain, 1, 100).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}
