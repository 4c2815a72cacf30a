//! How often a node may be asked.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::{Duration, Instant};

use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::error::ChainErrorKind;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, BlockSpan};

use crate::node::{Node, chain};
use crate::{group_with, nodes_of};

fn per_second(node: &Node, requests: u32) -> EvmConfig {
    EvmConfig { requests_per_second: NonZeroU32::new(requests), ..node.config() }
}

#[tokio::test]
async fn a_budget_is_kept_and_counts_every_call_of_a_batch() {
    let chain = chain(100);
    let node = Node::start(&chain).await;
    let config = EvmConfig { request_timeout: Duration::from_secs(30), ..per_second(&node, 20) };
    let source = EvmChain::connect(config).await.unwrap();
    let (begin, last) = (Instant::now(), BlockNumber::new(60));
    source.headers(BlockSpan::new(BlockNumber::new(1), last)).await.unwrap();
    // Twenty may go at once, and the other forty take two seconds.
    assert!(begin.elapsed() >= Duration::from_millis(1_900), "{:?}", begin.elapsed());
    assert!(node.longest_batch() <= 20, "{}", node.longest_batch());
}

#[tokio::test]
async fn a_budget_without_room_is_an_error_that_names_it() {
    let chain = chain(100);
    let node = Node::start(&chain).await;
    let config = EvmConfig { request_timeout: Duration::from_secs(1), ..per_second(&node, 2) };
    let source = EvmChain::connect(EvmConfig { retries_max: 0, ..config }).await.unwrap();
    let error =
        source.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(9))).await.unwrap_err();
    assert_eq!(error.kind(), ChainErrorKind::Transient);
    assert!(error.to_string().contains("requests_per_second"), "{error}");
}

#[tokio::test]
async fn the_time_that_a_budget_takes_is_no_failure_of_the_node() {
    let chain = chain(100);
    let nodes = nodes_of(&chain, 2).await;
    let group = group_with(&nodes, |config| {
        config.answer_timeout = Duration::from_secs(2);
        config.nodes[0].requests_per_second = NonZeroU32::new(20);
        config.nodes[0].batch_requests_max = NonZeroUsize::new(5).unwrap();
    });
    let begin = Instant::now();
    group.headers(BlockSpan::new(BlockNumber::new(1), BlockNumber::new(90))).await.unwrap();
    assert!(begin.elapsed() > Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(group.endpoint(), nodes[0].endpoint());
    assert_eq!(nodes[1].requests(), 0);
}
