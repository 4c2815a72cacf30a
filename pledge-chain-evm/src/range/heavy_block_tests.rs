use std::error::Error;
use std::time::Duration;

use pledge_core::ledger::erc20::transfers_of;
use pledge_core::ports::{ChainSource, HeaderDetail, LogsRequest};
use pledge_core::types::BlockNumber;
use pledge_testing::hostile_node::{Refusal, Switch, Wire};

use super::*;
use crate::EvmChain;
use crate::failure::RestAsked;
use crate::range::stage_tests::{TOKEN, node};

/// A block of which the node refuses the logs, and answers for its receipts in this way.
async fn read_heavy_block(receipts: Wire) -> Result<LogsAnswer, ChainError> {
    let (node, config) = node().await;
    let evm = EvmChain::connect(config).await.unwrap();
    node.on(Switch::of(Refusal::error(-32_005, "too many logs")).only(&["eth_getLogs"]));
    node.on(Switch::of(receipts).only(&["eth_getBlockReceipts"]));
    let (from, to) = (BlockNumber::new(2), BlockNumber::new(2));
    let request =
        LogsRequest { from, to, filters: &[transfers_of(&[TOKEN])], detail: HeaderDetail::All };
    evm.logs(request).await
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
