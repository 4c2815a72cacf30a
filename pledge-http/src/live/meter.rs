//! What happens to readers, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::cut::Cut;

/// Numbers that only grow.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) events: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) states: AtomicU64,
    pub(super) failed_reads: AtomicU64,
    cuts: [AtomicU64; Cut::CODES.len()],
}

impl Counts {
    pub(super) fn add(count: &AtomicU64, number: u64) {
        count.fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn cut(&self, cut: Cut) {
        Self::add(&self.cuts[cut.index()], 1);
    }

    fn read(count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }
}

/// What a hub shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCounts {
    /// Readers that are there.
    pub readers: u64,
    /// Topics that any of them follows.
    pub topics: u64,
    /// Messages that wait for readers, of all of them.
    pub waiting: u64,
    /// The most that waits for one reader.
    pub waiting_max: u64,
    /// Events that were passed on, each once.
    pub events: u64,
    /// Messages that were passed on: one for each event and reader.
    pub sent: u64,
    /// States that were read.
    pub states: u64,
    /// Reads of states that failed, and were tried again.
    pub failed_reads: u64,
    /// Readers that the server cut, by code.
    pub cuts: Vec<(&'static str, u64)>,
}

impl Counts {
    /// With what is there at present.
    pub(super) fn with(&self, readers: u64, topics: u64, waiting: (u64, u64)) -> LiveCounts {
        let cuts = Cut::CODES.iter().zip(&self.cuts);
        LiveCounts {
            readers,
            topics,
            waiting: waiting.0,
            waiting_max: waiting.1,
            events: Self::read(&self.events),
            sent: Self::read(&self.sent),
            states: Self::read(&self.states),
            failed_reads: Self::read(&self.failed_reads),
            cuts: cuts.map(|(code, count)| (*code, Self::read(count))).collect(),
        }
    }
}
