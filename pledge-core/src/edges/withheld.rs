//! The edges that cannot be found, because a source does not give a block next to them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::ledger::BlockEdge;
use crate::types::{BlockNumber, Timestamp};

/// How long edges that cannot be found wait for the next search, at first and at most: each wait is
/// twice as long as the one before.
const WAIT_MIN: Duration = Duration::from_secs(30);
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// An edge that cannot be found now, because no source gives a block next to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithheldEdge {
    /// The instant of the edge.
    pub instant: Timestamp,
    /// The block that is not given.
    pub block: BlockNumber,
    /// The number of other edges that cannot be found either.
    pub others: usize,
}

impl fmt::Display for WithheldEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instant, block, others } = self;
        write!(f, "the last block before {instant} is unknown")?;
        if *others > 0 {
            write!(f, " (and {others} more)")?;
        }
        write!(f, ": the node does not give the header of block {block}, add one that has it")
    }
}

/// What was set aside, until it is searched for again.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    /// Blocks that are not asked for until the next search.
    blocks: BTreeSet<BlockNumber>,
    /// Edges, each with a block that it lacks. They stay until they are found.
    edges: BTreeMap<Timestamp, BlockNumber>,
    /// When all other edges were found.
    since: Option<SystemTime>,
    wait: Duration,
}

impl Withheld {
    pub(super) const fn blocks(&self) -> &BTreeSet<BlockNumber> {
        &self.blocks
    }

    pub(super) fn add_blocks(&mut self, blocks: Vec<BlockNumber>) {
        self.blocks.extend(blocks);
    }

    pub(super) fn set_aside(&mut self, edges: impl IntoIterator<Item = (Timestamp, BlockNumber)>) {
        self.edges.extend(edges);
    }

    pub(super) fn found(&mut self, edges: &[BlockEdge]) {
        for edge in edges {
            self.edges.remove(&edge.instant);
        }
        if self.edges.is_empty() {
            (self.since, self.wait) = Default::default();
        }
    }

    /// Everything else is found: the wait for the next search begins.
    pub(super) fn rest(&mut self, now: SystemTime) {
        if self.since.is_none() && !self.edges.is_empty() {
            self.since = Some(now);
            self.wait = (self.wait * 2).clamp(WAIT_MIN, WAIT_MAX);
        }
    }

    /// Whether the wait is over.
    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        // A clock that was set back makes no wait longer.
        let waits = |since| now.duration_since(since).is_ok_and(|passed| passed < self.wait);
        self.since.is_some_and(|since| !waits(since))
    }

    /// The next search begins: every block may be there now.
    pub(super) fn search_again(&mut self) {
        self.blocks.clear();
        self.since = None;
    }

    /// The newest of the edges.
    pub(super) fn newest(&self) -> Option<WithheldEdge> {
        let (instant, block) = self.edges.last_key_value()?;
        Some(WithheldEdge { instant: *instant, block: *block, others: self.edges.len() - 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(seconds: u64) -> (Timestamp, BlockNumber) {
        (Timestamp::new(seconds).unwrap(), BlockNumber::new(seconds / 12))
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn each_wait_is_twice_as_long_as_the_one_before_up_to_an_hour() {
        let mut withheld = Withheld::default();
        withheld.set_aside([edge(3_600)]);
        let mut now = 0;
        for wait in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
            withheld.rest(at(now));
            withheld.rest(at(now + 1));
            assert!(!withheld.is_due(at(now + wait - 1)), "{wait}");
            now += wait;
            assert!(withheld.is_due(at(now)), "{wait}");
            withheld.search_again();
        }
    }

    #[test]
    fn an_edge_stays_listed_until_it_is_found() {
        let mut withheld = Withheld::default();
        withheld.set_aside([edge(3_600), edge(7_200)]);
        withheld.search_again();
        let newest = withheld.newest().unwrap();
        assert_eq!(((newest.instant, newest.block), newest.others), (edge(7_200), 1));
        let found = |seconds| BlockEdge { instant: edge(seconds).0, last: None };
        withheld.found(&[found(7_200)]);
        assert_eq!(withheld.newest().map(|left| left.instant), Some(edge(3_600).0));
        withheld.rest(at(0));
        withheld.found(&[found(3_600)]);
        assert_eq!((withheld.newest(), withheld.is_due(at(9_999))), (None, false));
    }
}
