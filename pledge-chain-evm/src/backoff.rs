//! How long to wait after a failure: not at all while failures come as they always did, then half as
//! long as the node has been failing.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that are counted at most, so that an outage is soon forgotten.
const RUN_MAX: u32 = 8;

/// How many answers the mean spans.
const SPAN: u32 = 8;

/// The parts of a failure that the mean is kept in.
const PARTS: u32 = 64;

/// The waits of one conversation. They follow what the node does now: one answer, to any question, and
/// the next failure is repeated at once, whatever was before. It has no clock.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    /// Since when it fails more often in a row than chance explains.
    failing_since: Option<Instant>,
    /// Failures since the last answer.
    run: u32,
    /// Failures between two answers in the mean, in [`PARTS`].
    usual: u32,
}

/// One failure, as far as the next wait depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed {
    /// When the failure was known.
    pub(crate) at: Instant,
    /// How long it took the node to fail.
    pub(crate) took: Duration,
    /// The node has no other answer before some time is over.
    pub(crate) needs_time: bool,
}

impl Backoff {
    pub(crate) const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, failing_since: None, run: 0, usual: 0 }
    }

    /// The node answered.
    pub(crate) fn answered(&mut self) {
        self.usual = self.usual - self.usual / SPAN + self.run.min(RUN_MAX) * (PARTS / SPAN);
        (self.failing_since, self.run) = (None, 0);
    }

    /// The node failed. As many failures in a row as chance explains are repeated at once, unless it takes
    /// the node time to have another answer: where six of ten requests fail, waits that grow with each
    /// would add up without a bound. A node that never failed before is believed to be away from the second
    /// failure on.
    ///
    /// From there on the wait is half as long as that lasts. What the failure took counts as waited,
    /// so that no wait follows a time-out that is longer. `chance`, of which 255 is the most, makes the
    /// wait longer by up to a quarter, so that several who wait do not come back at once.
    pub(crate) fn failed(&mut self, failed: Failed, chance: u8) -> Duration {
        let Failed { at, took, needs_time } = failed;
        self.run = self.run.saturating_add(1);
        if self.run <= self.by_chance() {
            return if needs_time { self.min } else { Duration::ZERO };
        }
        let since = *self.failing_since.get_or_insert(at);
        let wait = ((at - since) / 2).clamp(self.min, self.max.max(self.min));
        (wait + wait * u32::from(chance) / 1_020).saturating_sub(took)
    }

    /// As many failures in a row as are nothing new. Where each request fails with the same chance, three
    /// times the mean and one more is passed by one run of twenty.
    pub(crate) const fn by_chance(&self) -> u32 {
        1 + 3 * self.usual / PARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn backoff(max_ms: u32) -> Backoff {
        Backoff::new(20 * MS, max_ms * MS)
    }

    const fn failed(at: Instant, took: Duration) -> Failed {
        Failed { at, took, needs_time: false }
    }

    /// The waits after `failures` failures in a row, each of which is known at once.
    fn waits(backoff: &mut Backoff, failures: usize) -> Vec<u128> {
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..failures {
            let wait = backoff.failed(failed(now, Duration::ZERO), 0);
            waits.push(wait.as_millis());
            now += wait;
        }
        waits
    }

    #[test]
    fn waits_grow_while_nothing_is_answered_up_to_a_bound() {
        assert_eq!(waits(&mut backoff(200), 10), [0, 20, 20, 20, 30, 45, 67, 101, 151, 200]);
    }

    #[test]
    fn an_answer_ends_the_growth() {
        let mut backoff = backoff(10_000);
        let now = Instant::now();
        waits(&mut backoff, 2);
        assert_eq!(backoff.failed(failed(now + 5_000 * MS, Duration::ZERO), 0).as_secs(), 2);
        backoff.answered();
        assert_eq!(backoff.failed(failed(now + 9_000 * MS, Duration::ZERO), 0), Duration::ZERO);
    }

    #[test]
    fn chance_makes_a_wait_longer_by_up_to_a_quarter() {
        let mut backoff = backoff(10_000);
        let failed = failed(Instant::now(), Duration::ZERO);
        backoff.failed(failed, 255);
        assert_eq!(backoff.failed(failed, 255), 25 * MS);
    }

    #[test]
    fn what_takes_time_is_not_asked_again_at_once() {
        let failed = Failed { needs_time: true, ..failed(Instant::now(), Duration::ZERO) };
        assert_eq!(backoff(10_000).failed(failed, 0), 20 * MS);
    }

    #[test]
    fn failures_as_usual_are_repeated_at_once_for_ever() {
        let mut backoff = backoff(10_000);
        for _ in 0..100 {
            waits(&mut backoff, 2);
            backoff.answered();
        }
        assert_eq!(waits(&mut backoff, 6), [0; 6], "two in a row are usual");
        backoff.answered();
        assert_eq!(waits(&mut backoff, 20).iter().filter(|wait| **wait == 0).count(), 8);
    }

    #[test]
    fn an_outage_is_forgotten_after_some_answers() {
        let mut backoff = backoff(10_000);
        waits(&mut backoff, 1_000);
        backoff.answered();
        assert_eq!(waits(&mut backoff, 5), [0, 0, 0, 0, 20]);
        for _ in 0..30 {
            backoff.answered();
        }
        assert_eq!(waits(&mut backoff, 2), [0, 20]);
    }

    #[test]
    fn a_time_out_was_a_wait_already() {
        let mut backoff = backoff(10_000);
        let (mut now, mut waits) = (Instant::now(), Vec::new());
        for _ in 0..6 {
            now += 200 * MS;
            let wait = backoff.failed(failed(now, 200 * MS), 0);
            waits.push(wait.as_millis());
            now += wait;
        }
        assert_eq!(waits, [0, 0, 0, 0, 100, 250]);
    }
}
