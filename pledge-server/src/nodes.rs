//! The nodes of a chain as the server uses them, besides reading the chain.

use std::fmt::Debug;
use std::sync::Arc;

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

    /// Looks tokens up together: an answer for each, in their order.
    async fn look_up(&self, tokens: &[TokenQuestion]) -> Vec<TokenAnswer>;
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
