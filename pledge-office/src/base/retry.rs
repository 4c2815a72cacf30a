//! When a message is sent again (pure).

use std::num::NonZeroU32;
use std::time::Duration;

use pledge_core::types::OutOfRange;

use super::{AttemptOutcome, BegunAttempt, Delivery, SendError, SendErrorKind};

/// When a message that its channel did not take is sent again, and how often.
///
/// The wait doubles with each attempt, from `first` up to `longest`. Nothing is random: a channel is sent
/// to by one instance at a time, so no crowd comes back at once.
///
/// Attempts that have an end are counted, and a message is given up only by the answer to one. Those that were
/// interrupted lengthen the wait alone: a message whose sending ends its process each time is sent again at
/// the longest wait, until a person removes what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySchedule {
    first: Duration,
    longest: Duration,
    attempts_max: NonZeroU32,
}

impl RetrySchedule {
    /// Ten seconds, doubling up to an hour; 20 attempts, which takes half a day.
    pub const USUAL: Self = Self {
        first: Duration::from_secs(10),
        longest: Duration::from_secs(3_600),
        attempts_max: NonZeroU32::new(20).expect("20 is not zero"),
    };

    /// The longest wait that a receiver can ask for (`Retry-After`), and the longest that a schedule may
    /// have. One that asks for more is tried after this time.
    pub const WAIT_MAX: Duration = Duration::from_secs(86_400);

    /// A schedule. An error unless 1 second <= `first` <= `longest` <= 1 day.
    pub fn new(
        first: Duration,
        longest: Duration,
        attempts_max: NonZeroU32,
    ) -> Result<Self, OutOfRange> {
        if Duration::from_secs(1) <= first && first <= longest && longest <= Self::WAIT_MAX {
            return Ok(Self { first, longest, attempts_max });
        }
        let waits = format!("{first:?} to {longest:?}");
        Err(OutOfRange::new("wait of retries", waits, "1 second or more, ascending, to 1 day"))
    }

    /// The number of attempts with an end after which a message is given up.
    pub const fn attempts_max(&self) -> NonZeroU32 {
        self.attempts_max
    }

    /// Whether a message with this number of attempts that have an end is sent once more.
    pub const fn has_left(&self, ended: u32) -> bool {
        ended < self.attempts_max.get()
    }

    /// The wait after an attempt of this number, from 1 on.
    pub fn wait(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1);
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.checked_mul(factor).map_or(self.longest, |wait| wait.min(self.longest))
    }

    /// When a message is due again, counted from the beginning of an attempt whose end nobody has written: not
    /// while its send may still be under way.
    pub fn wait_without_end(&self, attempt: u32) -> Duration {
        self.wait(attempt).max(Delivery::ATTEMPT_TIME_MAX)
    }

    /// What an attempt comes to: delivered, to be made again, or the last.
    ///
    /// A receiver that names a wait is not asked before it, up to [`RetrySchedule::WAIT_MAX`], and not
    /// before the schedule's own. What it refuses for good is given up at once.
    pub fn outcome(&self, attempt: BegunAttempt, sent: Result<(), &SendError>) -> AttemptOutcome {
        let Err(error) = sent else { return AttemptOutcome::Delivered };
        let SendErrorKind::Unavailable { retry_after } = error.kind() else {
            return AttemptOutcome::GivenUp;
        };
        let BegunAttempt { number, ended_before } = attempt;
        if !self.has_left(ended_before.saturating_add(1)) {
            return AttemptOutcome::GivenUp;
        }
        let asked = retry_after.unwrap_or_default().min(Self::WAIT_MAX);
        AttemptOutcome::Again { after: self.wait(number).max(asked) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn unavailable(retry_after: Option<Duration>) -> SendError {
        SendError::new(SendErrorKind::Unavailable { retry_after }, "send", "busy")
    }

    /// An attempt of this number, of which none before was interrupted.
    fn nth(number: u32) -> BegunAttempt {
        BegunAttempt { number, ended_before: number - 1 }
    }

    fn schedule(first: u64, longest: u64, attempts_max: u32) -> Option<RetrySchedule> {
        let attempts_max = NonZeroU32::new(attempts_max).unwrap();
        RetrySchedule::new(seconds(first), seconds(longest), attempts_max).ok()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<_> = (1..=11).map(|n| RetrySchedule::USUAL.wait(n).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        for attempt in [32, 33, 34, u32::MAX] {
            assert_eq!(RetrySchedule::USUAL.wait(attempt), seconds(3_600), "{attempt}");
        }
        let day = schedule(86_400, 86_400, 1).unwrap();
        assert_eq!(day.wait(u32::MAX), RetrySchedule::WAIT_MAX);
    }

    #[test]
    fn what_a_receiver_asks_for_is_waited_but_not_for_ever() {
        let busy = |asked: Option<u64>| {
            let error = unavailable(asked.map(seconds));
            RetrySchedule::USUAL.outcome(nth(2), Err(&error))
        };
        for (asked, after) in
            [(None, 20), (Some(0), 20), (Some(19), 20), (Some(300), 300), (Some(u64::MAX), 86_400)]
        {
            assert_eq!(busy(asked), AttemptOutcome::Again { after: seconds(after) }, "{asked:?}");
        }
    }

    #[test]
    fn the_last_attempt_and_a_refusal_are_given_up() {
        let schedule = schedule(1, 1, 3).unwrap();
        let (busy, refused) =
            (unavailable(None), SendError::new(SendErrorKind::Refused, "send", ""));
        let again = AttemptOutcome::Again { after: seconds(1) };
        assert_eq!(schedule.outcome(nth(2), Err(&busy)), again);
        for attempt in [3, 4, u32::MAX] {
            assert_eq!(schedule.outcome(nth(attempt), Err(&busy)), AttemptOutcome::GivenUp);
        }
        assert_eq!(schedule.outcome(nth(1), Err(&refused)), AttemptOutcome::GivenUp);
        assert_eq!(schedule.outcome(nth(9), Ok(())), AttemptOutcome::Delivered);
    }

    #[test]
    fn an_attempt_without_an_end_lengthens_the_wait_and_is_not_the_last() {
        let (schedule, busy) = (schedule(1, 60, 2).unwrap(), unavailable(None));
        for (number, ended_before, expected) in [
            (1, 0, AttemptOutcome::Again { after: seconds(1) }),
            (5, 0, AttemptOutcome::Again { after: seconds(16) }),
            (5, 1, AttemptOutcome::GivenUp),
        ] {
            let begun = BegunAttempt { number, ended_before };
            assert_eq!(schedule.outcome(begun, Err(&busy)), expected, "{begun:?}");
        }
    }

    #[test]
    fn a_message_is_not_due_again_while_it_may_be_under_way() {
        let usual = RetrySchedule::USUAL;
        let waits: Vec<_> = (1..=5).map(|n| usual.wait_without_end(n).as_secs()).collect();
        assert_eq!(waits, [60, 60, 60, 80, 160]);
        assert!(usual.wait_without_end(1) > Delivery::SEND_TIME_MAX);
    }

    #[test]
    fn a_schedule_that_waits_too_little_or_too_long_is_refused() {
        for (first, longest) in [(0, 10), (10, 9), (1, 86_401)] {
            assert_eq!(schedule(first, longest, 5), None, "{first} to {longest}");
        }
    }
}
