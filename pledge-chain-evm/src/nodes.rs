//! Several nodes of one chain behind the port: one answers, the others stand by and vote.

mod agreed;
mod calls;
mod config;
mod cross_check;
mod discovery;
mod disputes;
mod failover;
mod group;
mod heads;
mod health;
mod observation;
mod ranges;
mod report;
mod vote;

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use alloy::primitives::Address;
use async_trait::async_trait;
use futures::FutureExt;
use futures::future::join_all;
use pledge_core::error::ChainError;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, Call, CallOutcome, ChainId};

pub use config::NodesConfig;
pub use cross_check::StandbyNodes;
pub use report::{NodeReport, NodeState};

use self::group::State;
use crate::chain::EvmChain;
use crate::config::EvmConfig;

/// Repeats of a call while there are other nodes to ask. The waits before them are short; a time-out
/// counts twice.
const RETRIES_MAX: usize = 3;

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
    chain: ChainId,
    nodes: Vec<EvmChain>,
    config: NodesConfig,
    state: Mutex<State>,
}

impl EvmNodes {
    /// A group of nodes, none of which is asked yet: they join as they answer.
    ///
    /// `Persistent` if there is none, if they are of several chains, or if a url is no http url.
    pub fn new(config: NodesConfig) -> Result<Self, ChainError> {
        let wrong = |detail: &str| ChainError::persistent("set up the nodes", detail);
        let first = config.nodes.first().ok_or_else(|| wrong("name at least one node"))?;
        let chain = first.chain;
        if config.nodes.iter().any(|node| node.chain != chain) {
            return Err(wrong("the nodes are of several chains: name those of one chain only"));
        }
        let is_alone = config.nodes.len() == 1;
        let nodes = config.nodes.iter().map(|node| {
            let retries_max =
                if is_alone { node.retries_max } else { node.retries_max.min(RETRIES_MAX) };
            EvmChain::new(&EvmConfig { retries_max, ..node.clone() })
        });
        let nodes = nodes.collect::<Result<_, _>>()?;
        let state = Mutex::new(State::new(&config));
        Ok(Self { chain, nodes, config, state })
    }

    /// The nodes, in the order of preference, each by itself.
    pub fn nodes(&self) -> &[EvmChain] {
        &self.nodes
    }

    /// Host and port of the node that answers; of the most preferred one if none was asked yet.
    pub fn endpoint(&self) -> &str {
        self.nodes[self.state().current().unwrap_or_default()].endpoint()
    }

    /// How many JSON-RPC calls were sent to the nodes so far, each one of a batch counted.
    pub fn calls_sent(&self) -> u64 {
        self.nodes.iter().map(|node| node.calls_sent()).sum()
    }

    /// Asks every node for its chain id and waits at most so long for each. What comes of it is an
    /// error for each node that cannot be used now; [`WrongChain`](crate::WrongChain) is the source of
    /// that of a node of another chain.
    pub async fn connect(&self, timeout: Duration) -> Vec<Result<(), ChainError>> {
        let nodes = self.nodes.iter().enumerate().map(|(node, chain)| async move {
            let asked = tokio::time::timeout(timeout, chain.chain_id()).await;
            match asked.unwrap_or_else(|_| Err(observation::late(chain, timeout))) {
                Ok(_) => {
                    self.answered(node);
                    Ok(())
                }
                Err(error) => {
                    self.failed(node, &error);
                    Err(error)
                }
            }
        });
        join_all(nodes).await
    }

    /// As [`EvmChain::find_deployment_block`], of the first node that answers.
    pub async fn find_deployment_block(&self, token: Address) -> Result<BlockNumber, ChainError> {
        let operation = "find the block of deployment";
        self.ask(operation, |node| node.find_deployment_block(token).boxed(), |_| &[]).await
    }

    fn is_alone(&self) -> bool {
        self.nodes.len() == 1
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

#[async_trait]
impl ChainSource for EvmNodes {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.ask("read the chain id", |node| node.chain_id(), |_| &[]).await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.read_head().await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.read_finalized().await
    }

    async fn headers(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<BlockRef>, ChainError> {
        self.ask("read headers", |node| node.headers(from, to), |headers| headers).await
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        self.ask("read headers", |node| node.headers_at(numbers), |headers| headers).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.read_logs(&request).await
    }

    async fn calls(&self, questions: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        let question = |node| calls::ask_node(node, questions, at).boxed();
        calls::outcomes_of(self.ask(calls::OPERATION, question, |_| &[]).await)
    }
}
