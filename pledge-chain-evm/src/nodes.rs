//! Several nodes of one chain behind the port: one answers, the others stand by and vote.

mod agreed;
mod calls;
mod comparison;
mod config;
mod cross_check;
mod discovery;
mod disputes;
mod errors;
mod failover;
mod group;
mod heads;
mod health;
mod observation;
mod progress;
mod ranges;
mod report;
mod state;
mod vote;

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use async_trait::async_trait;
use futures::FutureExt;
use pledge_core::error::ChainError;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId};

pub use config::NodesConfig;
pub use cross_check::StandbyNodes;
pub use report::{NodeReport, NodeState};

use crate::chain::EvmChain;
use crate::discovery::{TokenDiscovery, TokenQuery};
use comparison::Comparer;
use discovery::Discovery;
use failover::Failover;
use group::Group;
use heads::Heads;
use ranges::Ranges;

/// One EVM chain, read through several nodes that must agree.
///
/// One node at a time answers, so nothing in an answer is mixed. Another takes its place when it
/// fails, falls behind or is on a fork, and gives it back to one of higher preference once that has
/// proved itself. Each answer is held against the newest blocks that were shown. A contradiction is
/// a reorg if the majority of the nodes that answer has the new block; without a majority it is an
/// error until the patience of [`NodesConfig`] is over. So a node that lags or is on a fork is
/// never taken for a reorg, and a group of one behaves as that one.
///
/// A switch is logged as a warning, once; [`EvmNodes::report`] returns the state of each node.
#[derive(Debug)]
pub struct EvmNodes {
    group: Arc<Group>,
    failover: Failover,
    heads: Heads,
    ranges: Ranges,
    discovery: Discovery,
}

impl EvmNodes {
    /// A group of nodes, none of which is asked yet: they join as they answer.
    ///
    /// `Persistent` if there is none, if they are of several chains, or if a url is no http url.
    pub fn new(config: NodesConfig) -> Result<Self, ChainError> {
        let group = Arc::new(Group::new(config)?);
        let comparer = Comparer::new(group.clone());
        let failover = Failover::new(group.clone(), comparer.clone());
        Ok(Self {
            heads: Heads::new(group.clone(), comparer.clone(), failover.clone()),
            ranges: Ranges::new(group.clone(), failover.clone()),
            discovery: Discovery::new(group.clone(), comparer, failover.clone()),
            failover,
            group,
        })
    }

    /// The nodes, in the order of preference, each by itself.
    pub fn nodes(&self) -> &[EvmChain] {
        self.group.nodes()
    }

    /// The nodes other than the current one, to cross-check it with.
    pub fn standby(&self) -> StandbyNodes {
        StandbyNodes::new(self.group.clone())
    }

    /// Host and port of the node that answers; of the most preferred one if none was asked yet.
    pub fn endpoint(&self) -> &str {
        let current = self.group.state().current();
        self.group.node(current.unwrap_or_default()).endpoint()
    }

    /// The state of each node, in the order of preference.
    pub fn report(&self) -> Vec<NodeReport> {
        self.group.report()
    }

    /// How many JSON-RPC calls were sent to the nodes so far, each one of a batch counted.
    pub fn calls_sent(&self) -> u64 {
        self.nodes().iter().map(EvmChain::calls_sent).sum()
    }

    /// Asks every node for its chain id and waits at most so long for each. What comes of it is an
    /// error for each node that cannot be used now; [`WrongChain`](crate::WrongChain) is the source of
    /// that of a node of another chain.
    pub async fn connect(&self, timeout: Duration) -> Vec<Result<(), ChainError>> {
        self.group.connect(timeout).await
    }

    /// As [`EvmChain::find_deployment_block`], of the first node that answers.
    pub async fn find_deployment_block(&self, token: Address) -> Result<BlockNumber, ChainError> {
        let operation = "find the block of deployment";
        self.failover
            .ask(operation, |node| node.find_deployment_block(token).boxed(), |_| &[])
            .await
    }

    /// As [`EvmChain::discover_tokens`], of the current node. What it cannot answer for a token, the
    /// other nodes are asked in turn: one without old state may come before one that has it.
    pub async fn discover_tokens(&self, queries: &[TokenQuery]) -> Vec<TokenDiscovery> {
        self.discovery.tokens(queries).await
    }
}

#[async_trait]
impl ChainSource for EvmNodes {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.failover.ask("read the chain id", |node| node.chain_id(), |_| &[]).await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.heads.head().await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.heads.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.failover.ask("read headers", |node| node.headers(blocks), |headers| headers).await
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        self.failover.ask("read headers", |node| node.headers_at(numbers), |headers| headers).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.ranges.read(&request).await
    }

    async fn calls(&self, questions: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        let question = |node| calls::ask_node(node, questions, at).boxed();
        calls::outcomes_of(self.failover.ask(calls::OPERATION, question, |_| &[]).await)
    }
}
