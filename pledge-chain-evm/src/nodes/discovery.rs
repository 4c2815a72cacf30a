//! Tokens looked up by one node, and what it cannot answer by the others.

use std::sync::Arc;

use futures::FutureExt;
use pledge_core::error::{ChainError, ChainErrorKind};
use tokio::time::Instant;

use super::comparison::Comparer;
use super::failover::Failover;
use super::group::Group;
use crate::chain::EvmChain;
use crate::discovery::{TokenDiscovery, TokenQuery};

/// Looks tokens up on several nodes.
#[derive(Debug)]
pub(super) struct Discovery {
    group: Arc<Group>,
    comparer: Comparer,
    failover: Failover,
}

impl Discovery {
    pub(super) const fn new(group: Arc<Group>, comparer: Comparer, failover: Failover) -> Self {
        Self { group, comparer, failover }
    }

    /// What one node answers about tokens, the rest by the others in turn.
    pub(super) async fn tokens(&self, queries: &[TokenQuery]) -> Vec<TokenDiscovery> {
        let first = self
            .failover
            .ask_one("look tokens up", |node| discover(node, queries).boxed(), |_| &[])
            .await;
        let (first, mut found) = match first {
            Ok(answer) => answer,
            Err(error) => {
                let failed = |query: &TokenQuery| TokenDiscovery::failed(query.address, &error);
                return queries.iter().map(failed).collect();
            }
        };
        // Each node is asked only what is open still, and after it was compared with what was
        // shown: one on a fork must not fill the gaps.
        let usable: Vec<usize> = self.group.state().usable(Instant::now()).collect();
        for node in usable.into_iter().filter(|node| *node != first) {
            let open: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_open()).collect();
            if open.is_empty() {
                break;
            }
            if self.comparer.meet(node).await.is_err() {
                continue;
            }
            let queries: Vec<TokenQuery> = open.iter().map(|at| queries[*at]).collect();
            let answer = self.group.in_time(node, discover(self.group.node(node), &queries)).await;
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
