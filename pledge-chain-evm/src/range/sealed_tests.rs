use std::error::Error;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use pledge_core::ledger::erc20::transfers_of;
use pledge_core::types::ChainId;
use pledge_testing::hostile_node::{Refusal, Switch, Wire, transfer};
use pledge_testing::{HostileChain, HostileNode};

use super::*;
use crate::config::{EvmConfig, LogProof};
use crate::failure::RestAsked;

const TOKEN: Address = Address::repeat_byte(0x70);

/// Twenty blocks, every other one with three transfers.
async fn node() -> (HostileNode, EvmChain) {
    let chain = HostileChain::new(31_337, 0);
    for height in 1..=20 {
        let [from, to] = [0xa1, 0xb0].map(Address::repeat_byte);
        let log = transfer(TOKEN, from, to, U256::from(height));
        chain.mine(12 * height, &vec![log; 3 * usize::from(height % 2 == 0)]);
    }
    let node = HostileNode::of(&chain).await;
    let config = EvmConfig::new(ChainId::new(31_337), node.url().parse().unwrap());
    let evm =
        EvmChain::connect(EvmConfig { log_proof: LogProof::Receipts, ..config }).await.unwrap();
    (node, evm)
}

/// A block of which the node refuses the logs, and answers for its receipts in this way.
async fn read_heavy_block(receipts: Wire) -> Result<LogsAnswer, ChainError> {
    let (node, mut evm) = node().await;
    evm.log_proof = LogProof::Bloom;
    node.on(Switch::of(Refusal::error(-32_005, "too many logs")).only(&["eth_getLogs"]));
    node.on(Switch::of(receipts).only(&["eth_getBlockReceipts"]));
    let (from, to) = (BlockNumber::new(2), BlockNumber::new(2));
    let request =
        LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail: HeaderDetail::All };
    evm.read_logs(&request).await
}

#[tokio::test]
async fn a_node_that_denies_the_receipts_of_a_heavy_block_is_asked_for_each_transactions() {
    let answer = read_heavy_block(Wire::status(403, "")).await.unwrap();
    assert_eq!(answer.logs.len(), 3);
}

#[tokio::test]
async fn a_node_that_asks_for_a_rest_over_the_receipts_of_a_heavy_block_is_heard() {
    let retry_after = vec![("retry-after", "3600".to_owned())];
    let error = read_heavy_block(Wire::Status(429, retry_after, String::new())).await.unwrap_err();
    assert!(error.to_string().contains("too many logs; by its receipts: "), "{error}");
    let source = error.source().and_then(|source| source.downcast_ref());
    assert!(source.is_some_and(|RestAsked(rest)| *rest == Duration::from_secs(3_600)), "{error:?}");
}

/// The blocks in which pages of such a size end.
async fn ends(page: Page, detail: HeaderDetail) -> Vec<u64> {
    let (_node, evm) = node().await;
    let (mut next, mut ends, mut logs) = (1, Vec::new(), 0);
    while next <= 20 {
        let (from, to) = (BlockNumber::new(next), BlockNumber::new(20));
        let request = LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail };
        let answer = evm.sealed_page(&request, 21 - next, page).await.unwrap();
        answer.verify(&request).unwrap();
        logs += answer.logs.len();
        ends.push(answer.last().unwrap().number.get());
        next = ends.last().unwrap() + 1;
    }
    assert_eq!(logs, 30, "each log once, whatever the pages");
    ends
}

#[tokio::test]
async fn a_page_ends_with_the_block_that_fills_it() {
    for detail in [HeaderDetail::All, HeaderDetail::Sparse] {
        let page = Page { blocks_max: 100, logs_max: 7 };
        assert_eq!(ends(page, detail).await, [6, 12, 18, 20]);
    }
}

#[tokio::test]
async fn a_page_ends_with_its_last_block() {
    let page = Page { blocks_max: 8, logs_max: 1_000 };
    assert_eq!(ends(page, HeaderDetail::Sparse).await, [8, 16, 20]);
}

#[tokio::test]
async fn a_page_that_one_block_overfills_is_that_block() {
    let page = Page { blocks_max: 100, logs_max: 1 };
    let every_other: Vec<u64> = (1..=10).map(|block| 2 * block).collect();
    assert_eq!(ends(page, HeaderDetail::All).await, every_other);
}
