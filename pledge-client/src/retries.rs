//! How often an answer that may work later is asked for again.

use std::time::Duration;

/// The bounds of asking again after a 503 that names a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Requests for one answer, the first included.
    pub attempts_max: u32,
    /// The longest wait between two of them. A server that asks for more is not asked again.
    pub wait_max: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts_max: 4, wait_max: Duration::from_secs(10) }
    }
}

impl Retries {
    /// Every answer is the first one.
    pub const NONE: Self = Self { attempts_max: 1, wait_max: Duration::ZERO };

    /// How long to wait before asking again, after this many attempts; `None` to give up.
    pub(crate) fn wait(self, attempts: u32, retry_after: Option<Duration>) -> Option<Duration> {
        retry_after.filter(|wait| attempts < self.attempts_max && *wait <= self.wait_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_asked_for_again_within_the_bounds_and_only_if_the_server_names_a_time() {
        let second = Duration::from_secs(1);
        let retries = Retries { attempts_max: 3, wait_max: 2 * second };
        let cases = [
            (1, Some(second), Some(second)),
            (2, Some(2 * second), Some(2 * second)),
            (3, Some(second), None),
            (1, Some(3 * second), None),
            (1, None, None),
        ];
        for (attempts, retry_after, expected) in cases {
            assert_eq!(retries.wait(attempts, retry_after), expected, "after {attempts}");
        }
        assert_eq!(Retries::NONE.wait(1, Some(Duration::ZERO)), None);
    }
}
