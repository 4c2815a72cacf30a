//! The nodes of a chain as the server uses them, besides reading the chain.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ledger::TokenMetadata;
use pledge_core::ports::ChainSource;
use pledge_core::primitives::Address;
use pledge_core::types::{BlockNumber, Decimals};

/// The nodes of one chain, of which one at a time answers.
#[async_trait]
pub trait Nodes: ChainSource {
    /// Each node by itself, in the order of the configuration.
    fn each(&self) -> Vec<&dyn Node>;

    /// The nodes other than the one that answers, to cross-check it with.
    fn standby(&self) -> Arc<dyn ChainSource>;

    /// Host and port of the node that answers.
    fn endpoint(&self) -> &str;

    /// How many calls were sent to the nodes so far.
    fn calls_sent(&self) -> u64;

    /// What is wrong with each node, if anything, in the order of the configuration: the same text
    /// for as long as that is the same.
    fn incidents(&self) -> Vec<Option<String>>;

    /// What each node is to the chain now and was asked so far, in the order of the configuration.
    fn figures(&self) -> Vec<NodeFigures>;

    /// Looks tokens up together: an answer for each, in their order.
    async fn look_up(&self, tokens: &[TokenQuestion]) -> Vec<TokenAnswer>;
}

/// What one node is to its chain now, and what it was asked so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFigures {
    pub standing: Standing,
    /// Calls that were sent, each one of a batch counted.
    pub calls: u64,
    /// Requests that brought at least one answer.
    pub requests_answered: u64,
    /// Requests that failed and single calls that were refused, by the reason's name.
    pub failures: Vec<(&'static str, u64)>,
    /// The number of requests that took at most this long and longer than the bound before, by bound.
    pub durations: Vec<(Duration, u64)>,
    /// The number of requests that took longer than the last bound.
    pub longer: u64,
    /// The sum of the durations of all requests.
    pub duration_sum: Duration,
}

/// What one node is to its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The answers come from it.
    Current,
    /// It would answer if the current one failed.
    Ready,
    /// It failed, or asked to be left alone.
    Waits,
    /// Its answers cannot be of the chain that the others are on.
    OutOfUse,
}

/// One node of a chain.
#[async_trait]
pub trait Node: ChainSource {
    /// Its host and port.
    fn endpoint(&self) -> &str;

    /// The name and version of its software.
    async fn client_version(&self) -> Result<String, ChainError>;

    /// Whether it keeps the state of old blocks.
    async fn keeps_history(&self) -> Result<bool, ChainError>;
}

/// Notifications of new heads. They wake a caller and decide nothing.
#[async_trait]
pub trait Heads: Debug + Send {
    /// Waits for the next head. After an error it may be called again.
    async fn next(&mut self) -> Result<(), ChainError>;
}

/// What to find out about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenQuestion {
    pub address: Address,
    pub start: StartQuestion,
    /// The decimals of a contract that returns none.
    pub decimals: Option<Decimals>,
}

/// What to find out about a token's first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartQuestion {
    Nothing,
    /// The block of the deployment.
    Deployment,
    /// Whether the contract had code before this block.
    CodeBefore(BlockNumber),
}

/// What was found out about a token. Each part has its own error: `Persistent` is the token's or the
/// configuration's, `Transient` is worth another call.
#[derive(Debug)]
pub struct TokenAnswer {
    pub metadata: Result<TokenMetadata, ChainError>,
    pub start: Result<StartAnswer, ChainError>,
}

/// What was found out about a token's first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAnswer {
    NotAsked,
    Deployment(BlockNumber),
    /// The contract had code before the block that was named.
    CodeBefore,
    /// No code was seen before the block that was named, which proves nothing.
    NoCodeBefore,
}
