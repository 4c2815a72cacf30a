//! A look at a node in one request: its head, and a block or two to compare.

use std::time::Duration;

use alloy::primitives::B256;
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::types::{BlockNumber, BlockRef};

use super::EvmNodes;
use crate::chain::EvmChain;
use crate::headers::{header_if_there_call, tagged_header_call};
use crate::http::{Answer, Call};
use crate::wire::WireHeader;

const OPERATION: &str = "read the head";
const GENESIS: BlockNumber = BlockNumber::new(0);

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
        let look = chain.head_and([at, known.is_none().then_some(GENESIS)]);
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

impl EvmChain {
    /// The head and the blocks at some heights, in one batch; `None` is no height, or no block there
    /// because the head is lower. Only the first block may be missing below the head.
    pub(super) async fn head_and<const N: usize>(
        &self,
        heights: [Option<BlockNumber>; N],
    ) -> Result<(BlockRef, [Option<BlockRef>; N]), ChainError> {
        let asked = heights.iter().flatten().copied().map(header_if_there_call);
        let calls: Vec<Call> =
            [tagged_header_call("latest").expected()].into_iter().chain(asked).collect();
        let mut answers = self.rpc().together(calls).await.into_iter();
        let head = self.latest(answers.next().expect("a batch has an answer for each call"))?;
        let mut blocks = [None; N];
        for (block, height) in blocks.iter_mut().zip(heights) {
            let Some(height) = height else { continue };
            let answer = answers.next().expect("a batch has an answer for each call");
            *block = match self.header(OPERATION, height, answer) {
                Ok(header) => Some(header.block),
                // Not every node has the first blocks.
                Err(_) if height == GENESIS => None,
                Err(error) if error.kind() != ChainErrorKind::BlockGone => return Err(error),
                Err(_) if head.number < height => None,
                Err(_) => return Err(self.has_no_such_head(head.number, height)),
            };
        }
        Ok((head, blocks))
    }

    fn has_no_such_head(&self, head: BlockNumber, missing: BlockNumber) -> ChainError {
        let endpoint = self.endpoint();
        let detail =
            format!("{endpoint} names block {head} as its head, and has no block {missing}");
        ChainError::transient(OPERATION, detail)
    }

    fn latest(&self, answer: Answer) -> Result<BlockRef, ChainError> {
        let header = answer
            .and_then(|answer| self.rpc().parse::<Option<WireHeader>>(answer))
            .map_err(|failure| failure.during(OPERATION))?
            .ok_or_else(|| self.no_head(OPERATION))?;
        self.placed_header(OPERATION, header).map(|header| header.block)
    }
}

/// A node that lets us wait.
pub(super) fn late(node: &EvmChain, waited: Duration) -> ChainError {
    let detail = format!("{} gives no answer within {} s", node.endpoint(), waited.as_secs());
    ChainError::transient("ask a node", detail)
}
