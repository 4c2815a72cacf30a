//! The nodes of a chain, by configuration.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use pledge_chain_evm::{EvmChain, EvmConfig, HeadHints, HeadsConfig, WrongChain};
use pledge_core::error::ChainError;
use pledge_core::types::ChainId;

use crate::config::{ChainConfig, NodeUrl, Problems};
use crate::setup::SetupError;

/// The tasks have a backoff of their own, so one question is not repeated for long.
const RETRIES_MAX: usize = 3;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What came of connecting to one node.
pub type Connected = Result<Arc<EvmChain>, ChainError>;

/// Connects to the nodes of a chain and answers the first, in the order of the configuration, that
/// can be reached.
///
/// Every node is asked for its chain id: one on another chain is a wrong configuration even if the
/// others are right. One that refuses, or gives no answer, is told of and left out. Ordered failover
/// while running does not exist yet: the chosen node is kept until the process ends.
pub async fn connect(config: &ChainConfig) -> Result<Arc<EvmChain>, SetupError> {
    let nodes = connect_each(config).await;
    let mut problems = Problems::default();
    let chosen = choose(config, &nodes, &mut problems);
    problems.into_result()?;
    Ok(chosen?)
}

/// Connects to every node of a chain, in the order of the configuration.
pub async fn connect_each(config: &ChainConfig) -> Vec<Connected> {
    let attempts = config.rpc_urls.iter().map(|url| connect_one(config.id, url));
    let nodes = join_all(attempts).await;
    nodes.into_iter().map(|node| node.map(Arc::new)).collect()
}

/// The first node that answered; those on another chain are wrong keys.
pub fn choose(
    config: &ChainConfig,
    nodes: &[Connected],
    problems: &mut Problems,
) -> Result<Arc<EvmChain>, ChainError> {
    let mut failed = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        match node {
            Err(error) if is_wrong_chain(error) => {
                let what = format!(
                    "{}: correct chain_id, or write the url of a node of chain {}",
                    error.detail(),
                    config.id
                );
                problems.add(&config.key.child("rpc_urls").index(index), what);
            }
            Err(error) => failed.push(error.detail().to_owned()),
            Ok(_) => {}
        }
    }
    let Some(node) = nodes.iter().flatten().next() else {
        let failed = failed.join("; ");
        let detail = format!("{failed}: start one, or correct {}.rpc_urls", config.key);
        return Err(ChainError::transient("connect to a node", detail));
    };
    for error in failed {
        tracing::warn!(chain = config.name, "a node is left out: {error}");
    }
    Ok(node.clone())
}

/// Whether a node answered, and is on another chain.
pub fn is_wrong_chain(error: &ChainError) -> bool {
    error.source().is_some_and(|source| source.is::<WrongChain>())
}

/// Connects to one node, which must be on the chain.
pub async fn connect_one(chain: ChainId, url: &NodeUrl) -> Result<EvmChain, ChainError> {
    within(url, EvmChain::connect(evm_config(chain, url))).await
}

/// What a node answers, if it does before long.
pub async fn within<T>(
    url: &NodeUrl,
    answer: impl Future<Output = Result<T, ChainError>>,
) -> Result<T, ChainError> {
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(|_| {
        let detail = format!("{url} gives no answer within {} s", ANSWER_TIMEOUT.as_secs());
        Err(ChainError::transient("ask a node", detail))
    })
}

/// The chain that a node says it is on, if it does before long.
pub async fn chain_behind(url: &NodeUrl) -> Result<ChainId, ChainError> {
    within(url, EvmChain::chain_behind(&evm_config(ChainId::new(0), url))).await
}

/// Whether a node tells of new heads over its WebSocket.
pub async fn probe_heads(chain: ChainId, url: &NodeUrl) -> Result<(), ChainError> {
    HeadHints::probe(&HeadsConfig::new(chain, url.expose().clone())).await
}

fn evm_config(chain: ChainId, url: &NodeUrl) -> EvmConfig {
    let mut config = EvmConfig::new(chain, url.expose().clone());
    config.retries_max = RETRIES_MAX;
    config
}
