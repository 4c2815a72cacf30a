//! A look at a node in one request: its head, and a block or two to compare.

use std::sync::Arc;

use alloy::primitives::B256;
use pledge_core::error::ChainError;
use pledge_core::types::{BlockNumber, BlockRef};

use super::group::{Group, late};
use crate::headers::GENESIS;

/// The head of a node, and its block at a height.
#[derive(Debug)]
pub(super) struct Observation {
    pub(super) head: BlockRef,
    pub(super) at: Option<BlockRef>,
}

impl Observation {
    /// The headers in it.
    pub(super) fn headers(&self) -> Vec<BlockRef> {
        self.at.into_iter().chain([self.head]).collect()
    }
}

/// Looks at nodes, the current one or not.
#[derive(Debug, Clone)]
pub(super) struct Observer {
    group: Arc<Group>,
}

impl Observer {
    pub(super) const fn new(group: Arc<Group>) -> Self {
        Self { group }
    }

    /// A look at one node, which must be of the group's chain down to its first block. That is
    /// asked for once, and again after a failure, since another machine may have come back. Its
    /// health records the outcome, so the caller need not record an error.
    pub(super) async fn look(
        &self,
        node: usize,
        at: Option<BlockNumber>,
    ) -> Result<Observation, ChainError> {
        let (chain, timeout) = (self.group.node(node), self.group.config().look_timeout);
        let known = self.group.state().known_genesis(node);
        let look = chain.header_reader().head_and([at, known.is_none().then_some(GENESIS)]);
        let (head, [at, genesis]) = tokio::time::timeout(timeout, look)
            .await
            .unwrap_or_else(|_| Err(late(chain, timeout)))
            .inspect_err(|error| self.group.failed(node, error))?;
        match genesis.map(|genesis| genesis.hash).or(known) {
            Some(genesis) => self.compare_genesis(node, genesis)?,
            None => self.group.answered(node),
        }
        Ok(Observation { head, at })
    }

    fn compare_genesis(&self, node: usize, genesis: B256) -> Result<(), ChainError> {
        let ours = self.group.state().gave_genesis(node, genesis);
        if genesis == ours {
            self.group.answered(node);
            return Ok(());
        }
        let detail = format!("its block 0 is {genesis}, that of the nodes in use is {ours}");
        self.group.unfit(node, detail.clone());
        let detail = format!("{}: {detail}", self.group.node(node).endpoint());
        Err(ChainError::transient("read the head", detail))
    }
}
