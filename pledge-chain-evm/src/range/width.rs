//! How many ranges of the size that a node takes are asked for side by side.

use std::sync::atomic::{AtomicU64, Ordering};

/// Ranges in one answer of the source.
const RANGES_MAX: u64 = 100;

/// The most logs that one answer of the source should hold, estimated from the last one.
const LOGS_MAX: u64 = 20_000;

/// One range shows whether the node takes its size; then twice as many each time.
#[derive(Debug)]
pub(crate) struct Width(AtomicU64);

impl Width {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    /// How many ranges to ask for, each in `filters` filters.
    pub(super) fn of(&self, filters: usize) -> u64 {
        let most = RANGES_MAX / (filters as u64).max(1);
        self.0.load(Ordering::Relaxed).min(most).max(1)
    }

    /// Records how many logs `ranges` ranges brought.
    pub(super) fn answered(&self, ranges: u64, logs: usize) {
        let room = ranges.saturating_mul(LOGS_MAX) / (logs as u64).max(1);
        let more = ranges.saturating_mul(2).min(RANGES_MAX);
        self.0.store(more.min(room).max(1), Ordering::Relaxed);
    }

    /// The size of a range is another now.
    pub(super) fn renew(&self) {
        self.0.store(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_bound_and_begins_with_one_after_a_refusal() {
        let width = Width::new();
        let mut seen = Vec::new();
        for _ in 0..9 {
            let ranges = width.of(1);
            seen.push(ranges);
            width.answered(ranges, 0);
        }
        assert_eq!(seen, [1, 2, 4, 8, 16, 32, 64, 100, 100]);
        width.renew();
        assert_eq!(width.of(1), 1);
    }

    #[test]
    fn logs_bound_it() {
        let width = Width::new();
        width.answered(50, 10_000);
        assert_eq!(width.of(1), 100);
        width.answered(50, 50_000);
        assert_eq!(width.of(1), 20);
        width.answered(1, 1_000_000);
        assert_eq!(width.of(1), 1, "one range is always asked for");
    }

    #[test]
    fn filters_share_it() {
        let width = Width::new();
        width.answered(100, 0);
        assert_eq!([1, 10, 60, 500].map(|filters| width.of(filters)), [100, 10, 1, 1]);
    }
}
