//! The turns that requests take to read.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pledge_core::admission::Refused;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::family::{counter, counters, gauge};

/// Counts the turns of readers. A clone is another handle to the same counts.
#[derive(Debug, Clone, Default)]
pub struct TurnMeter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicU64,
    under_way: AtomicU64,
    taken: AtomicU64,
    full: AtomicU64,
    late: AtomicU64,
}

/// A request that waits for its turn, until this is dropped: also where its client leaves.
#[derive(Debug)]
pub(crate) struct WaitingTurn(Arc<Counts>);

/// A turn that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct TakenTurn(Arc<Counts>);

impl TurnMeter {
    pub(crate) fn waits(&self) -> WaitingTurn {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        WaitingTurn(self.0.clone())
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }
}

impl WaitingTurn {
    /// Its turn has come.
    pub(crate) fn begins(self) -> TakenTurn {
        self.0.taken.fetch_add(1, Ordering::Relaxed);
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        TakenTurn(self.0.clone())
    }

    /// It has no turn.
    pub(crate) fn ends(self, refused: Refused) {
        let count = match refused {
            Refused::Full => &self.0.full,
            Refused::Late => &self.0.late,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for WaitingTurn {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for TakenTurn {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Collector for TurnMeter {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { waiting, under_way, taken, full, late } = &*self.0;
        let encoder = &mut encoder;
        let help = "Requests that wait for a turn to read";
        gauge(encoder, ("pledge_http_reads_waiting", help), read(waiting))?;
        let help = "Requests that have a turn to read";
        gauge(encoder, ("pledge_http_reads_under_way", help), read(under_way))?;
        counter(encoder, ("pledge_http_reads", "Requests that took a turn to read"), read(taken))?;
        let help = "Requests that got no turn to read: `full` if as many waited as may, `late` if none came in time";
        let refused = [("full", read(full)), ("late", read(late))];
        let refused = refused.map(|(reason, count)| ([("reason", reason)], count));
        counters(encoder, ("pledge_http_reads_refused", help), refused)
    }
}

#[cfg(test)]
impl TurnMeter {
    /// Those that wait, read, have begun to read, and were refused as `full` and as `late`.
    pub(crate) fn counts(&self) -> [u64; 5] {
        let Counts { waiting, under_way, taken, full, late } = &*self.0;
        [waiting, under_way, taken, full, late].map(|count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_waited_for_then_taken_then_over() {
        let meter = TurnMeter::default();
        let waiting = meter.waits();
        assert_eq!(meter.counts(), [1, 0, 0, 0, 0]);
        let taken = waiting.begins();
        assert_eq!(meter.counts(), [0, 1, 1, 0, 0]);
        drop(taken);
        assert_eq!(meter.counts(), [0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_request_that_leaves_or_is_refused_waits_no_more() {
        let meter = TurnMeter::default();
        drop(meter.waits());
        assert_eq!(meter.counts(), [0; 5]);
        meter.waits().ends(Refused::Full);
        meter.waits().ends(Refused::Late);
        assert_eq!(meter.counts(), [0, 0, 0, 1, 1]);
    }
}
