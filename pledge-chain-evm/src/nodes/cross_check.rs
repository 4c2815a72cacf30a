//! The standby nodes, as a source to cross-check the current one's answers with.

use std::sync::Arc;

use alloy::primitives::Address;
use async_trait::async_trait;
use futures::future::BoxFuture;
use pledge_core::error::ChainError;
use pledge_core::ledger::TokenMetadata;
use pledge_core::ports::{ChainSource, RangeFacts, RangeRequest};
use pledge_core::types::{Account, Amount, BlockId, BlockNumber, BlockRef, ChainId};
use tokio::time::Instant;

use super::EvmNodes;
use super::failover::is_of_the_node;
use crate::chain::EvmChain;

/// A group of nodes without its current one: each question is put to the most preferred of the others
/// that answers. `Transient` if there is none now.
#[derive(Debug, Clone)]
pub struct StandbyNodes {
    nodes: Arc<EvmNodes>,
}

impl EvmNodes {
    /// The nodes other than the current one, to cross-check it with.
    pub fn standby(self: &Arc<Self>) -> StandbyNodes {
        StandbyNodes { nodes: self.clone() }
    }
}

impl StandbyNodes {
    async fn ask<'a, T>(
        &'a self,
        operation: &'static str,
        question: impl Fn(&'a EvmChain) -> BoxFuture<'a, Result<T, ChainError>> + Send,
    ) -> Result<T, ChainError>
    where
        T: Send + Sync,
    {
        // Health is kept as by any other question, so a standby that fails is not asked first
        // again.
        let nodes = &*self.nodes;
        let others = nodes.state().others(Instant::now());
        let mut failure = None;
        for node in others {
            match nodes.question(node, question(&nodes.nodes[node])).await {
                Ok(answer) => {
                    nodes.answered(node);
                    return Ok(answer);
                }
                Err(error) => {
                    if is_of_the_node(&error) {
                        nodes.failed(node, &error);
                    }
                    failure = failure.or(Some(error));
                }
            }
        }
        Err(failure.unwrap_or_else(|| nodes.none_usable(operation)))
    }
}

#[async_trait]
impl ChainSource for StandbyNodes {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.ask("read the chain id", |node| node.chain_id()).await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.ask("read the head", |node| node.head()).await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.ask("read the finalized block", |node| node.finalized()).await
    }

    async fn headers(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<BlockRef>, ChainError> {
        self.ask("read headers", |node| node.headers(from, to)).await
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        self.ask("read headers", |node| node.headers_at(numbers)).await
    }

    async fn range<'a>(&self, request: RangeRequest<'a>) -> Result<RangeFacts, ChainError> {
        self.ask("read transfers", |node| node.range(request)).await
    }

    async fn token_metadata(&self, token: Address) -> Result<TokenMetadata, ChainError> {
        self.ask("read a token's metadata", |node| node.token_metadata(token)).await
    }

    async fn balances(
        &self,
        token: Address,
        accounts: &[Account],
        at: BlockId,
    ) -> Result<Vec<Amount>, ChainError> {
        self.ask("read balances", |node| node.balances(token, accounts, at)).await
    }

    async fn total_supply(&self, token: Address, at: BlockId) -> Result<Amount, ChainError> {
        self.ask("read the total supply", |node| node.total_supply(token, at)).await
    }
}
