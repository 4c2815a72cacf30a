//! When to try again, and when not.

use crate::backoff::Backoff;
use crate::tasks::{INDEXING, Incident, Incidents};

/// Attempts in a row that may fail before the command does.
const ATTEMPTS_MAX: u32 = 6;
/// The same for failures that pass, such as a reorg or another writer: a minute of waiting.
const PASSING_MAX: u32 = 9;
/// Attempts before a passing failure is logged: most are over within a second or two.
const PASSING_UNTOLD: u32 = 3;

/// Attempts that failed in a row.
pub(super) struct Retries {
    backoff: Backoff,
    incident: Incident,
    passing: u32,
    failed: u32,
}

impl Retries {
    pub(super) fn new(chain: &str) -> Self {
        let incident = Incidents::default().of_chain(chain, INDEXING);
        Self { backoff: Backoff::default(), incident, passing: 0, failed: 0 }
    }

    /// Counts one more failure and returns whether to try again. Logs the failure if it is new and
    /// does not pass at once.
    pub(super) fn count(&mut self, passing: bool, error: &anyhow::Error) -> bool {
        if passing {
            self.passing += 1;
        } else {
            self.failed += 1;
        }
        if !passing || self.passing > PASSING_UNTOLD {
            self.incident.report(&format!("{error:#}"));
        }
        self.failed < ATTEMPTS_MAX && self.passing < PASSING_MAX
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.backoff.delay()).await;
    }

    pub(super) fn over(&mut self) {
        self.incident.close();
        self.backoff.reset();
        (self.passing, self.failed) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn attempts(passing: bool) -> usize {
        let mut retries = Retries::new("local");
        let again = || retries.count(passing, &anyhow!("again"));
        std::iter::repeat_with(again).take(1_000).take_while(|again| *again).count()
    }

    #[test]
    fn a_chain_that_fails_is_given_up_sooner_than_one_that_moves() {
        assert_eq!((attempts(false), attempts(true)), (5, 8));
    }

    #[test]
    fn an_attempt_that_succeeds_begins_the_count_again() {
        let mut retries = Retries::new("local");
        for _ in 0..100 {
            assert!(retries.count(false, &anyhow!("away")));
            retries.over();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_that_stays_away_is_reported_within_seconds_and_given_up_after_a_minute() {
        let mut retries = Retries::new("local");
        let begun = tokio::time::Instant::now();
        let mut reported = None;
        while retries.count(true, &anyhow!("block 7 is not there")) {
            if retries.incident.is_on() {
                reported.get_or_insert(begun.elapsed());
            }
            retries.wait().await;
        }
        assert!(reported.unwrap().as_secs() < 5, "{reported:?}");
        assert!((30..90).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}
