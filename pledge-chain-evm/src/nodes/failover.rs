//! One node answers; another takes its place when it fails.

use std::pin::pin;

use futures::future::BoxFuture;
use pledge_core::error::{ChainError, ChainErrorKind};
use pledge_core::types::BlockRef;
use tokio::time::Instant;

use super::observation::late;
use super::{EvmNodes, NodeReport};
use crate::chain::EvmChain;
use crate::failure::{Denied, RestAsked, WrongChain};

/// How far a node has the blocks that were shown. It contradicts none of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standing {
    /// It has the newest of them, or none was shown yet.
    Level(BlockRef),
    /// It has older ones only.
    Behind(BlockRef),
}

impl Standing {
    /// The newest block of the node.
    pub(super) const fn head(self) -> BlockRef {
        match self {
            Self::Level(head) | Self::Behind(head) => head,
        }
    }
}

impl EvmNodes {
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

    /// As [`EvmNodes::ask`], with the node that answered. What one refuses for good the others are asked
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
        let current = self.state().current();
        let (mut tried, mut failure, mut refusals) = (Vec::new(), None, Vec::new());
        while let Some(node) = self.choose(&mut tried, &mut failure).await {
            match self.question(node, question(&self.nodes[node])).await {
                Ok(answer) => {
                    self.answered(node);
                    if self.judge(node, shown(&answer)).await? {
                        refusals.iter().for_each(|(node, error)| self.failed(*node, error));
                        // Meanwhile another question may have found another node.
                        if self.state().current() == current {
                            self.adopt(node);
                        }
                        self.state().served(operation);
                        return Ok((node, answer));
                    }
                }
                Err(error) if is_of_the_node(&error) => {
                    self.failed(node, &error);
                    failure = Some(error);
                }
                Err(error) if refusals.is_empty() && self.is_passed_on(operation, &error) => {
                    return Err(error);
                }
                Err(error) => refusals.push((node, error)),
            }
            tried.push(node);
        }
        let refusal = refusals.into_iter().next().map(|(_, error)| error);
        Err(refusal.or(failure).unwrap_or_else(|| self.none_usable(operation)))
    }

    /// Whether a refusal is returned before the others are asked: the caller recovers from a block
    /// that is gone, unless that happens again and again.
    fn is_passed_on(&self, operation: &'static str, error: &ChainError) -> bool {
        error.kind() == ChainErrorKind::BlockGone
            && self.state().missed(operation) < self.config.lag_heads
    }

    /// What one node answers. While another can be used, a node that answers none of the question's
    /// requests for long has failed; how long the question takes in all is a matter of the budget too.
    pub(super) async fn question<T>(
        &self,
        node: usize,
        answer: impl Future<Output = Result<T, ChainError>> + Send,
    ) -> Result<T, ChainError> {
        if !self.state().usable(Instant::now()).any(|other| other != node) {
            return answer.await;
        }
        let (chain, timeout) = (&self.nodes[node], self.config.answer_timeout);
        let mut answer = pin!(answer);
        loop {
            let heard = chain.requests_answered();
            match tokio::time::timeout(timeout, &mut answer).await {
                Ok(answer) => return answer,
                Err(_) if chain.requests_answered() > heard => {}
                Err(_) => return Err(late(chain, timeout)),
            }
        }
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
                let state = self.state();
                (state.next(tried, Instant::now()), state.current())
            };
            let Some(node) = next else { break };
            if next == current {
                return next;
            }
            if self.is_alone() {
                self.adopt(node);
                return next;
            }
            match self.meet(node).await {
                Ok(Standing::Level(_)) => return next,
                Ok(Standing::Behind(_)) => behind = behind.or(next),
                Err(error) => *failure = Some(error),
            }
            tried.push(node);
        }
        let is_current_ready = {
            let state = self.state();
            state.current().is_some_and(|current| state.members[current].health.is_ready())
        };
        let behind = behind.filter(|_| !is_current_ready)?;
        self.adopt(behind);
        failure.is_none().then_some(behind)
    }

    /// Looks at a node that is not the current one, and compares it with what was shown.
    pub(super) async fn meet(&self, node: usize) -> Result<Standing, ChainError> {
        let tip = self.state().agreed.tip();
        let look = self.look(node, tip).await?;
        let (head, mut headers) = (look.head, look.headers());
        let is_level = tip.is_none() || look.at.is_some();
        if !is_level {
            let Some(common) = self.state().agreed.at_or_below(head.number) else {
                let detail =
                    format!("its head {} is below every block that was shown", head.number);
                let error = ChainError::transient("compare a node", detail);
                self.failed(node, &error);
                return Err(error);
            };
            headers.extend(self.look(node, Some(common)).await?.headers());
        }
        // Every contradiction is settled before the node may answer: otherwise an answer could be
        // of another branch than the ones before it.
        loop {
            let contradiction = self.state().agreed.contradiction(&headers);
            let Some(dispute) = contradiction else { break };
            if !self.settle(node, &dispute).await? {
                let detail = format!("{} is on a fork", self.nodes[node].endpoint());
                return Err(ChainError::transient("compare a node", detail));
            }
        }
        self.state().agrees(node, &headers);
        Ok(if is_level { Standing::Level(head) } else { Standing::Behind(head) })
    }

    /// Whether an answer may be shown: the node that gave it is not on a fork.
    async fn judge(&self, node: usize, headers: &[BlockRef]) -> Result<bool, ChainError> {
        if self.is_alone() {
            return Ok(true);
        }
        loop {
            let dispute = {
                let mut state = self.state();
                let Some(dispute) = state.agreed.contradiction(headers) else {
                    state.agreed.show(headers);
                    state.agrees(node, headers);
                    return Ok(true);
                };
                dispute
            };
            if !self.settle(node, &dispute).await? {
                return Ok(false);
            }
        }
    }

    /// From now on this node answers.
    pub(super) fn adopt(&self, node: usize) {
        let before = self.state().adopt(node);
        let endpoint = self.nodes[node].endpoint();
        match before {
            Some(before) if before != node => {
                let before = self.nodes[before].endpoint();
                tracing::warn!(chain = %self.chain, "{endpoint} is used instead of {before}");
            }
            Some(_) => {}
            None => tracing::debug!(chain = %self.chain, "{endpoint} is used"),
        }
    }

    pub(super) fn answered(&self, node: usize) {
        self.state().members[node].health.answered(Instant::now());
    }

    /// Records what an error means for the node. Logged once, until it answers again.
    pub(super) fn failed(&self, node: usize, error: &ChainError) {
        let mut reason = error.detail().to_owned();
        if has_source::<WrongChain>(error).is_some() {
            return self.unfit(node, reason);
        }
        let asked = has_source::<RestAsked>(error);
        if let Some(asked) = asked {
            reason = format!("{reason}: {asked}");
        }
        let member = &mut self.state().members[node];
        if member.health.is_ready() {
            tracing::debug!(chain = %self.chain, "a node is left alone for a while: {reason}");
        }
        member.health.failed(Instant::now(), asked.map(|RestAsked(rest)| *rest), reason);
        member.disputed = None;
    }

    /// Records that the node's answers cannot be used.
    pub(super) fn unfit(&self, node: usize, reason: String) {
        let health = &mut self.state().members[node].health;
        if health.is_fit() {
            let endpoint = self.nodes[node].endpoint();
            tracing::debug!(chain = %self.chain, "{endpoint} is out of use: {reason}");
        }
        health.unfit(Instant::now(), reason);
    }

    pub(super) fn none_usable(&self, operation: &'static str) -> ChainError {
        let report = self.report();
        let incidents: Vec<String> = report.iter().filter_map(NodeReport::incident).collect();
        let detail = format!("no node can be asked now: {}", incidents.join("; "));
        ChainError::transient(operation, detail)
    }
}

/// Whether another node may answer better.
pub(super) fn is_of_the_node(error: &ChainError) -> bool {
    error.kind() == ChainErrorKind::Transient
        || has_source::<WrongChain>(error).is_some()
        || has_source::<Denied>(error).is_some()
}

fn has_source<E: std::error::Error + 'static>(error: &ChainError) -> Option<&E> {
    std::error::Error::source(error)?.downcast_ref()
}
