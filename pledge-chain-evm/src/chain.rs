//! The source: one node behind the port.

use std::sync::Arc;

use alloy::primitives::{Address, U64};
use async_trait::async_trait;
use pledge_core::error::ChainError;
use pledge_core::ports::{ChainSource, LogsAnswer, LogsRequest};
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, BlockSpan, Call as Question, CallOutcome, ChainId,
};
use serde_json::json;

use crate::asker::Asker;
use crate::config::{EvmConfig, LogProof};
use crate::contract_state::StateReader;
use crate::deployment::DeploymentFinder;
use crate::discovery::{TokenDiscovery, TokenFinder, TokenQuery};
use crate::headers::HeaderReader;
use crate::http::Call;
use crate::range::LogReader;
use crate::rpc::{Rpc, chain_id_call};
use crate::state_sync::has_state_sync;
use crate::traffic::NodeTraffic;

/// One EVM chain, read from one node over JSON-RPC.
///
/// Requests that fail on the way are repeated within the bounds of [`EvmConfig`]; what is left is an
/// error that names the node's host and never the rest of its url. After an outage the chain id is
/// compared again before anything else is believed.
#[derive(Debug)]
pub struct EvmChain {
    asker: Arc<Asker>,
    headers: HeaderReader,
    logs: LogReader,
    state: StateReader,
    deployments: DeploymentFinder,
    tokens: TokenFinder,
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
        let asker = Arc::new(Asker::new(config)?);
        let headers = HeaderReader::new(asker.clone());
        let deployments = DeploymentFinder::new(asker.clone(), headers.clone());
        Ok(Self {
            logs: LogReader::new(config, asker.clone(), headers.clone()),
            state: StateReader::new(asker.clone(), headers.clone()),
            tokens: TokenFinder::new(asker.clone(), headers.clone(), deployments.clone()),
            deployments,
            headers,
            asker,
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
        self.asker.endpoint()
    }

    /// The client software that the node reports: one short line.
    pub async fn client_version(&self) -> Result<String, ChainError> {
        let version = self.asker.call::<String>(Call::new("web3_clientVersion", json!([]))).await;
        let version = version.map_err(|failure| failure.during("read the client's version"))?;
        Ok(self.asker.clean(&version))
    }

    /// The first block with the token's code, found by bisection between genesis and the head, and
    /// proven.
    ///
    /// A node that has pruned the state of a block may answer `0x` for the code there, as if the
    /// contract did not exist yet. So the block before the one found has to prove itself: either a
    /// transaction of the block found creates the contract (the address follows from its sender and
    /// nonce alone, so no state is believed), or the same request that shows no code before it shows
    /// the nonce or the balance of an account that sent a transaction, or made the block, to be above
    /// zero there, which a node without that state answers as zero. Both need only methods that Geth,
    /// Erigon, Nethermind, Besu, anvil and rollups have alike; `eth_getProof` is missing or bounded on
    /// several of them. Behind a url that sends the calls of one batch to different machines the second
    /// proof may fail to notice one of them that has no state.
    ///
    /// `Persistent` if there is no code at the head, if the node does not keep the state of old blocks,
    /// or if the deployment cannot be proven: the error names `start_block`. A contract that destroyed
    /// itself and was deployed again gives one of its deployments.
    pub async fn find_deployment_block(&self, token: Address) -> Result<BlockNumber, ChainError> {
        self.deployments.find(token).await
    }

    /// Whether the node keeps the state of the first blocks, without which no block of deployment can
    /// be found.
    pub async fn keeps_history(&self) -> Result<bool, ChainError> {
        self.deployments.keeps_history().await
    }

    /// Looks many tokens up at once: symbol and decimals at the head and, where asked, the first block.
    /// Answers come in the order asked, one a token, so that a bad token fails alone.
    ///
    /// All tokens share their requests: two or three batches for the metadata, one batch for each step
    /// of the bisection (24 for sixteen million blocks), and one request a token for the proof of its
    /// deployment.
    pub async fn discover_tokens(&self, queries: &[TokenQuery]) -> Vec<TokenDiscovery> {
        self.tokens.discover(queries).await
    }

    /// How many requests the node has answered so far.
    pub(crate) fn requests_answered(&self) -> u64 {
        self.asker.requests_answered()
    }

    /// How many JSON-RPC calls were sent so far, each one of a batch counted.
    pub(crate) fn calls_sent(&self) -> u64 {
        self.asker.calls_sent()
    }

    /// What the node was asked so far, and how it answered.
    pub fn traffic(&self) -> NodeTraffic {
        self.asker.traffic()
    }

    /// Its headers, with more than the port asks for.
    pub(crate) const fn header_reader(&self) -> &HeaderReader {
        &self.headers
    }

    /// Its logs, with the doubts that another node may settle.
    pub(crate) const fn log_reader(&self) -> &LogReader {
        &self.logs
    }
}

#[async_trait]
impl ChainSource for EvmChain {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        let id = self.asker.call::<U64>(chain_id_call()).await;
        id.map(|id| ChainId::new(id.to())).map_err(|failure| failure.during("read the chain id"))
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        self.headers.head().await
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        self.headers.finalized().await
    }

    async fn headers(&self, blocks: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        self.headers.linked(blocks).await
    }

    async fn headers_at(&self, numbers: &[BlockNumber]) -> Result<Vec<BlockRef>, ChainError> {
        self.headers.at(numbers).await
    }

    async fn logs<'a>(&self, request: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        self.logs.read(&request).await
    }

    async fn calls(
        &self,
        questions: &[Question],
        at: BlockId,
    ) -> Result<Vec<CallOutcome>, ChainError> {
        self.state.read(questions, at).await
    }
}
