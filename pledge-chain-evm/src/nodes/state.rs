//! What a group knows: which node is current, how each fares, which blocks were shown. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::B256;
use pledge_core::types::{BlockNumber, BlockRef};
use tokio::time::Instant;

use super::agreed::{Agreed, Contradiction, cover};
use super::config::NodesConfig;
use super::health::{Health, Why};
use super::progress::Progress;

/// What is known of one node.
#[derive(Debug)]
struct Member {
    health: Health,
    /// Its block 0, if it gave it.
    genesis: Option<B256>,
    /// Its contradiction of a block that was shown, while that is undecided.
    disputed: Option<Disputed>,
    /// When it was looked at last, to see whether it may be used again.
    looked_at: Option<Instant>,
}

/// A contradiction without a verdict.
#[derive(Debug, Clone, Copy)]
struct Disputed {
    since: Instant,
    /// When it was met last.
    last: Instant,
    /// The lowest block in dispute.
    number: BlockNumber,
}

/// All that a group knows. It has no clock: every instant is an argument.
#[derive(Debug)]
pub(super) struct State {
    members: Vec<Member>,
    agreed: Agreed,
    current: Option<usize>,
    /// Block 0 of the first node in use that returned it. It is never decided again: a node with
    /// another is out of use, even if it is the first in order.
    genesis: Option<B256>,
    /// How the heads of the current node move.
    progress: Progress,
    /// Blocks that the current node did not have, in a row, by what was asked.
    missed: BTreeMap<&'static str, u32>,
}

impl State {
    pub(super) fn new(config: &NodesConfig) -> Self {
        let member = |_| Member {
            health: Health::new(config),
            genesis: None,
            disputed: None,
            looked_at: None,
        };
        Self {
            members: config.nodes.iter().map(member).collect(),
            agreed: Agreed::default(),
            current: None,
            genesis: None,
            progress: Progress::default(),
            missed: BTreeMap::new(),
        }
    }

    /// The node that answers.
    pub(super) const fn current(&self) -> Option<usize> {
        self.current
    }

    /// Whether there is a current node, and it answered last.
    pub(super) fn is_current_ready(&self) -> bool {
        self.current.is_some_and(|current| self.health(current).is_ready())
    }

    /// How a node fares.
    pub(super) fn health(&self, node: usize) -> &Health {
        &self.members[node].health
    }

    /// How a node fares, to record what it did.
    pub(super) fn health_mut(&mut self, node: usize) -> &mut Health {
        &mut self.members[node].health
    }

    /// A node failed, and may have asked to be left alone for a while. So it disputes nothing now.
    pub(super) fn failed(
        &mut self,
        node: usize,
        asked: Option<Duration>,
        reason: String,
        now: Instant,
    ) {
        self.members[node].health.failed(now, asked, reason);
        self.members[node].disputed = None;
    }

    /// A node's block 0, if it gave it and did not fail since.
    pub(super) fn known_genesis(&self, node: usize) -> Option<B256> {
        let Member { health, genesis, .. } = &self.members[node];
        genesis.filter(|_| health.is_ready())
    }

    /// A node gave its block 0. Returns the one that it should have.
    pub(super) fn gave_genesis(&mut self, node: usize, genesis: B256) -> B256 {
        self.members[node].genesis = Some(genesis);
        self.genesis.unwrap_or(genesis)
    }

    /// Makes a node the one that answers, and returns which it was before.
    pub(super) fn adopt(&mut self, node: usize) -> Option<usize> {
        self.genesis = self.genesis.or(self.members[node].genesis);
        if self.current != Some(node) {
            self.progress = Progress::default();
            self.missed.clear();
        }
        self.current.replace(node)
    }

    /// The current node lacks a block that it was asked for. Answers how often in a row.
    pub(super) fn missed(&mut self, operation: &'static str) -> u32 {
        let missed = self.missed.entry(operation).or_default();
        *missed = missed.saturating_add(1);
        *missed
    }

    /// A question of this kind was answered.
    pub(super) fn served(&mut self, operation: &'static str) {
        self.missed.remove(operation);
    }

    /// The highest block that was shown.
    pub(super) fn tip(&self) -> Option<BlockNumber> {
        self.agreed.tip()
    }

    /// The highest block that was shown and is not above a height.
    pub(super) fn shown_at_or_below(&self, number: BlockNumber) -> Option<BlockNumber> {
        self.agreed.at_or_below(number)
    }

    /// The lowest contradiction between some headers, or their parents, and what was shown.
    pub(super) fn contradiction(&self, headers: &[BlockRef]) -> Option<Contradiction> {
        self.agreed.contradiction(headers)
    }

    /// Headers of a node were shown. They contradict nothing.
    pub(super) fn shows(&mut self, node: usize, headers: &[BlockRef]) {
        self.agreed.show(headers);
        self.agrees(node, headers);
    }

    /// The chain is another from a height on: what was shown there counts no more.
    pub(super) fn forget_from(&mut self, number: BlockNumber) {
        self.agreed.forget_from(number);
    }

    /// A node contradicts a block that was shown, and it is undecided which is right. Returns for
    /// how long that has been so; what was not met for as long as `patience` is another dispute.
    pub(super) fn disputes(
        &mut self,
        node: usize,
        number: BlockNumber,
        patience: Duration,
        now: Instant,
    ) -> Duration {
        let disputed = &mut self.members[node].disputed;
        let known = disputed.filter(|known| now - known.last <= patience);
        let Disputed { since, number: lowest, .. } =
            known.unwrap_or(Disputed { since: now, last: now, number });
        *disputed = Some(Disputed { since, last: now, number: lowest.min(number) });
        now - since
    }

    /// Headers of a node contradict nothing: its dispute is over if they reach down to it.
    pub(super) fn agrees(&mut self, node: usize, headers: &[BlockRef]) {
        let disputed = &mut self.members[node].disputed;
        *disputed = disputed.filter(|disputed| !cover(headers, disputed.number));
    }

    /// It is decided who is right in a node's dispute.
    pub(super) fn settled(&mut self, node: usize) {
        self.members[node].disputed = None;
    }

    /// The node to ask now, of those not tried: the current one while it answers, then those that
    /// do, then those whose wait is over. If all wait by our own choice, the caller sets the pace:
    /// the one whose wait is over first, once.
    pub(super) fn next(&self, tried: &[usize], now: Instant) -> Option<usize> {
        let untried = self.usable(now).filter(|node| !tried.contains(node));
        let rank = |node: &usize| {
            let is_ready = self.members[*node].health.is_ready();
            (!is_ready, Some(*node) != self.current, *node)
        };
        let best = untried.min_by_key(rank);
        best.or_else(|| tried.is_empty().then(|| self.waits_least(now)).flatten())
    }

    /// Nodes that may be asked, those preferred first.
    pub(super) fn usable(&self, now: Instant) -> impl Iterator<Item = usize> {
        let nodes = self.members.iter().enumerate();
        nodes.filter(move |(_, member)| member.health.rest(now).is_none()).map(|(node, _)| node)
    }

    /// Usable nodes other than the current one.
    pub(super) fn others(&self, now: Instant) -> Vec<usize> {
        self.usable(now).filter(|node| Some(*node) != self.current).collect()
    }

    fn waits_least(&self, now: Instant) -> Option<usize> {
        let waits = self.members.iter().enumerate().filter_map(|(node, member)| {
            let rest = member.health.rest(now).filter(|rest| rest.why == Why::Failed)?;
            Some((rest.until, node))
        });
        waits.min().map(|(_, node)| node)
    }

    /// Nodes of higher preference than the current one, or whose rest is over, whose turn it is to be
    /// looked at.
    pub(super) fn due(&mut self, interval: Duration, now: Instant) -> Vec<usize> {
        let Some(current) = self.current else { return Vec::new() };
        let mut due = self.others(now);
        due.retain(|node| *node < current || !self.members[*node].health.is_ready());
        due.retain(|node| {
            let member = &mut self.members[*node];
            let is_due = member.looked_at.is_none_or(|looked_at| now - looked_at >= interval);
            if is_due {
                member.looked_at = Some(now);
            }
            is_due
        });
        due
    }

    /// The current node's head, and the highest block that was shown before: as [`Progress::saw`].
    pub(super) fn saw_head(
        &mut self,
        head: BlockNumber,
        tip: Option<BlockNumber>,
        config: &NodesConfig,
        now: Instant,
    ) -> Option<Duration> {
        self.progress.saw(head, tip, config, now)
    }

    /// Whether a head is below the current node's.
    pub(super) fn is_behind(&self, head: BlockNumber) -> bool {
        self.progress.is_behind(head)
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::types::ChainId;

    use super::*;
    use crate::config::EvmConfig;

    const SECOND: Duration = Duration::from_secs(1);

    fn state(nodes: usize) -> (State, NodesConfig, Instant) {
        let url = "http://node.example".parse().unwrap();
        let config = NodesConfig::new(vec![EvmConfig::new(ChainId::new(1), url); nodes]);
        (State::new(&config), config, Instant::now())
    }

    fn fail(state: &mut State, node: usize, asked: Option<Duration>, now: Instant) {
        state.members[node].health.failed(now, asked, "away".into());
    }

    #[test]
    fn the_current_node_goes_before_those_preferred() {
        let (mut state, _, now) = state(3);
        assert_eq!(state.next(&[], now), Some(0));
        state.adopt(1);
        assert_eq!(state.next(&[], now), Some(1));
        assert_eq!(state.next(&[1], now), Some(0));
        assert_eq!(state.next(&[1, 0], now), Some(2));
        assert_eq!(state.next(&[0, 1, 2], now), None);
    }

    #[test]
    fn a_node_that_failed_comes_after_those_that_answer() {
        let (mut state, _, now) = state(2);
        state.adopt(0);
        fail(&mut state, 0, None, now);
        assert_eq!(state.next(&[], now), Some(1));
        assert_eq!(state.next(&[1], now), None, "a wait is a wait while another can be asked");
        let later = now + 10 * SECOND;
        assert_eq!(state.next(&[], later), Some(1));
        assert_eq!(state.next(&[1], later), Some(0));
    }

    #[test]
    fn when_all_wait_by_our_choice_one_is_asked_all_the_same() {
        let (mut state, _, now) = state(2);
        state.adopt(0);
        fail(&mut state, 1, None, now);
        for _ in 0..3 {
            fail(&mut state, 0, None, now);
        }
        assert_eq!(state.next(&[], now), Some(1), "its wait is the shorter one");
        assert_eq!(state.next(&[1], now), None);
    }

    #[test]
    fn a_node_that_asked_for_rest_or_is_unfit_is_left_alone_even_if_it_is_the_last() {
        let (mut state, _, now) = state(2);
        fail(&mut state, 0, Some(120 * SECOND), now);
        state.members[1].health.unfit(now, "another chain".into());
        assert_eq!(state.next(&[], now + 119 * SECOND), None);
        assert_eq!(state.next(&[], now + 120 * SECOND), Some(0));
    }

    #[test]
    fn nodes_of_higher_preference_are_looked_at_now_and_then() {
        let (mut state, _, now) = state(4);
        state.adopt(2);
        fail(&mut state, 1, None, now);
        assert_eq!(state.due(10 * SECOND, now), [0]);
        assert_eq!(state.due(10 * SECOND, now + 9 * SECOND), [1]);
        assert_eq!(state.due(10 * SECOND, now + 10 * SECOND), [0]);
    }
}
