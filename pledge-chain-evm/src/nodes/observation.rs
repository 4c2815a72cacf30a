//! A look at a node in one request: its head, and a block or two to compare.

use std::time::Duration;

use alloy::primitives::B256;
use pledge_core::error::ChainError;
use pledge_core::types::{BlockNumber, BlockRef};

use super::EvmNodes;
use crate::chain::EvmChain;
use crate::headers::GENESIS;

const OPERATION: &str = "read the head";

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

impl EvmNodes {
    /// A look at one node, which must be of the group's chain down to its first block. That is
    /// asked for once, and again after a failure, since another machine may have come back. Its
    /// health records the outcome, so the caller need not record an error.
    pub(super) async fn look(
        &self,
        node: usize,
        at: Option<BlockNumber>,
    ) -> Result<Observation, ChainError> {
        let chain = &self.nodes[node];
        let known = {
            let member = &self.state().members[node];
            member.genesis.filter(|_| member.health.is_ready())
        };
        let look = chain.header_reader().head_and([at, known.is_none().then_some(GENESIS)]);
        let look = tokio::time::timeout(self.config.look_timeout, look).await;
        let (head, [at, genesis]) = look
            .unwrap_or_else(|_| Err(late(chain, self.config.look_timeout)))
            .inspect_err(|error| self.failed(node, error))?;
        match genesis.map(|genesis| genesis.hash).or(known) {
            Some(genesis) => self.compare_genesis(node, genesis)?,
            None => self.answered(node),
        }
        Ok(Observation { head, at })
    }

    fn compare_genesis(&self, node: usize, genesis: B256) -> Result<(), ChainError> {
        let ours = {
            let mut state = self.state();
            state.members[node].genesis = Some(genesis);
            state.genesis().unwrap_or(genesis)
        };
        if genesis == ours {
            self.answered(node);
            return Ok(());
        }
        let detail = format!("its block 0 is {genesis}, that of the nodes in use is {ours}");
        self.unfit(node, detail.clone());
        Err(ChainError::transient(OPERATION, format!("{}: {detail}", self.nodes[node].endpoint())))
    }
}

/// A node that lets us wait.
pub(super) fn late(node: &EvmChain, waited: Duration) -> ChainError {
    let detail = format!("{} gives no answer within {} s", node.endpoint(), waited.as_secs());
    ChainError::transient("ask a node", detail)
}
