//! A chain whose nodes are connected to when it is asked for the first time.

use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockRef, BlockSpan, Call, CallOutcome, ChainId};
use tokio::sync::OnceCell;

use crate::config::ChainConfig;
use crate::nodes::Nodes;
use crate::setup;

/// A chain of the configuration. What is asked while no node answers fails, and connects again the next time.
#[derive(Debug)]
pub(crate) struct LateChain {
    config: ChainConfig,
    nodes: OnceCell<Arc<dyn Nodes>>,
}

impl LateChain {
    pub(crate) const fn new(config: ChainConfig) -> Self {
        Self { config, nodes: OnceCell::const_new() }
    }

    async fn nodes(&self) -> Result<&Arc<dyn Nodes>, ChainError> {
        let connect = async || setup::connect(&self.config).await;
        self.nodes.get_or_try_init(connect).await.map_err(|error| match error {
            setup::SetupError::Chain(error) => error,
            other => ChainError::transient("connect to a chain", other.to_string()),
        })
    }
}

#[async_trait]
impl ChainSource for LateChain {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.nodes().await?.chain_id().await
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.nodes().await?.head().await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.nodes().await?.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.nodes().await?.headers(blocks).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.nodes().await?.logs(request).await
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        self.nodes().await?.calls(calls, at).await
    }
}
