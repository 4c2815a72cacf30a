//! How long to wait after a failure: as long again as the node has been failing.

use std::time::Duration;

use tokio::time::Instant;

/// The waits of one conversation. It follows what the node does now: one answer, to any question, and
/// the next failure is repeated at once, whatever was before. It has no clock.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    failing_since: Option<Instant>,
}

impl Backoff {
    pub(crate) const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, failing_since: None }
    }

    /// The node answered.
    pub(crate) fn answered(&mut self) {
        self.failing_since = None;
    }

    /// The node failed. The wait before it is asked again doubles with each failure in a row; `chance`,
    /// from 0 to 1, makes it longer by up to a half, so that several who wait do not come back at once.
    pub(crate) fn failed(&mut self, now: Instant, chance: f64) -> Duration {
        let since = *self.failing_since.get_or_insert(now);
        (now - since).clamp(self.min, self.max.max(self.min)).mul_f64(1.0 + chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_while_nothing_is_answered_up_to_a_bound() {
        let mut backoff = Backoff::new(20 * MS, 1_000 * MS);
        let (mut now, mut waits) = (Instant::now(), Vec::new());
        for _ in 0..9 {
            let wait = backoff.failed(now, 0.0);
            waits.push(wait.as_millis());
            now += wait;
        }
        assert_eq!(waits, [20, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
    }

    #[test]
    fn an_answer_ends_the_growth() {
        let mut backoff = Backoff::new(20 * MS, 10_000 * MS);
        let now = Instant::now();
        backoff.failed(now, 0.0);
        assert_eq!(backoff.failed(now + 5_000 * MS, 0.0), 5_000 * MS);
        backoff.answered();
        assert_eq!(backoff.failed(now + 9_000 * MS, 0.0), 20 * MS);
    }

    #[test]
    fn chance_makes_a_wait_longer_by_up_to_a_half() {
        let mut backoff = Backoff::new(20 * MS, 10_000 * MS);
        assert_eq!(backoff.failed(Instant::now(), 1.0), 30 * MS);
    }
}
