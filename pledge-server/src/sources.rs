//! The nodes of a chain, as they answered.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::ChainError;

use crate::config::{ChainConfig, NodeUrl, Problems};
use crate::nodes::Nodes;
use crate::wire;

pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The nodes of a chain, and the result of connecting to each.
#[derive(Debug)]
pub struct Connected {
    /// All of them; those that did not answer yet join later.
    pub nodes: Arc<dyn Nodes>,
    /// The result of connecting to each, in the order of the configuration.
    pub answers: Vec<Result<(), ChainError>>,
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
            Err(error) if wire::is_wrong_chain(error) => {
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
