//! Deployments and metadata of many tokens, from nodes that lack state and do not report it.

use std::collections::BTreeSet;

use alloy::primitives::{Address, U256};
use pledge_chain_evm::{EvmChain, StartFound, StartQuery, TokenDiscovery, TokenQuery};
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::types::BlockNumber;
use pledge_testing::hostile_node::{Lie, Refusal, Switch, transfer};
use pledge_testing::world::CHAIN;
use pledge_testing::{HostileChain, HostileNode};
use serde_json::json;

use crate::stage::{connect, within};

const BLOCKS: u64 = 400;
const STATE: &[&str] = &["eth_getCode", "eth_getTransactionCount", "eth_getBalance"];

fn token(number: u64) -> Address {
    let mut bytes = [0x7e; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Address::from(bytes)
}

/// The deployment of a numbered token: all over the chain.
const fn deployed(number: u64) -> u64 {
    3 + number * 37 % (BLOCKS - 5)
}

/// A chain with `tokens` tokens, where each block has a transaction, and a node of it.
async fn node(tokens: u64) -> (HostileNode, EvmChain) {
    let chain = HostileChain::new(CHAIN.get(), 0);
    let [from, to] = [0xa1, 0xb0].map(Address::repeat_byte);
    for height in 1..=BLOCKS {
        chain.mine(12 * height, &[transfer(token(0), from, to, U256::from(height))]);
    }
    for number in 0..tokens {
        chain.deploy_at(token(number), &format!("T{number}"), 18, deployed(number));
    }
    let node = HostileNode::of(&chain).await;
    let evm = connect(&node, |_| {}).await.unwrap();
    (node, evm)
}

fn queries(tokens: u64, start: StartQuery) -> Vec<TokenQuery> {
    (0..tokens).map(|number| TokenQuery { address: token(number), start, decimals: None }).collect()
}

/// From a block down the node has no state, and answers as if nothing were there.
fn prune(node: &HostileNode, up_to: u64) {
    let nothing = |names| Switch::of(Lie::Answers(json!("0x"))).only(names).at(0..=up_to);
    node.on(nothing(&["eth_getCode"]));
    let zero = Switch::of(Lie::Answers(json!("0x0"))).only(&STATE[1..]).at(0..=up_to);
    node.on(zero);
}

fn persistent<T: std::fmt::Debug>(result: Result<T, ChainError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Persistent, "{error}");
    error.to_string()
}

fn starts(found: &[TokenDiscovery]) -> Vec<StartFound> {
    found.iter().map(|token| *token.start.as_ref().unwrap()).collect()
}

#[tokio::test]
async fn sixty_tokens_are_found_in_few_requests() {
    let (node, evm) = node(60).await;
    let before = node.requests().len();
    let found = within(evm.discover_tokens(&queries(60, StartQuery::Deployment))).await;
    let expected: Vec<StartFound> =
        (0..60).map(|n| StartFound::Deployment(BlockNumber::new(deployed(n)))).collect();
    assert_eq!(starts(&found), expected);
    for (number, token) in found.iter().enumerate() {
        assert_eq!(token.metadata.as_ref().unwrap().symbol, format!("T{number}"));
    }
    let requests = node.requests().len() - before;
    // Five of metadata, head and code, ten steps of bisection, and one or two proofs a token.
    assert!(requests <= 90, "{requests} requests for 60 tokens");
}

#[tokio::test]
async fn one_bad_token_fails_alone() {
    let (_node, evm) = node(3).await;
    let mut asked = queries(3, StartQuery::Deployment);
    asked.insert(
        1,
        TokenQuery { address: token(999), start: StartQuery::Deployment, decimals: None },
    );
    let mut found = within(evm.discover_tokens(&asked)).await;
    let bad = found.remove(1);
    assert!(persistent(bad.metadata).contains("no contract code"));
    assert!(persistent(bad.start).contains("no contract code"));
    assert_eq!(starts(&found).len(), 3);
    assert!(found.iter().all(|token| token.metadata.is_ok()));
}

/// For every place where the state may begin: the deployment, or an error that names the remedy.
#[tokio::test]
async fn an_empty_answer_of_pruned_state_is_never_taken_for_a_deployment() {
    for up_to in [0, 1, 5, 39, 40, 41, 200, BLOCKS - 1] {
        let (node, evm) = node(2).await;
        prune(&node, up_to);
        let found = within(evm.discover_tokens(&queries(2, StartQuery::Deployment))).await;
        for (number, token) in (0..).zip(found) {
            let true_start = deployed(number);
            match token.start {
                Ok(start) => {
                    assert_eq!(start, StartFound::Deployment(BlockNumber::new(true_start)));
                    assert!(up_to < true_start, "state up to {up_to} is gone");
                }
                Err(error) => {
                    let text = persistent::<()>(Err(error));
                    for remedy in ["start_block", "node with full history"] {
                        assert!(text.contains(remedy), "{text}");
                    }
                    assert!(up_to >= true_start - 1, "state from {up_to} on is there: {text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_deployment_in_genesis_needs_no_proof() {
    let (node, evm) = node(1).await;
    node.chain().deploy(token(0), "OLD", 6);
    let found = within(evm.find_deployment_block(token(0))).await.unwrap();
    assert_eq!(found, BlockNumber::new(0));
}

#[tokio::test]
async fn a_contract_that_its_own_block_creates_is_proven_without_old_state() {
    let (node, evm) = node(1).await;
    let sender = Address::repeat_byte(0xf0);
    // Two transactions a block: the first of block 20 has nonce 38.
    let created = sender.create(38);
    node.chain().deploy_at(created, "MADE", 6, 20);
    let full_block = node.chain().block(20);
    let creation = json!([{ "from": sender, "to": null, "nonce": "0x26" }]);
    let lie = Lie::Field("transactions", creation);
    node.on(Switch::of(lie).only(&["eth_getBlockByNumber"]).at(20..=20));
    prune(&node, 19);
    let found = within(evm.find_deployment_block(created)).await.unwrap();
    assert_eq!(found, BlockNumber::new(full_block.number()));
}

#[tokio::test]
async fn pruned_state_that_is_an_error_names_the_remedy() {
    let (node, evm) = node(1).await;
    let refusal = Refusal::error(-32_000, "missing trie node");
    node.on(Switch::of(refusal).only(STATE).at(0..=300));
    let text = persistent(within(evm.find_deployment_block(token(0))).await);
    assert!(text.contains("start_block") && text.contains("missing trie node"), "{text}");
}

#[tokio::test]
async fn code_before_the_first_block_of_a_configuration_is_seen() {
    let (_node, evm) = node(2).await;
    for (block, expected) in [
        (0, StartFound::NoCodeBefore),
        (deployed(0), StartFound::NoCodeBefore),
        (deployed(0) + 1, StartFound::CodeBefore),
        (BLOCKS, StartFound::CodeBefore),
    ] {
        let query = TokenQuery {
            address: token(0),
            start: StartQuery::CodeBefore(BlockNumber::new(block)),
            decimals: None,
        };
        let found = within(evm.discover_tokens(&[query])).await;
        assert_eq!(starts(&found), [expected], "block {block}");
    }
}

#[tokio::test]
async fn questions_that_are_not_asked_cost_nothing() {
    let (node, evm) = node(5).await;
    let found = within(evm.discover_tokens(&queries(5, StartQuery::Skip))).await;
    assert_eq!(starts(&found), [StartFound::Skipped; 5]);
    let methods: BTreeSet<String> =
        node.requests().into_iter().flatten().map(|call| call.method).collect();
    assert_eq!(methods, ["eth_call", "eth_chainId", "eth_getCode"].map(String::from).into());
}
