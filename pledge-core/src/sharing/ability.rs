//! Whether an instance can do the work that it is configured for.

use std::time::Duration;

use super::STILL_LEASES;

/// Whether an instance can do a piece of work, judged by its results so far.
///
/// Times come from any clock of the instance that does not go back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ability {
    /// Since when the work has had no result, although there was something to do.
    fruitless_since: Option<Duration>,
    failed: bool,
}

impl Ability {
    /// Records that the work begins or continues.
    pub fn begins(&mut self, now: Duration) {
        self.fruitless_since.get_or_insert(now);
    }

    /// Records a result, or that there was nothing to do.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Records a failure of the work.
    pub fn failed(&mut self, now: Duration) {
        self.begins(now);
        self.failed = true;
    }

    /// Records that another instance does the work now. After a failure it is still not known to
    /// work.
    pub fn left(&mut self) {
        if !self.failed {
            self.fruitless_since = None;
        }
    }

    /// How long the work has had no result.
    pub fn fruitless_for(&self, now: Duration) -> Duration {
        self.fruitless_since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Whether to offer the work. Work that fails for one lease without a success is left to
    /// others, as is work that neither fails nor succeeds for three leases.
    pub fn is_able(&self, now: Duration, lease: Duration) -> bool {
        let patience = if self.failed { lease } else { lease * STILL_LEASES };
        self.fruitless_since.is_none() || self.fruitless_for(now) < patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(9);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn able(ability: &Ability, times: &[u64]) -> Vec<bool> {
        times.iter().map(|seconds| ability.is_able(at(*seconds), LEASE)).collect()
    }

    #[test]
    fn what_was_never_tried_is_offered() {
        assert!(Ability::default().is_able(Duration::MAX, LEASE));
    }

    #[test]
    fn what_fails_for_a_lease_is_not_offered() {
        let mut ability = Ability::default();
        ability.begins(at(100));
        ability.failed(at(104));
        assert_eq!(able(&ability, &[104, 108, 109, 1_000]), [true, true, false, false]);
        ability.failed(at(120));
        assert!(!ability.is_able(at(120), LEASE), "another failure is no success");
    }

    #[test]
    fn what_neither_fails_nor_succeeds_for_three_leases_is_not_offered() {
        let mut ability = Ability::default();
        ability.begins(at(100));
        ability.begins(at(110));
        assert_eq!(able(&ability, &[126, 127]), [true, false]);
    }

    #[test]
    fn a_success_is_offered_at_once() {
        let mut ability = Ability::default();
        ability.failed(at(0));
        assert!(!ability.is_able(at(9), LEASE));
        ability.succeeded();
        assert_eq!(able(&ability, &[9, 1_000]), [true, true]);
    }

    #[test]
    fn work_that_was_left_is_offered_unless_it_had_failed() {
        let mut slow = Ability::default();
        slow.begins(at(0));
        slow.left();
        assert!(slow.is_able(at(1_000), LEASE));
        let mut failed = Ability::default();
        failed.failed(at(0));
        failed.left();
        assert!(!failed.is_able(at(1_000), LEASE));
    }
}
