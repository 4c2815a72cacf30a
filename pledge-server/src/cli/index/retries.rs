//! When to try again, and when not.

use crate::backoff::Backoff;
use crate::tasks::{INDEXING, Trouble, Troubles};

/// Attempts in a row that may fail before the command does.
const ATTEMPTS_MAX: u32 = 6;
/// The same while the chain or another writer moves under it: some seven minutes of waiting.
const ORDINARY_MAX: u32 = 20;

/// Attempts that failed in a row.
pub(super) struct Retries {
    backoff: Backoff,
    trouble: Trouble,
    ordinary: u32,
    failed: u32,
}

impl Retries {
    pub(super) fn new(chain: &str) -> Self {
        let trouble = Troubles::default().of_chain(chain, INDEXING);
        Self { backoff: Backoff::default(), trouble, ordinary: 0, failed: 0 }
    }

    /// Counts one more, says what is wrong if it is anything new, and answers whether another attempt
    /// is worth while.
    pub(super) fn count(&mut self, ordinary: bool, error: &anyhow::Error) -> bool {
        if ordinary {
            self.ordinary += 1;
        } else {
            self.failed += 1;
            self.trouble.says(&format!("{error:#}"));
        }
        self.failed < ATTEMPTS_MAX && self.ordinary < ORDINARY_MAX
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.backoff.delay()).await;
    }

    pub(super) fn over(&mut self) {
        self.trouble.over();
        self.backoff.reset();
        (self.ordinary, self.failed) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn attempts(ordinary: bool) -> usize {
        let mut retries = Retries::new("local");
        let again = || retries.count(ordinary, &anyhow!("again"));
        std::iter::repeat_with(again).take(1_000).take_while(|again| *again).count()
    }

    #[test]
    fn a_chain_that_fails_is_given_up_sooner_than_one_that_moves() {
        assert_eq!((attempts(false), attempts(true)), (5, 19));
    }

    #[test]
    fn an_attempt_that_succeeds_begins_the_count_again() {
        let mut retries = Retries::new("local");
        for _ in 0..100 {
            assert!(retries.count(false, &anyhow!("away")));
            retries.over();
        }
    }
}
