//! The nodes of a chain, by configuration.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use pledge_chain_evm::{EvmChain, EvmConfig, WrongChain};
use pledge_core::error::ChainError;
use pledge_core::types::ChainId;

use crate::config::{ChainConfig, NodeUrl, Problems};
use crate::setup::SetupError;

/// The tasks have a backoff of their own, so one question is not repeated for long.
const RETRIES_MAX: usize = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to the nodes of a chain and answers the first, in the order of the configuration, that
/// can be reached.
///
/// Every node is asked for its chain id: one on another chain is a wrong configuration even if the
/// others are right. One that refuses, or gives no answer, is told of and left out. Ordered failover while running does not exist yet: the chosen node is kept
/// until the process ends.
pub async fn connect(config: &ChainConfig) -> Result<Arc<EvmChain>, SetupError> {
    let attempts = config.rpc_urls.iter().map(|url| connect_one(config.id, url));
    let mut problems = Problems::default();
    let mut failed = Vec::new();
    let mut connected = None;
    for (index, attempt) in join_all(attempts).await.into_iter().enumerate() {
        match attempt {
            Ok(node) => connected = connected.or(Some(node)),
            Err(error) if is_wrong_chain(&error) => {
                problems.add(&config.key.child("rpc_urls").index(index), error);
            }
            Err(error) => failed.push(error.to_string()),
        }
    }
    problems.into_result()?;
    let Some(node) = connected else {
        let error = ChainError::transient("connect to a node", failed.join("; "));
        return Err(SetupError::Chain(error));
    };
    for error in failed {
        tracing::warn!(chain = config.name, "a node is left out: {error}");
    }
    Ok(Arc::new(node))
}

fn is_wrong_chain(error: &ChainError) -> bool {
    error.source().is_some_and(|source| source.is::<WrongChain>())
}

/// Connects to one node, which must be on the chain.
pub async fn connect_one(chain: ChainId, url: &NodeUrl) -> Result<EvmChain, ChainError> {
    let connecting = EvmChain::connect(evm_config(chain, url));
    tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| {
        let detail = format!("{url} gives no answer within {} s", CONNECT_TIMEOUT.as_secs());
        Err(ChainError::transient("connect to a node", detail))
    })
}

/// The chain that a node says it is on.
pub async fn chain_behind(url: &NodeUrl) -> Result<ChainId, ChainError> {
    EvmChain::chain_behind(&evm_config(ChainId::new(0), url)).await
}

fn evm_config(chain: ChainId, url: &NodeUrl) -> EvmConfig {
    let mut config = EvmConfig::new(chain, url.expose().clone());
    config.retries_max = RETRIES_MAX;
    config
}
