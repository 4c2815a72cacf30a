//! How long a sign-in has to wait after others failed (pure).

use std::time::Duration;

use crate::base::StoreTime;

/// The failed sign-ins to one account from one part of the network.
///
/// Counted for both together: attempts from another network do not delay the owner of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How many failed in a row.
    pub count: u32,
    /// The time of the last one.
    pub last: StoreTime,
}

/// The failures that cost nothing: a person mistypes.
const FREE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(900);

impl Failures {
    /// A time without failures after which they are forgotten.
    pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(86_400);

    /// How long the next attempt still has to wait; zero if it may be made. The wait doubles from one
    /// second to a quarter of an hour.
    ///
    /// An attempt that comes earlier is refused without a look at its password, and counts for nothing.
    pub fn wait(&self, now: StoreTime) -> Duration {
        let Some(doublings) = self.count.checked_sub(FREE) else {
            return Duration::ZERO;
        };
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let wait =
            FIRST_WAIT.checked_mul(factor).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT));
        match now.get().checked_sub(self.last.get()) {
            Some(passed) => wait.saturating_sub(Duration::from_millis(passed)),
            // The clock was set back: the wait begins again, and is no longer than before.
            None => wait,
        }
    }

    /// The same by a clock that was set back since: what is later than now was now, so that a wait for it ends.
    #[must_use]
    pub fn known_at(self, now: StoreTime) -> Self {
        Self { last: self.last.min(now), ..self }
    }

    /// After one more failure.
    #[must_use]
    pub fn and_another(before: Option<Self>, now: StoreTime) -> Self {
        let remembered = before.filter(|failures| {
            let end = failures.last.checked_add(Self::FORGOTTEN_AFTER);
            end.is_none_or(|end| now < end)
        });
        Self { count: remembered.map_or(0, |failures| failures.count).saturating_add(1), last: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> StoreTime {
        StoreTime::new(1_777_636_800_000 + millis).unwrap()
    }

    fn wait(count: u32, passed: u64) -> u64 {
        let failures = Failures { count, last: at(0) };
        u64::try_from(failures.wait(at(passed)).as_millis()).unwrap()
    }

    #[test]
    fn waits_double_after_the_third_failure_up_to_a_quarter_of_an_hour() {
        let waits = [0, 1, 2, 3, 4, 5, 12, 13, 40, u32::MAX].map(|count| wait(count, 0));
        assert_eq!(waits, [0, 0, 0, 1_000, 2_000, 4_000, 512_000, 900_000, 900_000, 900_000]);
    }

    #[test]
    fn a_wait_passes() {
        assert_eq!([wait(5, 1), wait(5, 3_999), wait(5, 4_000), wait(5, 10_000)], [3_999, 1, 0, 0]);
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_a_wait_no_further_than_its_length() {
        let failures = Failures { count: 4, last: at(50_000) };
        assert_eq!(failures.wait(at(0)), Duration::from_secs(2));
    }

    #[test]
    fn failures_in_a_row_are_counted_and_forgotten_after_a_day() {
        let one = Failures::and_another(None, at(0));
        let two = Failures::and_another(Some(one), at(86_399_999));
        assert_eq!((one.count, two.count), (1, 2));
        let later = Failures::and_another(Some(one), at(86_400_000));
        assert_eq!(later, Failures { count: 1, last: at(86_400_000) });
        let many = Failures { count: u32::MAX, last: at(0) };
        assert_eq!(Failures::and_another(Some(many), at(1)).count, u32::MAX);
    }
}
