//! The standby nodes, as a source to cross-check the current one's answers with.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use pledge_core::error::ChainError;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, ChainId};
use tokio::time::Instant;

use super::calls;
use super::group::Group;
use crate::chain::EvmChain;

/// A group of nodes without its current one: each question is put to the most preferred of the others
/// that answers. `Transient` if there is none now.
#[derive(Debug, Clone)]
pub struct StandbyNodes {
    group: Arc<Group>,
}

impl StandbyNodes {
    pub(super) const fn new(group: Arc<Group>) -> Self {
        Self { group }
    }

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
        let others = self.group.state().others(Instant::now());
        let mut failure = None;
        for node in others {
            match self.group.ask(node, question(self.group.node(node))).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| self.group.none_usable(operation)))
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

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.ask("read headers", |node| node.headers(blocks)).await
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        self.ask("read headers", |node| node.headers_at(numbers)).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.ask("read logs", |node| node.logs(request)).await
    }

    async fn calls(&self, questions: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        let question = |node| calls::ask_node(node, questions, at).boxed();
        calls::outcomes_of(self.ask(calls::OPERATION, question).await)
    }
}
