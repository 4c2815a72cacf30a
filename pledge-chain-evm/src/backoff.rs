//! How long to wait after a failure: half as long as the node has been failing.

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

    /// The node failed. The first failure after an answer is repeated at once, unless it takes the node
    /// time to have another answer.
    /// Then the wait before it is asked again grows by half with each failure in a row: where
    /// six of ten requests fail, doubled waits would add up without a bound, these do not. `chance`, of
    /// which 255 is the most, makes it longer by up to a quarter, so that several who wait do not come
    /// back at once.
    pub(crate) fn failed(&mut self, now: Instant, needs_time: bool, chance: u8) -> Duration {
        let Some(since) = self.failing_since else {
            self.failing_since = Some(now);
            return if needs_time { self.min } else { Duration::ZERO };
        };
        let wait = ((now - since) / 2).clamp(self.min, self.max.max(self.min));
        wait + wait * u32::from(chance) / 1_020
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_grow_while_nothing_is_answered_up_to_a_bound() {
        let mut backoff = Backoff::new(20 * MS, 200 * MS);
        let (mut now, mut waits) = (Instant::now(), Vec::new());
        for _ in 0..10 {
            let wait = backoff.failed(now, false, 0);
            waits.push(wait.as_millis());
            now += wait;
        }
        assert_eq!(waits, [0, 20, 20, 20, 30, 45, 67, 101, 151, 200]);
    }

    #[test]
    fn an_answer_ends_the_growth() {
        let mut backoff = Backoff::new(20 * MS, 10_000 * MS);
        let now = Instant::now();
        backoff.failed(now, false, 0);
        assert_eq!(backoff.failed(now + 5_000 * MS, false, 0), 2_500 * MS);
        backoff.answered();
        assert_eq!(backoff.failed(now + 9_000 * MS, false, 0), Duration::ZERO);
    }

    #[test]
    fn chance_makes_a_wait_longer_by_up_to_a_quarter() {
        let mut backoff = Backoff::new(20 * MS, 10_000 * MS);
        let now = Instant::now();
        backoff.failed(now, false, 255);
        assert_eq!(backoff.failed(now, false, 255), 25 * MS);
    }

    #[test]
    fn what_takes_time_is_not_asked_again_at_once() {
        let mut backoff = Backoff::new(20 * MS, 10_000 * MS);
        assert_eq!(backoff.failed(Instant::now(), true, 0), 20 * MS);
    }
}
