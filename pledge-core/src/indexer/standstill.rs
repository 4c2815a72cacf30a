//! How long a chain has not moved.

use std::time::{Duration, SystemTime};

/// What comes and goes by itself, a block that vanished or another writer, is reported once it has kept
/// the chain from moving for so long.
const REPORTED_AFTER: Duration = Duration::from_secs(60);

/// The time since the first of the failures in a row.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    since: Option<SystemTime>,
}

impl Standstill {
    /// A step failed: whether it is time to report it. A clock that was set back begins the minute
    /// again.
    pub(super) fn lasts(&mut self, now: SystemTime) -> bool {
        let since = self.since.filter(|since| *since <= now);
        let since = *self.since.insert(since.unwrap_or(now));
        now.duration_since(since).is_ok_and(|lasted| lasted >= REPORTED_AFTER)
    }

    /// A step succeeded.
    pub(super) const fn over(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_minute_of_failures_in_a_row_is_reported() {
        let mut standstill = Standstill::default();
        let lasts: Vec<bool> = [0, 59, 60, 61].map(|s| standstill.lasts(at(s))).into();
        assert_eq!(lasts, [false, false, true, true]);
    }

    #[test]
    fn a_success_begins_the_minute_again() {
        let mut standstill = Standstill::default();
        assert!(!standstill.lasts(at(0)));
        standstill.over();
        assert!(!standstill.lasts(at(60)));
        assert!(standstill.lasts(at(120)));
    }

    #[test]
    fn a_clock_that_was_set_back_begins_the_minute_again() {
        let mut standstill = Standstill::default();
        assert!(!standstill.lasts(at(1_000)));
        assert!(!standstill.lasts(at(10)));
        assert!(!standstill.lasts(at(69)));
        assert!(standstill.lasts(at(70)));
    }
}
