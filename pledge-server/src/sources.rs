//! The nodes of a chain, by configuration.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use pledge_chain_evm::{
    EvmChain, EvmConfig, EvmNodes, HeadHints, HeadsConfig, NodesConfig, WrongChain,
};
use pledge_core::error::ChainError;
use pledge_core::types::ChainId;

use crate::config::{ChainConfig, ConfigError, NodeUrl, Problems};

/// Retries of one call. Few, since the tasks have their own backoff.
const RETRIES_MAX: usize = 3;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The nodes of a chain, and the result of connecting to each.
#[derive(Debug)]
pub struct Connected {
    /// All of them; those that did not answer yet join later.
    pub nodes: Arc<EvmNodes>,
    /// The result of connecting to each, in the order of the configuration.
    pub answers: Vec<Result<(), ChainError>>,
}

/// Connects to every node of a chain and keeps the result of each. An error is one of the
/// configuration: the chain cannot be read in this way.
pub async fn connect_each(config: &ChainConfig) -> Result<Connected, ConfigError> {
    let node = |url| EvmConfig {
        log_proof: config.log_proof,
        requests_per_second: config.requests_per_second,
        request_timeout: config.request_timeout,
        ..evm_config(config.id, url)
    };
    let nodes = EvmNodes::new(NodesConfig::new(config.rpc_urls.iter().map(node).collect()));
    let nodes = nodes.map_err(|error| ConfigError::at(&config.key, error.detail()))?;
    let answers = nodes.connect(ANSWER_TIMEOUT).await;
    Ok(Connected { nodes: Arc::new(nodes), answers })
}

/// Requires that a node answered. Nodes on another chain are wrong keys.
pub fn require_answer(
    config: &ChainConfig,
    connected: &Connected,
    problems: &mut Problems,
) -> Result<(), ChainError> {
    let mut failed = Vec::new();
    for (index, answer) in connected.answers.iter().enumerate() {
        match answer {
            Err(error) if is_wrong_chain(error) => {
                let what = format!(
                    "{}: correct chain_id, or write the url of a node of chain {}",
                    error.detail(),
                    config.id
                );
                problems.add(&config.key.child("rpc_urls").index(index), what);
            }
            Err(error) => failed.push(error.detail().to_owned()),
            Ok(()) => {}
        }
    }
    // One answer is enough: the group retries the other nodes while it works.
    if connected.answers.iter().all(Result::is_err) {
        let failed = failed.join("; ");
        let detail = format!("{failed}: start one, or correct {}.rpc_urls", config.key);
        return Err(ChainError::transient("connect to a node", detail));
    }
    for error in failed {
        tracing::warn!(chain = config.name, "a node is left out until it answers: {error}");
    }
    Ok(())
}

/// Whether a node answered but is on another chain.
pub fn is_wrong_chain(error: &ChainError) -> bool {
    error.source().is_some_and(|source| source.is::<WrongChain>())
}

/// Connects to one node, which must be on the chain.
pub async fn connect_one(chain: ChainId, url: &NodeUrl) -> Result<EvmChain, ChainError> {
    within(url, EvmChain::connect(evm_config(chain, url))).await
}

/// The answer of a node, within a short time limit.
pub async fn within<T>(
    url: &NodeUrl,
    answer: impl Future<Output = Result<T, ChainError>>,
) -> Result<T, ChainError> {
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(|_| {
        let detail = format!("{url} gives no answer within {} s", ANSWER_TIMEOUT.as_secs());
        Err(ChainError::transient("ask a node", detail))
    })
}

/// The chain id that a node reports, within a short time limit.
pub async fn chain_behind(url: &NodeUrl) -> Result<ChainId, ChainError> {
    within(url, EvmChain::chain_behind(&evm_config(ChainId::new(0), url))).await
}

/// Checks that a node notifies of new heads over its WebSocket.
pub async fn probe_heads(chain: ChainId, url: &NodeUrl) -> Result<(), ChainError> {
    HeadHints::probe(&HeadsConfig::new(chain, url.expose().clone())).await
}

fn evm_config(chain: ChainId, url: &NodeUrl) -> EvmConfig {
    let mut config = EvmConfig::new(chain, url.expose().clone());
    config.retries_max = RETRIES_MAX;
    config
}
