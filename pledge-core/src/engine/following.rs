//! One chain under way.

use std::time::SystemTime;

use super::next::{Failures, Moved, Next, Patience};
use crate::indexer::{Indexer, Poll};
use crate::types::ChainId;

/// Follows one chain step by step, and decides what follows each. It neither sleeps nor spawns: a
/// driver does what [`Next`] names.
#[derive(Debug)]
pub struct Following {
    indexer: Indexer,
    patience: Patience,
    failures: Failures,
    sum: Indexed,
}

/// What was indexed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Indexed {
    /// The number of transfers folded into the ledger.
    pub transfers: u64,
    /// The number of contracts' logs kept.
    pub logs: u64,
    /// The number of reorgs that reached the ledger.
    pub reorgs: u64,
}

impl Following {
    /// Follows by an indexer, until failures in a row exhaust the patience.
    pub fn new(indexer: Indexer, patience: Patience) -> Self {
        Self { indexer, patience, failures: Failures::default(), sum: Indexed::default() }
    }

    /// The chain that is followed.
    pub const fn chain(&self) -> ChainId {
        self.indexer.chain()
    }

    /// What the steps indexed together.
    pub const fn indexed(&self) -> Indexed {
        self.sum
    }

    /// One poll, and what follows it. `see` gets the poll; `now` is as for [`Indexer::poll`], which
    /// also states what dropping the future leaves.
    pub async fn step(&mut self, now: SystemTime, see: impl FnOnce(&Poll)) -> Next {
        let poll = self.indexer.poll(now).await;
        see(&poll);
        let next = self.failures.after(poll, self.patience);
        match &next {
            Next::Again(Moved::Forward(slice)) => {
                self.sum.transfers += slice.transfers;
                self.sum.logs += slice.logs;
            }
            Next::Again(Moved::Back(_)) => self.sum.reorgs += 1,
            Next::Rest | Next::Wait(_) | Next::Stop(_) => {}
        }
        next
    }

    /// Goes on by another indexer of the same chain, with the failures so far.
    pub(super) fn go_on_by(&mut self, indexer: Indexer) {
        self.indexer = indexer;
    }

    /// Begins a call: what was indexed and what failed before it does not count.
    pub(super) fn begin(&mut self) {
        (self.failures, self.sum) = (Failures::default(), Indexed::default());
    }
}
