//! The properties of one node.

use std::time::Instant;

use pledge_core::error::ChainError;
use pledge_core::types::{BlockNumber, BlockSpan, ChainId, Timestamp};
use serde::Serialize;

use crate::nodes::Node;

/// A node that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeFacts {
    /// The chain it is on.
    pub chain_id: ChainId,
    /// How long it took to return its newest block.
    pub latency_ms: u64,
    /// Its software, if it reports it.
    pub client: Option<String>,
    /// Its newest block.
    pub head_block: BlockNumber,
    /// When that was mined.
    pub head_time: Timestamp,
    /// Its newest finalized block, if it knows one.
    pub finalized_block: Option<BlockNumber>,
    /// Whether it keeps the state of old blocks, which finding a deployment needs.
    pub keeps_history: bool,
}

/// Asks a node everything that matters before it is followed, except its chain id, which connecting
/// checks.
pub async fn probe(chain_id: ChainId, node: &dyn Node) -> Result<NodeFacts, ChainError> {
    let asked = Instant::now();
    let head = node.head().await?;
    let latency_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    let finalized = node.finalized().await?;
    Ok(NodeFacts {
        chain_id,
        latency_ms,
        // Not every node names its software, and nothing depends on it.
        client: node.client_version().await.ok(),
        head_block: head.number,
        head_time: head.time,
        finalized_block: finalized.map(|block| block.number),
        keeps_history: node.keeps_history().await?,
    })
}

/// Checks that a node has the first block that will be asked for. The error of a node that lacks it
/// names the block.
pub async fn probe_first_block(node: &dyn Node, first: BlockNumber) -> Result<(), ChainError> {
    let shown = node.headers(BlockSpan::one(first)).await?;
    if shown.first().is_some_and(|header| header.number == first) {
        return Ok(());
    }
    let detail = format!("{} has no block {first}", node.endpoint());
    Err(ChainError::block_gone("read the first block", detail))
}
