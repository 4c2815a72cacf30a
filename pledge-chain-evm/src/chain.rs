//! The source: one node behind the port.

use std::sync::atomic::AtomicBool;

use alloy::primitives::U64;
use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::types::{BlockId, BlockNumber, BlockRef, Call as Question, CallOutcome, ChainId};
use serde_json::json;

use crate::adaptive_size::AdaptiveSize;
use crate::config::{EvmConfig, LogProof};
use crate::http::Call;
use crate::range::{FILTER_ADDRESSES_MAX, FirstBloom, Width};
use crate::rpc::{Rpc, chain_id_call};
use crate::state_sync::has_state_sync;

/// One EVM chain, read from one node over JSON-RPC.
///
/// Requests that fail on the way are repeated within the bounds of [`EvmConfig`]; what is left is an
/// error that names the node's host and never the rest of its url. After an outage the chain id is
/// compared again before anything else is believed.
#[derive(Debug)]
pub struct EvmChain {
    rpc: Rpc,
    /// Blocks in one `eth_getLogs`.
    pub(crate) range_size: AdaptiveSize,
    /// Such ranges asked for side by side.
    pub(crate) range_width: Width,
    /// Addresses in the filter of one `eth_getLogs`.
    pub(crate) filter_size: AdaptiveSize,
    /// The node does not take block hashes in `eth_call` (EIP-1898).
    pub(crate) state_by_number: AtomicBool,
    /// The node has no `eth_getBlockReceipts`.
    pub(crate) receipts_one_by_one: AtomicBool,
    pub(crate) first_bloom: FirstBloom,
    pub(crate) warned_of_missing_blooms: AtomicBool,
    pub(crate) log_proof: LogProof,
}

impl EvmChain {
    /// Connects and compares the chain id.
    ///
    /// `Persistent` if another chain answers, in which case [`WrongChain`](crate::WrongChain) is the
    /// source of the error, if the url is no http url or its key is refused, or if
    /// [`LogProof::Receipts`] cannot be had on this chain; `Transient` if the node cannot be reached now.
    pub async fn connect(config: EvmConfig) -> Result<Self, ChainError> {
        let chain = Self::new(&config)?;
        chain.chain_id().await?;
        Ok(chain)
    }

    /// A node that is not asked yet. Its chain id is compared before anything else is asked.
    pub(crate) fn new(config: &EvmConfig) -> Result<Self, ChainError> {
        if config.log_proof == LogProof::Receipts && has_state_sync(config.chain) {
            let detail = format!(
                "blocks of chain {} have state-sync transfers outside their receipts: use \
                 log_proof = \"bloom\"",
                config.chain
            );
            return Err(ChainError::persistent("connect to a node", detail));
        }
        Ok(Self {
            rpc: Rpc::new(config)?,
            range_size: AdaptiveSize::new(config.range_blocks_max.get()),
            range_width: Width::new(),
            filter_size: AdaptiveSize::new(FILTER_ADDRESSES_MAX),
            state_by_number: AtomicBool::new(false),
            receipts_one_by_one: AtomicBool::new(false),
            first_bloom: FirstBloom::unseen(),
            warned_of_missing_blooms: AtomicBool::new(false),
            log_proof: config.log_proof,
        })
    }

    /// The chain behind a url, whatever `config.chain` is. One attempt.
    ///
    /// `Persistent` if the url is no http url or its key is refused; `Transient` if the node cannot be
    /// reached now.
    pub async fn chain_behind(config: &EvmConfig) -> Result<ChainId, ChainError> {
        let asked = Rpc::new(config)?.ask_chain_id().await;
        asked.map_err(|failure| failure.during("read the chain id"))
    }

    /// Host and port of the node: what may be shown of its url.
    pub fn endpoint(&self) -> &str {
        self.rpc.endpoint()
    }

    /// The client software that the node reports: one short line.
    pub async fn client_version(&self) -> Result<String, ChainError> {
        let version = self.rpc.call::<String>(Call::new("web3_clientVersion", json!([]))).await;
        let version = version.map_err(|failure| failure.during("read the client's version"))?;
        Ok(self.rpc.clean(&version))
    }

    pub(crate) const fn rpc(&self) -> &Rpc {
        &self.rpc
    }
}

#[async_trait]
impl ChainSource for EvmChain {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        let id = self.rpc.call::<U64>(chain_id_call()).await;
        id.map(|id| ChainId::new(id.to())).map_err(|failure| failure.during("read the chain id"))
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        let operation = "read the head";
        let head = self.tagged_header(operation, "latest").await?;
        head.ok_or_else(|| self.no_head(operation))
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.tagged_header("read the finalized block", "finalized").await
    }

    async fn headers(
        &self,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<BlockRef>, ChainError> {
        self.linked_headers(from, to).await
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        let headers = self.headers_of("read headers", numbers).await;
        headers.into_iter().map(|header| header.map(|header| header.block)).collect()
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.read_logs(&request).await
    }

    async fn calls(
        &self,
        questions: &[Question],
        at: BlockId,
    ) -> Result<Vec<CallOutcome>, ChainError> {
        self.read_calls(questions, at).await
    }
}
