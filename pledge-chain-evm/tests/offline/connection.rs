//! Connecting, repeating, and what is done about a node that fails.

use std::error::Error;

use crate::fake_node::{API_KEY, CHAIN, FakeNode, all_texts, config};
use pledge_chain_evm::{EvmChain, EvmConfig, LogProof, WrongChain};
use pledge_core::error::ChainErrorKind;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, BlockSpan, ChainId};
use serde_json::{Value, json};

#[tokio::test]
async fn another_chain_behind_the_url_is_persistent_and_named() {
    let node = FakeNode::start().await;
    node.script().chain_id = 5;
    let error = EvmChain::connect(node.config()).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
    let text = error.to_string();
    for part in ["chain 5", "chain 31337", "127.0.0.1"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn only_another_chain_has_the_source_for_it() {
    let is_wrong_chain =
        |error: &dyn Error| error.source().is_some_and(|source| source.is::<WrongChain>());
    let node = FakeNode::start().await;
    node.script().chain_id = 5;
    assert!(is_wrong_chain(&EvmChain::connect(node.config()).await.unwrap_err()));
    let node = FakeNode::start().await;
    node.script().statuses = [401; 9].into();
    assert!(!is_wrong_chain(&EvmChain::connect(node.config()).await.unwrap_err()));
}

#[tokio::test]
async fn an_unreachable_node_is_transient_and_named() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = EvmChain::connect(config(port)).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    let text = error.to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}: cannot reach the node")), "{text}");
    assert!(!all_texts(&error).contains(API_KEY), "{}", all_texts(&error));
}

#[tokio::test]
async fn no_error_shows_the_api_key() {
    for status in [401, 404, 429, 500] {
        let node = FakeNode::start().await;
        node.script().statuses = [status; 9].into();
        let error = EvmChain::connect(node.config()).await.unwrap_err();
        assert!(!all_texts(&error).contains(API_KEY), "{}", all_texts(&error));
    }
}

/// The error for an answer under status 200 that cannot be read.
async fn text_of_unreadable(body: Value) -> String {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().body = Some(body);
    let error = chain.head().await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(error.to_string().contains("the answer cannot be read"), "{error}");
    all_texts(&error)
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_does_not_show_the_api_key() {
    for body in [
        json!({ "error": format!("Invalid API key: {API_KEY}") }),
        json!({ "jsonrpc": "2.0", "id": 0, "result": format!("https://host/{API_KEY}") }),
        json!(format!("no such key: {API_KEY}")),
    ] {
        let text = text_of_unreadable(body).await;
        assert!(!text.contains(API_KEY), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_quoted_at_length() {
    let long = "no ".repeat(10_000);
    for body in [json!({ "error": long }), json!({ "jsonrpc": "2.0", "id": 0, "result": long })] {
        let text = text_of_unreadable(body).await;
        assert!(text.len() < 5_000, "{} bytes", text.len());
    }
}

#[tokio::test]
async fn debug_output_shows_the_host_and_not_the_key() {
    let node = FakeNode::start().await;
    let text = format!("{:?} {:?}", node.config(), node.connect().await);
    assert!(text.contains("127.0.0.1") && !text.contains(API_KEY), "{text}");
}

#[tokio::test]
async fn a_url_that_is_not_http_is_persistent() {
    let config = EvmConfig::new(CHAIN, "ws://127.0.0.1:8545".parse().unwrap());
    let error = EvmChain::connect(config).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
}

#[tokio::test]
async fn a_busy_node_is_asked_again() {
    let node = FakeNode::start().await;
    node.script().statuses = [429, 503, 429].into();
    let chain = node.connect().await;
    assert_eq!(chain.head().await.unwrap().number, BlockNumber::new(1_000));
}

#[tokio::test]
async fn repeats_have_a_bound() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().statuses = [429; 100].into();
    let error = chain.head().await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert_eq!(node.script().statuses.len(), 96, "one request and three repeats");
}

#[tokio::test]
async fn a_refused_key_is_persistent_and_not_repeated() {
    let node = FakeNode::start().await;
    node.script().statuses = [401; 100].into();
    let error = EvmChain::connect(node.config()).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
    assert_eq!(node.script().statuses.len(), 99);
}

#[tokio::test]
async fn after_an_outage_the_chain_id_is_compared_before_anything_is_believed() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    {
        let mut script = node.script();
        script.statuses = [502].into();
        script.chain_id = 5;
    }
    let error = chain.head().await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
    node.script().chain_id = CHAIN.get();
    assert!(chain.head().await.is_ok());
}

#[tokio::test]
async fn without_an_outage_the_chain_id_is_not_asked_again() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().requests.clear();
    chain.head().await.unwrap();
    assert_eq!(node.script().requests, [["eth_getBlockByNumber"]]);
}

#[tokio::test]
async fn a_batch_that_is_refused_whole_is_halved_and_the_size_remembered() {
    let node = FakeNode::start().await;
    node.script().batch_max = 20;
    let chain = node.connect().await;
    let blocks = |from, to| (BlockNumber::new(from), BlockNumber::new(to));
    let (from, to) = blocks(1, 50);
    assert_eq!(chain.headers(BlockSpan::new(from, to)).await.unwrap().len(), 50);
    node.script().requests.clear();
    let (from, to) = blocks(51, 100);
    assert_eq!(chain.headers(BlockSpan::new(from, to)).await.unwrap().len(), 50);
    let largest = node.script().requests.iter().map(Vec::len).max();
    assert!(largest.unwrap() <= 20);
    assert_eq!(node.script().requests.len(), 5, "50 headers in batches of 12");
}

#[tokio::test]
async fn a_refusal_of_one_call_keeps_the_nodes_text() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    node.script().batch_max = 0;
    let error = chain.head().await.unwrap_err();
    assert!(error.to_string().contains("too many calls"), "{error}");
}

#[tokio::test]
async fn a_batch_size_that_was_halved_grows_back() {
    let node = FakeNode::start().await;
    node.script().batch_max = 20;
    let chain = node.connect().await;
    let (first, last) = (BlockNumber::new(1), BlockNumber::new(300));
    chain.headers(BlockSpan::new(first, last)).await.unwrap();
    {
        let mut script = node.script();
        script.batch_max = usize::MAX;
        script.requests.clear();
    }
    for _ in 0..20 {
        chain.headers(BlockSpan::new(first, last)).await.unwrap();
    }
    let largest = node.script().requests.iter().map(Vec::len).max();
    assert_eq!(largest, Some(100));
}

/// Whether a node that puts something more into each batch is asked for its headers one by one.
async fn is_asked_one_by_one(extra: Value) -> bool {
    let node = FakeNode::start().await;
    node.script().batch_extra = Some(extra);
    let chain = node.connect().await;
    node.script().requests.clear();
    let headers = chain.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(50))).await;
    assert_eq!(headers.unwrap().len(), 50);
    let requests = node.script().requests.clone();
    requests.iter().filter(|request| **request == ["eth_getBlockByNumber"]).count() == 50
}

#[tokio::test]
async fn a_batch_with_two_answers_to_one_call_is_not_believed() {
    assert!(is_asked_one_by_one(json!({ "jsonrpc": "2.0", "id": 0, "result": null })).await);
}

#[tokio::test]
async fn a_batch_with_an_answer_to_no_call_is_not_believed() {
    for id in [json!(50), json!("7"), Value::Null] {
        let extra = json!({ "jsonrpc": "2.0", "id": id, "result": null });
        assert!(is_asked_one_by_one(extra).await, "{id}");
    }
}

#[tokio::test]
async fn receipts_prove_nothing_on_a_chain_with_transfers_outside_them() {
    let node = FakeNode::start().await;
    let config =
        EvmConfig { chain: ChainId::new(137), log_proof: LogProof::Receipts, ..node.config() };
    let error = EvmChain::connect(config).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent);
    assert!(error.to_string().contains("use log_proof = \"bloom\""), "{error}");
}

#[tokio::test]
async fn a_batch_too_heavy_for_a_gateway_is_halved() {
    for status in [Some(500), Some(502), Some(504), None] {
        let node = FakeNode::start().await;
        node.script().batch_gateway = 20;
        node.script().gateway_status = status;
        let chain = node.connect().await;
        let headers =
            chain.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(50))).await;
        assert_eq!(headers.unwrap().len(), 50, "{status:?}");
    }
}

#[tokio::test]
async fn a_node_that_is_down_does_not_shrink_a_batch() {
    let node = FakeNode::start().await;
    let chain = node.connect().await;
    let (first, last) = (BlockNumber::new(1), BlockNumber::new(50));
    node.script().statuses = [502; 6].into();
    chain.headers(BlockSpan::new(first, last)).await.unwrap_err();
    node.script().requests.clear();
    chain.headers(BlockSpan::new(first, last)).await.unwrap();
    let largest = node.script().requests.iter().map(Vec::len).max();
    assert_eq!(largest, Some(51), "the headers and, after an outage, the chain id");
}
