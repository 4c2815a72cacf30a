//! What one node was asked so far, and how it answered.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::Answer;

/// The upper bounds of the classes in which the durations of requests are counted, in milliseconds.
const BOUNDS_MS: [u64; 10] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// What one node was asked so far, and how it answered. All counts only grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTraffic {
    /// Calls that were sent, each one of a batch counted.
    pub calls: u64,
    /// Requests that brought at least one answer.
    pub requests_answered: u64,
    /// Requests that failed and single calls that were refused, by the reason's name.
    pub failures: Vec<(&'static str, u64)>,
    /// How long requests took, whatever came of them.
    pub durations: Durations,
}

/// How long requests took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    /// The number of requests that took at most this long and longer than the bound before, by bound.
    pub classes: Vec<(Duration, u64)>,
    /// The number of requests that took longer than the last bound.
    pub longer: u64,
    /// The sum over all requests.
    pub sum: Duration,
}

/// Counts what one node is asked.
#[derive(Debug, Default)]
pub(crate) struct TrafficCounts {
    calls: AtomicU64,
    requests_answered: AtomicU64,
    failures: [AtomicU64; Fault::ALL.len()],
    classes: [AtomicU64; BOUNDS_MS.len()],
    longer: AtomicU64,
    sum_micros: AtomicU64,
}

impl TrafficCounts {
    pub(crate) fn sends(&self, calls: usize) {
        self.calls.fetch_add(calls as u64, Ordering::Relaxed);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn requests_answered(&self) -> u64 {
        self.requests_answered.load(Ordering::Relaxed)
    }

    /// Counts a request that has ended. Whether it brought an answer is returned.
    pub(crate) fn ended(&self, took: Duration, answers: &Result<Vec<Answer>, Failure>) -> bool {
        let millis = took.as_millis();
        let class =
            BOUNDS_MS.iter().zip(&self.classes).find(|(bound, _)| millis <= u128::from(**bound));
        class.map_or(&self.longer, |(_, class)| class).fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
        match answers {
            Err(failure) => {
                self.failed(failure.fault);
                false
            }
            Ok(answers) => {
                answers.iter().filter_map(|answer| answer.as_ref().err()).for_each(|failure| {
                    self.failed(failure.fault);
                });
                let is_answered = answers.iter().any(Result::is_ok);
                self.requests_answered.fetch_add(is_answered.into(), Ordering::Relaxed);
                is_answered
            }
        }
    }

    fn failed(&self, fault: Fault) {
        self.failures[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn traffic(&self) -> NodeTraffic {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let classes: [(Duration, u64); BOUNDS_MS.len()] = array::from_fn(|class| {
            (Duration::from_millis(BOUNDS_MS[class]), read(&self.classes[class]))
        });
        NodeTraffic {
            calls: self.calls(),
            requests_answered: self.requests_answered(),
            failures: Fault::ALL
                .iter()
                .map(|fault| fault.name())
                .zip(self.failures.iter().map(read))
                .collect(),
            durations: Durations {
                classes: classes.into(),
                longer: read(&self.longer),
                sum: Duration::from_micros(read(&self.sum_micros)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Failure {
        Failure::truncated("short".to_owned())
    }

    #[test]
    fn every_fault_is_listed_at_its_place() {
        for (place, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place, "{}", fault.name());
        }
        assert_eq!(Fault::Refused as usize, Fault::ALL.len() - 1, "the last one");
    }

    #[test]
    fn a_request_counts_in_the_class_of_its_duration() {
        let counts = TrafficCounts::default();
        for millis in [3, 10, 11, 60_000] {
            counts.ended(Duration::from_millis(millis), &Ok(Vec::new()));
        }
        let Durations { classes, longer, sum } = counts.traffic().durations;
        assert_eq!(classes[..2], [(Duration::from_millis(10), 2), (Duration::from_millis(25), 1)]);
        assert_eq!((longer, sum), (1, Duration::from_millis(60_024)));
    }

    #[test]
    fn each_refused_call_and_each_failed_request_counts_once_by_its_reason() {
        let counts = TrafficCounts::default();
        let is_answered = counts.ended(Duration::ZERO, &Ok(vec![Err(refused()), Err(refused())]));
        counts.ended(Duration::ZERO, &Err(Failure::malformed("no JSON".to_owned())));
        assert!(!is_answered);
        let NodeTraffic { requests_answered, failures, .. } = counts.traffic();
        let failed: Vec<_> = failures.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!((requests_answered, &failed[..]), (0, &[("malformed", 1), ("refused", 2)][..]));
    }
}
