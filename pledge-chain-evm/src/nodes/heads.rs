//! The head: the one question by which the current node is judged, and the way back to a better one.

use std::cmp::Reverse;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use pledge_core::error::ChainError;
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, BlockRef};
use tokio::time::Instant;

use super::EvmNodes;
use super::failover::Standing;
use crate::chain::EvmChain;

impl EvmNodes {
    pub(super) async fn read_head(&self) -> Result<BlockRef, ChainError> {
        if !self.is_alone() {
            self.return_to_preferred().await;
        }
        let tip = self.state().agreed.tip();
        let headers = self.ask("read the head", |node| head_first(node, tip), |seen| seen).await?;
        let head = headers[0];
        let ahead = self.state().saw_head(head.number, tip, &self.config, Instant::now());
        if let Some(ahead) = ahead {
            self.go_further(&head, ahead).await;
        }
        Ok(head)
    }

    /// The finalized block. Once there was one, a node that knows of none is no node to ask.
    pub(super) async fn read_finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        let has_finality = !self.is_alone() && self.state().has_finality;
        let operation = "read the finalized block";
        let question = |node| finalized_of(node, has_finality);
        let finalized = self.ask(operation, question, Option::as_slice).await?;
        self.state().has_finality |= finalized.is_some();
        Ok(finalized)
    }

    /// Looks at the nodes that go before the current one, and at those whose rest is over, now and then.
    /// Of the former it takes the first back that has proved itself.
    async fn return_to_preferred(&self) {
        let interval = self.config.proof_time / self.config.proof_answers.max(1);
        let due = self.state().due(interval, Instant::now());
        let met = join_all(due.iter().map(|node| self.meet(*node))).await;
        let mut proved = None;
        {
            let mut state = self.state();
            let current = state.current();
            for (node, standing) in due.into_iter().zip(met) {
                let keeps_up =
                    standing.is_ok_and(|standing| !state.is_behind(standing.head().number));
                let health = &mut state.members[node].health;
                if !keeps_up {
                    health.proves_nothing();
                } else if Some(node) < current && health.has_proved_itself(Instant::now()) {
                    proved = proved.or(Some(node));
                }
            }
        }
        if let Some(node) = proved {
            self.adopt(node);
        }
    }

    /// The current node may have stopped, or be behind: the node that is furthest takes its place,
    /// if its head is newer by at least `ahead`.
    async fn go_further(&self, head: &BlockRef, ahead: Duration) {
        let (current, others) = {
            let state = self.state();
            (state.current(), state.others(Instant::now()))
        };
        let met = join_all(others.iter().map(|node| self.meet(*node))).await;
        let heads = others.into_iter().zip(met).filter_map(|(node, standing)| {
            let other = standing.ok().map(Standing::head)?;
            let newer = other.time.get().saturating_sub(head.time.get());
            let is_further = other.number > head.number && newer >= ahead.as_secs();
            is_further.then_some((other.number, Reverse(node)))
        });
        if let Some((_, Reverse(node))) = heads.max() {
            if let Some(current) = current {
                self.state().members[current].health.proves_nothing();
            }
            self.adopt(node);
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
