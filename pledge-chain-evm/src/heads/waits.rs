//! How long to wait before connecting again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::config::HeadsConfig;

/// Waits that double up to a bound, with jitter. They start over after a connection that lasted at
/// least as long as the wait before it: a node that ends each one at once is not tried again at
/// once.
#[derive(Debug)]
pub(super) struct Waits {
    backoff: ExponentialBuilder,
    waits: <ExponentialBuilder as BackoffBuilder>::Backoff,
    last: Duration,
}

impl Waits {
    pub(super) fn new(config: &HeadsConfig) -> Self {
        let backoff = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(config.retry_delay_min)
            .with_max_delay(config.retry_delay_max)
            .without_max_times();
        Self { backoff, waits: backoff.build(), last: config.retry_delay_min }
    }

    /// The wait after a connection that lasted this long.
    pub(super) fn after(&mut self, lasted: Duration) -> Duration {
        if lasted >= self.last {
            self.waits = self.backoff.build();
        }
        self.last = self.waits.next().expect("the number of waits has no bound");
        self.last
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::types::ChainId;

    use super::*;

    fn waits() -> Waits {
        let url = "ws://node.example".parse().unwrap();
        Waits::new(&HeadsConfig::new(ChainId::new(1), url))
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let mut waits = waits();
        for expected in [1, 2, 4, 8, 16, 30, 30, 30] {
            let wait = waits.after(Duration::ZERO);
            let expected = Duration::from_secs(expected);
            assert!((expected..=2 * expected).contains(&wait), "{wait:?}");
        }
    }

    #[test]
    fn only_a_connection_that_lasted_starts_the_waits_over() {
        let mut waits = waits();
        for lasted in [0, 500, 1_000, 1_000] {
            waits.after(Duration::from_millis(lasted));
        }
        assert!(waits.after(Duration::from_secs(7)) >= Duration::from_secs(16));
        assert!(waits.after(Duration::from_secs(60)) <= Duration::from_secs(2));
    }
}
