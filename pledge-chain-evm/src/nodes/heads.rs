//! The head: the one question by which the current node is judged, and the way back to a better one.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use pledge_core::error::ChainError;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, BlockRef};
use tokio::time::Instant;

use super::comparison::{Comparer, Standing};
use super::failover::Failover;
use super::group::Group;
use crate::chain::EvmChain;

/// Reads the head and the finalized block, and looks for a better node now and then.
#[derive(Debug)]
pub(super) struct Heads {
    group: Arc<Group>,
    comparer: Comparer,
    failover: Failover,
    /// Whether a finalized block was shown.
    has_finality: AtomicBool,
}

impl Heads {
    pub(super) const fn new(group: Arc<Group>, comparer: Comparer, failover: Failover) -> Self {
        Self { group, comparer, failover, has_finality: AtomicBool::new(false) }
    }

    /// The newest block of the current node.
    pub(super) async fn head(&self) -> Result<BlockRef, ChainError> {
        if !self.group.is_alone() {
            self.return_to_preferred().await;
        }
        let tip = self.group.state().tip();
        let headers =
            self.failover.ask("read the head", |node| head_first(node, tip), |seen| seen).await?;
        let head = headers[0];
        let (config, now) = (self.group.config(), Instant::now());
        let ahead = self.group.state().saw_head(head.number, tip, config, now);
        if let Some(ahead) = ahead {
            self.go_further(&head, ahead).await;
        }
        Ok(head)
    }

    /// The finalized block. Once there was one, a node that knows of none is no node to ask.
    pub(super) async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        let has_finality = !self.group.is_alone() && self.has_finality.load(Ordering::Relaxed);
        let operation = "read the finalized block";
        let question = |node| finalized_of(node, has_finality);
        let finalized = self.failover.ask(operation, question, Option::as_slice).await?;
        self.has_finality.fetch_or(finalized.is_some(), Ordering::Relaxed);
        Ok(finalized)
    }

    /// Looks at the nodes that go before the current one, and at those whose rest is over, now and then.
    /// Of the former it takes the first back that has proved itself.
    async fn return_to_preferred(&self) {
        let interval = self.group.config().proof_time / self.group.config().proof_answers.max(1);
        let due = self.group.state().due(interval, Instant::now());
        let met = join_all(due.iter().map(|node| self.comparer.meet(*node))).await;
        let mut proved = None;
        {
            let mut state = self.group.state();
            let current = state.current();
            for (node, standing) in due.into_iter().zip(met) {
                let keeps_up =
                    standing.is_ok_and(|standing| !state.is_behind(standing.head().number));
                let health = state.health_mut(node);
                if !keeps_up {
                    health.proves_nothing();
                } else if Some(node) < current && health.has_proved_itself(Instant::now()) {
                    proved = proved.or(Some(node));
                }
            }
        }
        if let Some(node) = proved {
            self.group.adopt(node);
        }
    }

    /// The current node may have stopped, or be behind: the node that is furthest takes its place,
    /// if its head is newer by at least `ahead`.
    async fn go_further(&self, head: &BlockRef, ahead: Duration) {
        let (current, others) = {
            let state = self.group.state();
            (state.current(), state.others(Instant::now()))
        };
        let met = join_all(others.iter().map(|node| self.comparer.meet(*node))).await;
        let heads = others.into_iter().zip(met).filter_map(|(node, standing)| {
            let other = standing.ok().map(Standing::head)?;
            let newer = other.time.get().saturating_sub(head.time.get());
            let is_further = other.number > head.number && newer >= ahead.as_secs();
            // `Reverse`: of two nodes with one head the more preferred one is the larger.
            is_further.then_some((other.number, Reverse(node)))
        });
        if let Some((_, Reverse(node))) = heads.max() {
            if let Some(current) = current {
                self.group.state().health_mut(current).proves_nothing();
            }
            self.group.adopt(node);
        }
    }
}

/// The head, then the block at a height.
fn head_first(
    node: &EvmChain,
    at: Option<BlockNumber>,
) -> BoxFuture<'_, Result<Vec<BlockRef>, ChainError>> {
    Box::pin(async move {
        let (head, [at]) = node.header_reader().head_and([at]).await?;
        Ok([head].into_iter().chain(at).collect())
    })
}

fn finalized_of(
    node: &EvmChain,
    has_finality: bool,
) -> BoxFuture<'_, Result<Option<BlockRef>, ChainError>> {
    Box::pin(async move {
        let finalized = node.finalized().await?;
        if has_finality && finalized.is_none() {
            let detail =
                format!("{} knows of no finalized block, but there is one", node.endpoint());
            return Err(ChainError::transient("read the finalized block", detail));
        }
        Ok(finalized)
    })
}
