//! Whether a node is used, and until when it is left alone, given what happened and when.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

use super::config::NodesConfig;

/// Why a node is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It failed: the wait is of our own choice.
    Failed,
    /// It asked for it.
    Asked,
    /// Its answers cannot be of the chain that the others are on.
    Unfit,
}

/// A time in which a node is not asked. Once it is over, one answer ends it.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    pub(super) until: Instant,
    pub(super) why: Why,
    pub(super) reason: String,
}

/// Answers without a failure between them.
#[derive(Debug, Clone, Copy)]
struct Streak {
    since: Instant,
    answers: u32,
}

/// The health of one node. It has no clock: every instant is an argument.
#[derive(Debug)]
pub(super) struct Health {
    rules: Rules,
    rest: Option<Rest>,
    waits: <ExponentialBuilder as BackoffBuilder>::Backoff,
    streak: Option<Streak>,
    heard: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    waits: ExponentialBuilder,
    rest_asked_max: Duration,
    unfit_wait: Duration,
    proof_answers: u32,
    proof_time: Duration,
}

impl Health {
    pub(super) fn new(config: &NodesConfig) -> Self {
        let waits = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(config.wait_min)
            .with_max_delay(config.wait_max)
            .without_max_times();
        let rules = Rules {
            waits,
            rest_asked_max: config.rest_asked_max,
            unfit_wait: config.unfit_wait,
            proof_answers: config.proof_answers,
            proof_time: config.proof_time,
        };
        Self { rules, rest: None, waits: waits.build(), streak: None, heard: None }
    }

    /// It answered. Waits start over only once it has proved itself, so that a node that comes and
    /// goes is left alone for longer each time.
    pub(super) fn answered(&mut self, now: Instant) {
        self.heard = Some(now);
        if self.rest(now).is_some_and(|rest| rest.why != Why::Failed) {
            // An answer to a question that was under way already.
            return;
        }
        self.rest = None;
        let streak = self.streak.get_or_insert(Streak { since: now, answers: 0 });
        streak.answers = streak.answers.saturating_add(1);
        if self.has_proved_itself(now) {
            self.waits = self.rules.waits.build();
        }
    }

    /// It failed, and may have asked to be left alone for a while.
    pub(super) fn failed(&mut self, now: Instant, asked: Option<Duration>, reason: String) {
        let own = self.waits.next().expect("the number of waits has no bound");
        let asked = asked.map(|asked| asked.min(self.rules.rest_asked_max));
        // The reason matters when all nodes wait: a wait of our own choice may be cut short, one
        // that was asked for is kept.
        let (wait, why) = match asked {
            Some(asked) if asked >= own => (asked, Why::Asked),
            _ => (own, Why::Failed),
        };
        self.rest_until(Rest { until: now + wait, why, reason });
    }

    /// Its answers cannot be used, however well it is reached.
    pub(super) fn unfit(&mut self, now: Instant, reason: String) {
        self.rest_until(Rest { until: now + self.rules.unfit_wait, why: Why::Unfit, reason });
    }

    /// A rest is never made shorter.
    fn rest_until(&mut self, rest: Rest) {
        self.streak = None;
        if self.rest.as_ref().is_none_or(|known| known.until <= rest.until) {
            self.rest = Some(rest);
        }
    }

    /// It answered, but not as one that may be trusted again.
    pub(super) fn proves_nothing(&mut self) {
        self.streak = None;
    }

    /// Why and until when it is left alone.
    pub(super) fn rest(&self, now: Instant) -> Option<&Rest> {
        self.rest.as_ref().filter(|rest| now < rest.until)
    }

    /// Why it is left alone, or was until it is asked again.
    pub(super) const fn last_rest(&self) -> Option<&Rest> {
        self.rest.as_ref()
    }

    /// Whether it answered last.
    pub(super) const fn is_ready(&self) -> bool {
        self.rest.is_none()
    }

    /// Whether it is of the chain, as far as anybody knows.
    pub(super) fn is_fit(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.why != Why::Unfit)
    }

    /// Whether it answered often enough, for long enough, since it failed last.
    pub(super) fn has_proved_itself(&self, now: Instant) -> bool {
        let Rules { proof_answers, proof_time, .. } = self.rules;
        self.streak.is_some_and(|streak| {
            streak.answers >= proof_answers && now - streak.since >= proof_time
        })
    }

    /// Whether it answered within a time.
    pub(super) fn was_heard_within(&self, time: Duration, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now - heard <= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn health() -> (Health, Instant) {
        (Health::new(&NodesConfig::new(Vec::new())), Instant::now())
    }

    fn wait_of(health: &Health, now: Instant) -> Duration {
        health.rest(now).map(|rest| rest.until - now).unwrap_or_default()
    }

    #[test]
    fn waits_double_with_each_failure_up_to_a_bound() {
        let (mut health, mut now) = health();
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 180, 180].map(Duration::from_secs) {
            health.failed(now, None, "away".into());
            let wait = wait_of(&health, now);
            assert!((expected..=2 * expected).contains(&wait), "{wait:?}, not {expected:?}");
            now += wait;
            assert!(
                health.rest(now).is_none() && !health.is_ready(),
                "it is looked at, not trusted"
            );
        }
    }

    #[test]
    fn a_node_is_left_alone_for_as_long_as_it_asks_up_to_an_hour() {
        for (asked, wait) in [(120 * SECOND, 120 * SECOND), (24 * HOUR, HOUR)] {
            let (mut health, now) = health();
            health.failed(now, Some(asked), "busy".into());
            assert_eq!(wait_of(&health, now), wait);
            assert_eq!(health.rest(now).map(|rest| rest.why), Some(Why::Asked));
            assert!(health.rest(now + wait - SECOND).is_some());
            assert!(health.rest(now + wait).is_none());
        }
    }

    #[test]
    fn a_short_wait_asked_for_does_not_shorten_ours() {
        let (mut health, now) = health();
        health.failed(now, Some(Duration::ZERO), "busy".into());
        assert!(wait_of(&health, now) >= SECOND);
    }

    #[test]
    fn what_was_under_way_does_not_end_or_shorten_a_rest_that_was_asked_for() {
        let (mut health, now) = health();
        health.failed(now, Some(120 * SECOND), "busy".into());
        health.answered(now + SECOND);
        health.failed(now + SECOND, None, "away".into());
        let rest = health.rest(now + 119 * SECOND).map(|rest| rest.why);
        assert_eq!(rest, Some(Why::Asked));
        health.answered(now + 120 * SECOND);
        assert!(health.is_ready());
    }

    #[test]
    fn one_answer_ends_a_rest_and_does_not_make_the_next_one_short() {
        let (mut health, now) = health();
        for _ in 0..5 {
            health.failed(now, None, "away".into());
        }
        health.answered(now);
        assert!(health.is_ready());
        health.failed(now, None, "away".into());
        assert!(wait_of(&health, now) >= 32 * SECOND);
    }

    #[test]
    fn only_answers_over_some_time_prove_a_node() {
        let (mut health, now) = health();
        for _ in 0..100 {
            health.answered(now);
        }
        assert!(!health.has_proved_itself(now), "all at one instant");
        health.answered(now + 30 * SECOND);
        assert!(health.has_proved_itself(now + 30 * SECOND));
        health.failed(now + 31 * SECOND, None, "away".into());
        assert!(!health.has_proved_itself(now + HOUR));
    }

    #[test]
    fn a_node_that_proved_itself_waits_as_if_it_had_never_failed() {
        let (mut health, now) = health();
        for _ in 0..5 {
            health.failed(now, None, "away".into());
        }
        for second in [0, 15, 30] {
            health.answered(now + second * SECOND);
        }
        health.failed(now + HOUR, None, "away".into());
        assert!(wait_of(&health, now + HOUR) <= 2 * SECOND);
    }
}
