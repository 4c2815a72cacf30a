//! Tokens looked up by one node, and what it cannot answer by the others.

use futures::FutureExt;
use pledge_core::error::{ChainError, ChainErrorKind};
use tokio::time::Instant;

use super::EvmNodes;
use crate::chain::EvmChain;
use crate::discovery::{TokenDiscovery, TokenQuery};

impl EvmNodes {
    /// As [`EvmChain::discover_tokens`], of the current node. What it cannot answer for a token, the
    /// other nodes are asked in turn: one without old state may come before one that has it.
    pub async fn discover_tokens(&self, queries: &[TokenQuery]) -> Vec<TokenDiscovery> {
        let first =
            self.ask_one("look tokens up", |node| discover(node, queries).boxed(), |_| &[]).await;
        let (first, mut found) = match first {
            Ok(answer) => answer,
            Err(error) => {
                let failed = |query: &TokenQuery| TokenDiscovery::failed(query.address, &error);
                return queries.iter().map(failed).collect();
            }
        };
        // Each node is asked only what is open still, and after it was compared with what was
        // shown: one on a fork must not fill the gaps.
        let usable: Vec<usize> = self.state().usable(Instant::now()).collect();
        for node in usable.into_iter().filter(|node| *node != first) {
            let open: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_open()).collect();
            if open.is_empty() {
                break;
            }
            if self.meet(node).await.is_err() {
                continue;
            }
            let queries: Vec<TokenQuery> = open.iter().map(|at| queries[*at]).collect();
            let answer = self.question(node, discover(&self.nodes[node], &queries)).await;
            for (at, better) in open.into_iter().zip(answer.into_iter().flatten()) {
                found[at].complete(better);
            }
        }
        found
    }
}

/// What a node answers about tokens; its error if that is all that it has for each of them.
async fn discover(
    node: &EvmChain,
    queries: &[TokenQuery],
) -> Result<Vec<TokenDiscovery>, ChainError> {
    let mut found = node.discover_tokens(queries).await;
    let is_lost = |token: &TokenDiscovery| {
        token.metadata.as_ref().is_err_and(|error| error.kind() == ChainErrorKind::Transient)
    };
    if !found.is_empty() && found.iter().all(is_lost) {
        return found.swap_remove(0).metadata.map(|_| Vec::new());
    }
    Ok(found)
}
