//! How busy a store is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How busy the connections of one handle are, and how long its calls waited for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreLoad {
    /// Calls that have a connection now.
    pub under_way: u64,
    /// Calls that wait for one now.
    pub waiting: u64,
    /// Calls that waited until they had one, or were refused, so far.
    pub waits: u64,
    /// The sum of these waits.
    pub waited: Duration,
    /// Calls of readers outside that were refused so far, as more were there than may be.
    pub refused: u64,
}

/// Counts the calls of one handle and its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadMeter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    under_way: AtomicU64,
    waiting: AtomicU64,
    waits: AtomicU64,
    waited_micros: AtomicU64,
    refused: AtomicU64,
}

/// A call that waits for a connection, until this is dropped.
pub(crate) struct Waiting {
    counts: Arc<Counts>,
    since: Instant,
}

/// A call that has a connection, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Counts>);

impl LoadMeter {
    pub(crate) fn load(&self) -> StoreLoad {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { under_way, waiting, waits, waited_micros, refused } = &*self.0;
        StoreLoad {
            under_way: read(under_way),
            waiting: read(waiting),
            waits: read(waits),
            waited: Duration::from_micros(read(waited_micros)),
            refused: read(refused),
        }
    }

    pub(crate) fn waits(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting { counts: self.0.clone(), since: Instant::now() }
    }

    pub(crate) fn begins(&self) -> UnderWay {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.0.clone())
    }

    pub(crate) fn refuses(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counts.waited_micros.fetch_add(micros, Ordering::Relaxed);
        self.counts.waits.fetch_add(1, Ordering::Relaxed);
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_counts_as_waiting_then_as_under_way_and_its_wait_is_added_up() {
        let meter = LoadMeter::default();
        let waiting = meter.waits();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!((meter.load().waiting, meter.load().under_way), (1, 0));
        drop(waiting);
        let under_way = meter.begins();
        let load = meter.load();
        assert_eq!((load.waiting, load.under_way), (0, 1));
        assert!(load.waits == 1 && load.waited >= Duration::from_millis(30), "{load:?}");
        drop(under_way);
        assert_eq!(meter.load().under_way, 0);
    }
}
