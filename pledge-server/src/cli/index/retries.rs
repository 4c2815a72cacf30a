//! The waits between attempts, and what is logged of them.

use pledge_core::engine::{Failure, Patience};

use crate::backoff::Backoff;
use crate::tasks::{INDEXING, Incident, Incidents};

/// Attempts in a row that may fail before the command does. Those that pass, such as at a reorg or at
/// another writer, are a minute of waiting.
pub(super) const PATIENCE: Patience = Patience { failures: 6, passing: 9 };
/// Attempts before a passing failure is logged: most are over within a second or two.
const PASSING_UNREPORTED: u32 = 3;

/// Attempts that failed in a row.
pub(super) struct Retries {
    backoff: Backoff,
    incident: Incident,
}

impl Retries {
    pub(super) fn new(chain: &str) -> Self {
        let incident = Incidents::default().of_chain(chain, INDEXING);
        Self { backoff: Backoff::default(), incident }
    }

    /// Logs a failure if it is new and does not pass at once. Returns it for the report.
    pub(super) fn report(&mut self, Failure { error, in_a_row }: Failure) -> anyhow::Error {
        let is_brief = error.is_passing() && in_a_row <= PASSING_UNREPORTED;
        let error = anyhow::Error::from(error);
        if !is_brief {
            self.incident.report(&format!("{error:#}"));
        }
        error
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.backoff.delay()).await;
    }

    pub(super) fn over(&mut self) {
        self.incident.close();
        self.backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::error::ChainError;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_block_that_stays_away_is_reported_within_seconds_and_given_up_after_a_minute() {
        let mut retries = Retries::new("local");
        let begun = tokio::time::Instant::now();
        let mut reported = None;
        for in_a_row in 1..PATIENCE.passing {
            let error = ChainError::block_gone("read a header", "block 7 is not there").into();
            retries.report(Failure { error, in_a_row });
            if retries.incident.is_on() {
                reported.get_or_insert(begun.elapsed());
            }
            retries.wait().await;
        }
        assert!(reported.unwrap().as_secs() < 5, "{reported:?}");
        assert!((30..90).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}
