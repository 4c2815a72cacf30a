//! One node answers; another takes its place when it fails.

use std::sync::Arc;

use futures::future::BoxFuture;
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::types::BlockRef;
use tokio::time::Instant;

use super::comparison::{Comparer, Standing};
use super::errors::is_of_the_node;
use super::group::Group;
use crate::chain::EvmChain;

/// Puts questions to the current node, and to the others where it fails.
#[derive(Debug, Clone)]
pub(super) struct Failover {
    group: Arc<Group>,
    comparer: Comparer,
}

impl Failover {
    pub(super) const fn new(group: Arc<Group>, comparer: Comparer) -> Self {
        Self { group, comparer }
    }

    /// The answer of one node to a question, held against what was shown before. The question is
    /// repeated on another only if that one has the newest block that was shown.
    pub(super) async fn ask<'a, T>(
        &'a self,
        operation: &'static str,
        question: impl Fn(&'a EvmChain) -> BoxFuture<'a, Result<T, ChainError>> + Send,
        shown: fn(&T) -> &[BlockRef],
    ) -> Result<T, ChainError>
    where
        T: Send + Sync,
    {
        self.ask_one(operation, question, shown).await.map(|(_, answer)| answer)
    }

    /// As [`Failover::ask`], with the node that answered. What one refuses for good the others are asked
    /// too: if none of them answers, the fault is not the node's.
    pub(super) async fn ask_one<'a, T>(
        &'a self,
        operation: &'static str,
        question: impl Fn(&'a EvmChain) -> BoxFuture<'a, Result<T, ChainError>> + Send,
        shown: fn(&T) -> &[BlockRef],
    ) -> Result<(usize, T), ChainError>
    where
        T: Send + Sync,
    {
        let current = self.group.state().current();
        let (mut tried, mut failure, mut refusals) = (Vec::new(), None, Vec::new());
        while let Some(node) = self.choose(&mut tried, &mut failure).await {
            match self.group.ask(node, question(self.group.node(node))).await {
                Ok(answer) => {
                    if self.comparer.judge(node, shown(&answer)).await? {
                        refusals.iter().for_each(|(node, error)| self.group.failed(*node, error));
                        // Meanwhile another question may have found another node.
                        if self.group.state().current() == current {
                            self.group.adopt(node);
                        }
                        self.group.state().served(operation);
                        return Ok((node, answer));
                    }
                }
                Err(error) if is_of_the_node(&error) => failure = Some(error),
                Err(error) if refusals.is_empty() && self.is_passed_on(operation, &error) => {
                    return Err(error);
                }
                Err(error) => refusals.push((node, error)),
            }
            tried.push(node);
        }
        let refusal = refusals.into_iter().next().map(|(_, error)| error);
        Err(refusal.or(failure).unwrap_or_else(|| self.group.none_usable(operation)))
    }

    /// Whether a refusal is returned before the others are asked: the caller recovers from a block
    /// that is gone, unless that happens again and again.
    fn is_passed_on(&self, operation: &'static str, error: &ChainError) -> bool {
        error.kind() == ChainErrorKind::BlockGone
            && self.group.state().missed(operation) < self.group.config().lag_heads
    }

    /// The current node, or one that can take its place. `None` if there is none, or if it has not the
    /// newest block that was shown while the question failed already.
    async fn choose(
        &self,
        tried: &mut Vec<usize>,
        failure: &mut Option<ChainError>,
    ) -> Option<usize> {
        // A node that lacks the newest block shown is the last resort, and never replaces a current
        // one that is ready: the caller would see the chain go back.
        let mut behind = None;
        loop {
            let (next, current) = {
                let state = self.group.state();
                (state.next(tried, Instant::now()), state.current())
            };
            let Some(node) = next else { break };
            if next == current {
                return next;
            }
            if self.group.is_alone() {
                self.group.adopt(node);
                return next;
            }
            match self.comparer.meet(node).await {
                Ok(Standing::Level(_)) => return next,
                Ok(Standing::Behind(_)) => behind = behind.or(next),
                Err(error) => *failure = Some(error),
            }
            tried.push(node);
        }
        let is_current_ready = self.group.state().is_current_ready();
        let behind = behind.filter(|_| !is_current_ready)?;
        self.group.adopt(behind);
        failure.is_none().then_some(behind)
    }
}
