//! A port with a delay.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::{ChainError, StoreError};
use pledge_core::forward_store;
use pledge_core::ports::{
    BalanceStore, ChainSource, ChainState, LedgerReads, LedgerWrites, LogsAnswer, LogsRequest,
    Registry,
};
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{BlockId, BlockRef, BlockSpan, Call, CallOutcome, ChainId};

/// Delays the query that callers send first: the head of a chain, or the chains of a store. All
/// other calls return at once.
#[derive(Debug)]
pub struct Slow<T> {
    inner: T,
    wait: Duration,
    asked: AtomicUsize,
}

impl<T> Slow<T> {
    /// The port behind a wait.
    pub const fn new(inner: T, wait: Duration) -> Self {
        Self { inner, wait, asked: AtomicUsize::new(0) }
    }

    /// The number of delayed calls.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    async fn wait(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.wait).await;
    }
}

#[async_trait]
impl Registry for Slow<Arc<dyn BalanceStore>> {
    forward_store!(inner: register_chain report_chain pause_chain resume_chain register_token);
    forward_store!(inner: halt_token heal_token pause_token resume_token record_supply);
}

#[async_trait]
impl LedgerReads for Slow<Arc<dyn BalanceStore>> {
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        self.wait().await;
        self.inner.chains().await
    }

    forward_store!(inner: chain tokens token headers edges states history last_change_block);
    forward_store!(inner: changes unreadable_logs change_time histories holders);
}

#[async_trait]
impl LedgerWrites for Slow<Arc<dyn BalanceStore>> {
    forward_store!(inner: commit rewind record_edges);
}

#[async_trait]
impl ChainSource for Slow<ScriptedChain> {
    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.wait().await;
        ChainSource::head(&self.inner).await
    }

    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        self.inner.chain_id().await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.inner.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.inner.headers(blocks).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.inner.logs(request).await
    }

    async fn calls(&self, calls: &[Call], at: BlockId) -> Result<Vec<CallOutcome>, ChainError> {
        ChainSource::calls(&self.inner, calls, at).await
    }
}
