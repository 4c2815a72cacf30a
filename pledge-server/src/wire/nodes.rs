//! The nodes of a chain, by configuration.

use std::error::Error as _;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_chain_evm::{
    Durations, EvmChain, EvmConfig, EvmNodes, HeadHints, HeadsConfig, LogProof, NodeReport,
    NodeState, NodeTraffic, NodesConfig, WrongChain,
};
use pledge_core::error::ChainError;
use pledge_core::ports::ChainSource;
use pledge_core::types::ChainId;

use crate::config::{self, ChainConfig, ConfigError, NodeUrl};
use crate::nodes::{
    Heads, Node, NodeFigures, Nodes, Standing, StartAnswer, StartQuestion, TokenAnswer,
    TokenQuestion,
};
use crate::sources::{ANSWER_TIMEOUT, Connected, within};

/// Retries of one call. Few, since the tasks have their own backoff.
const RETRIES_MAX: usize = 3;

/// Connects to every node of a chain and keeps the result of each. An error is one of the
/// configuration: the chain cannot be read in this way.
pub(crate) async fn connect_each(config: &ChainConfig) -> Result<Connected, ConfigError> {
    let node = |url| EvmConfig {
        log_proof: match config.log_proof {
            config::LogProof::Bloom => LogProof::Bloom,
            config::LogProof::Receipts => LogProof::Receipts,
        },
        requests_per_second: config.requests_per_second,
        request_timeout: config.request_timeout,
        ..evm_config(config.id, url)
    };
    let nodes = EvmNodes::new(NodesConfig::new(config.rpc_urls.iter().map(node).collect()));
    let nodes = nodes.map_err(|error| ConfigError::at(&config.key, error.detail()))?;
    let answers = nodes.connect(ANSWER_TIMEOUT).await;
    Ok(Connected { nodes: Arc::new(nodes), answers })
}

/// Whether a node answered but is on another chain.
pub(crate) fn is_wrong_chain(error: &ChainError) -> bool {
    error.source().is_some_and(|source| source.is::<WrongChain>())
}

/// Connects to one node, which must be on the chain.
pub(crate) async fn connect_one(
    chain: ChainId,
    url: &NodeUrl,
) -> Result<Arc<dyn ChainSource>, ChainError> {
    let node = within(url, EvmChain::connect(evm_config(chain, url))).await?;
    Ok(Arc::new(node))
}

/// The chain id that a node reports, within a short time limit.
pub(crate) async fn chain_behind(url: &NodeUrl) -> Result<ChainId, ChainError> {
    within(url, EvmChain::chain_behind(&evm_config(ChainId::new(0), url))).await
}

/// Checks that a node notifies of new heads over its WebSocket.
pub(crate) async fn probe_heads(chain: ChainId, url: &NodeUrl) -> Result<(), ChainError> {
    HeadHints::probe(&HeadsConfig::new(chain, url.expose().clone())).await
}

/// Starts listening for new heads on a WebSocket.
pub(crate) fn listen_for_heads(chain: ChainId, url: &NodeUrl) -> Box<dyn Heads> {
    Box::new(HeadHints::listen(HeadsConfig::new(chain, url.expose().clone())))
}

fn evm_config(chain: ChainId, url: &NodeUrl) -> EvmConfig {
    let mut config = EvmConfig::new(chain, url.expose().clone());
    config.retries_max = RETRIES_MAX;
    config
}

#[async_trait]
impl Nodes for EvmNodes {
    fn each(&self) -> Vec<&dyn Node> {
        self.nodes().iter().map(|node| node as &dyn Node).collect()
    }

    fn standby(&self) -> Arc<dyn ChainSource> {
        Arc::new(Self::standby(self))
    }

    fn endpoint(&self) -> &str {
        Self::endpoint(self)
    }

    fn calls_sent(&self) -> u64 {
        Self::calls_sent(self)
    }

    fn incidents(&self) -> Vec<Option<String>> {
        self.report().iter().map(NodeReport::incident).collect()
    }

    fn figures(&self) -> Vec<NodeFigures> {
        self.report().iter().zip(self.nodes()).map(figures).collect()
    }

    async fn look_up(&self, tokens: &[TokenQuestion]) -> Vec<TokenAnswer> {
        let queries: Vec<_> = tokens.iter().map(query).collect();
        let found = self.discover_tokens(&queries).await.into_iter();
        found.map(answer).collect()
    }
}

#[async_trait]
impl Node for EvmChain {
    fn endpoint(&self) -> &str {
        Self::endpoint(self)
    }

    async fn client_version(&self) -> Result<String, ChainError> {
        Self::client_version(self).await
    }

    async fn keeps_history(&self) -> Result<bool, ChainError> {
        Self::keeps_history(self).await
    }
}

#[async_trait]
impl Heads for HeadHints {
    async fn next(&mut self) -> Result<(), ChainError> {
        Self::next(self).await
    }
}

fn figures((report, node): (&NodeReport, &EvmChain)) -> NodeFigures {
    let NodeTraffic { calls, requests_answered, failures, durations } = node.traffic();
    let Durations { classes, longer, sum } = durations;
    let standing = match report.state {
        NodeState::Current => Standing::Current,
        NodeState::Ready => Standing::Ready,
        NodeState::Waits { .. } => Standing::Waits,
        NodeState::OutOfUse { .. } => Standing::OutOfUse,
    };
    NodeFigures {
        standing,
        calls,
        requests_answered,
        failures,
        durations: classes,
        longer,
        duration_sum: sum,
    }
}

fn query(asked: &TokenQuestion) -> pledge_chain_evm::TokenQuery {
    use pledge_chain_evm::StartQuery;
    let TokenQuestion { address, start, decimals } = *asked;
    let start = match start {
        StartQuestion::Nothing => StartQuery::Skip,
        StartQuestion::Deployment => StartQuery::Deployment,
        StartQuestion::CodeBefore(block) => StartQuery::CodeBefore(block),
    };
    pledge_chain_evm::TokenQuery { address, start, decimals }
}

fn answer(found: pledge_chain_evm::TokenDiscovery) -> TokenAnswer {
    use pledge_chain_evm::StartFound;
    let start = found.start.map(|start| match start {
        StartFound::Skipped => StartAnswer::NotAsked,
        StartFound::Deployment(block) => StartAnswer::Deployment(block),
        StartFound::CodeBefore => StartAnswer::CodeBefore,
        StartFound::NoCodeBefore => StartAnswer::NoCodeBefore,
    });
    TokenAnswer { metadata: found.metadata, start }
}
