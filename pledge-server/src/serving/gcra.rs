//! The generic cell rate algorithm: how often a client may ask, decided from one number kept of it.

use std::time::Duration;

use crate::config::RateConfig;
use crate::rates::Verdict;

/// What is kept of a client: when its next request would come if it kept exactly to its rate, in
/// nanoseconds. One that is not ahead of the clock is as none.
pub(super) type Due = u64;

/// Whether a request at `now` is within the rate of a client, and what to keep of it then. A request
/// that is refused costs nothing.
pub(super) fn judge(due: Due, now: u64, rate: RateConfig) -> (Verdict, Due) {
    let interval = 1_000_000_000 / u64::from(rate.per_second.get());
    let tolerance = interval * u64::from(rate.burst.get());
    // One that is further ahead is of a slower rate, before a reload.
    let ahead = due.saturating_sub(now).min(tolerance);
    let taken = ahead + interval;
    if taken > tolerance {
        let allowed_in = Duration::from_nanos(taken - tolerance);
        let full_in = Duration::from_nanos(ahead);
        return (Verdict { is_allowed: false, remaining: 0, full_in, allowed_in }, now + ahead);
    }
    // At most the burst, which fits.
    let remaining = u32::try_from((tolerance - taken) / interval).unwrap_or(u32::MAX);
    let full_in = Duration::from_nanos(taken);
    let verdict = Verdict { is_allowed: true, remaining, full_in, allowed_in: Duration::ZERO };
    (verdict, now + taken)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(per_second: u32, burst: u32) -> RateConfig {
        let number = |number| NonZeroU32::new(number).unwrap();
        RateConfig { per_second: number(per_second), burst: number(burst) }
    }

    /// How many of `each` requests at each instant are allowed.
    fn allowed(rate: RateConfig, instants: &[u64], each: u32) -> Vec<u32> {
        let mut due = 0;
        let mut take = |now| {
            let (verdict, next) = judge(due, now, rate);
            due = next;
            u32::from(verdict.is_allowed)
        };
        instants.iter().map(|now| (0..each).map(|_| take(*now)).sum()).collect()
    }

    #[test]
    fn a_burst_is_allowed_at_once_and_then_the_rate() {
        let instants = [5, 5, 6, 7, 100].map(|second| second * SECOND);
        assert_eq!(allowed(rate(2, 5), &instants, 9), [5, 0, 2, 2, 5]);
    }

    #[test]
    fn a_refused_request_costs_nothing_and_is_allowed_when_its_refusal_names() {
        let rate = rate(4, 1);
        let (_, due) = judge(0, 0, rate);
        let (refused, still) = judge(due, SECOND / 8, rate);
        assert_eq!((refused.is_allowed, still), (false, due));
        let when = SECOND / 8 + u64::try_from(refused.allowed_in.as_nanos()).unwrap();
        assert!(!judge(due, when - 1, rate).0.is_allowed);
        assert!(judge(due, when, rate).0.is_allowed);
    }

    #[test]
    fn a_faster_rate_counts_at_once_for_who_was_refused_by_a_slower_one() {
        let slow = rate(1, 100);
        let due = (0..100).fold(0, |due, _| judge(due, 0, slow).1);
        let fast = rate(100, 100);
        let (refused, due) = judge(due, 0, fast);
        assert_eq!(refused.allowed_in, Duration::from_millis(10));
        assert!(judge(due, SECOND / 100, fast).0.is_allowed);
    }

    #[test]
    fn what_remains_is_what_is_allowed() {
        let rate = rate(3, 4);
        let mut due = 0;
        let mut remaining = Vec::new();
        for _ in 0..4 {
            let (verdict, next) = judge(due, SECOND, rate);
            assert!(verdict.is_allowed);
            remaining.push(verdict.remaining);
            due = next;
        }
        assert_eq!(remaining, [3, 2, 1, 0]);
        let (refused, _) = judge(due, SECOND, rate);
        assert_eq!((refused.is_allowed, refused.remaining), (false, 0));
        assert!(refused.full_in > Duration::from_millis(1_333));
    }

    #[test]
    fn the_largest_rates_stay_within_the_numbers() {
        let largest = rate(1_000_000, 1_000_000);
        assert!(judge(0, u64::MAX / 2, largest).0.is_allowed);
        let slowest = rate(1, 1_000_000);
        assert_eq!(judge(0, 0, slowest).0.remaining, 999_999);
    }
}
