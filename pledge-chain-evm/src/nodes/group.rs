//! The nodes of a chain, which of them answers, and what each answer or failure means for its node.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use futures::future::join_all;
use pledge_core::error::ChainError;
use pledge_core::ports::ChainSource;
use pledge_core::types::ChainId;
use tokio::time::Instant;

use super::config::NodesConfig;
use super::errors::{is_of_the_node, rest_asked, wrong_chain};
use super::report::NodeReport;
use super::state::State;
use crate::chain::EvmChain;
use crate::config::EvmConfig;

/// Repeats of a call while there are other nodes to ask. The waits before them are short; a time-out
/// counts twice.
const RETRIES_MAX: usize = 3;

/// Nodes of one chain with what is known of them. Whichever part asks a node, what comes of it is
/// recorded here.
#[derive(Debug)]
pub(super) struct Group {
    chain: ChainId,
    nodes: Vec<EvmChain>,
    config: NodesConfig,
    state: Mutex<State>,
}

impl Group {
    /// Nodes that are not asked yet.
    ///
    /// `Persistent` if there is none, if they are of several chains, or if a url is no http url.
    pub(super) fn new(config: NodesConfig) -> Result<Self, ChainError> {
        let wrong = |detail: &str| ChainError::persistent("set up the nodes", detail);
        let first = config.nodes.first().ok_or_else(|| wrong("name at least one node"))?;
        let chain = first.chain;
        if config.nodes.iter().any(|node| node.chain != chain) {
            return Err(wrong("the nodes are of several chains: name those of one chain only"));
        }
        let is_alone = config.nodes.len() == 1;
        let nodes = config.nodes.iter().map(|node| {
            let retries_max =
                if is_alone { node.retries_max } else { node.retries_max.min(RETRIES_MAX) };
            EvmChain::new(&EvmConfig { retries_max, ..node.clone() })
        });
        let nodes = nodes.collect::<Result<_, _>>()?;
        let state = Mutex::new(State::new(&config));
        Ok(Self { chain, nodes, config, state })
    }

    pub(super) const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The nodes, in the order of preference.
    pub(super) fn nodes(&self) -> &[EvmChain] {
        &self.nodes
    }

    pub(super) fn node(&self, node: usize) -> &EvmChain {
        &self.nodes[node]
    }

    pub(super) const fn config(&self) -> &NodesConfig {
        &self.config
    }

    /// All that is known of the nodes. Not held while one is asked.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// Whether there is nothing to compare a node with.
    pub(super) const fn is_alone(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Asks every node for its chain id and waits at most this long for each.
    pub(super) async fn connect(&self, timeout: Duration) -> Vec<Result<(), ChainError>> {
        let nodes = self.nodes.iter().enumerate().map(|(node, chain)| async move {
            let asked = tokio::time::timeout(timeout, chain.chain_id()).await;
            match asked.unwrap_or_else(|_| Err(late(chain, timeout))) {
                Ok(_) => {
                    self.answered(node);
                    Ok(())
                }
                Err(error) => {
                    self.failed(node, &error);
                    Err(error)
                }
            }
        });
        join_all(nodes).await
    }

    /// What one node answers, recorded in its health.
    pub(super) async fn ask<T>(
        &self,
        node: usize,
        answer: impl Future<Output = Result<T, ChainError>> + Send,
    ) -> Result<T, ChainError> {
        let answer = self.in_time(node, answer).await;
        match &answer {
            Ok(_) => self.answered(node),
            Err(error) if is_of_the_node(error) => self.failed(node, error),
            Err(_) => {}
        }
        answer
    }

    /// What one node answers, not recorded. While another can be used, a node that answers none of the
    /// question's requests for long has failed; how long the question takes in all is a matter of the
    /// budget too.
    pub(super) async fn in_time<T>(
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

    /// Records that the node answered.
    pub(super) fn answered(&self, node: usize) {
        self.state().health_mut(node).answered(Instant::now());
    }

    /// Records what an error means for the node. Logged once, until it answers again.
    pub(super) fn failed(&self, node: usize, error: &ChainError) {
        let mut reason = error.detail().to_owned();
        if wrong_chain(error).is_some() {
            return self.unfit(node, reason);
        }
        let asked = rest_asked(error);
        if let Some(asked) = asked {
            reason = format!("{reason}: {asked}");
        }
        let mut state = self.state();
        if state.health(node).is_ready() {
            tracing::debug!(chain = %self.chain, "a node is left alone for a while: {reason}");
        }
        state.failed(node, asked.map(|asked| asked.0), reason, Instant::now());
    }

    /// Records that the node's answers cannot be used.
    pub(super) fn unfit(&self, node: usize, reason: String) {
        let mut state = self.state();
        let health = state.health_mut(node);
        if health.is_fit() {
            let endpoint = self.nodes[node].endpoint();
            tracing::debug!(chain = %self.chain, "{endpoint} is out of use: {reason}");
        }
        health.unfit(Instant::now(), reason);
    }

    /// The state of each node, in the order of preference.
    pub(super) fn report(&self) -> Vec<NodeReport> {
        let (state, now) = (self.state(), Instant::now());
        let report = self.nodes.iter().enumerate().map(|(node, chain)| {
            let is_current = state.current() == Some(node);
            NodeReport::of(chain.endpoint(), is_current, state.health(node), now)
        });
        report.collect()
    }

    /// The error where no node can be asked, with the reason of each.
    pub(super) fn none_usable(&self, operation: &'static str) -> ChainError {
        let report = self.report();
        let incidents: Vec<String> = report.iter().filter_map(NodeReport::incident).collect();
        let detail = format!("no node can be asked now: {}", incidents.join("; "));
        ChainError::transient(operation, detail)
    }
}

/// The error of a node that gives no answer in time.
pub(super) fn late(node: &EvmChain, waited: Duration) -> ChainError {
    let detail = format!("{} gives no answer within {} s", node.endpoint(), waited.as_secs());
    ChainError::transient("ask a node", detail)
}
