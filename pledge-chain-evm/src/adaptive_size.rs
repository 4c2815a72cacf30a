//! How much to ask for at once: halved when refused, grown back slowly.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers in a row before more is asked for. Four times as many after every growth that was refused, so
/// that a node with a fixed limit is rarely tried beyond it; a growth that lasts brings it back. Few at
/// first, so that a size that fell by bad luck is not small for long.
const GROW_AFTER_MIN: u32 = 8;
const GROW_AFTER_MAX: u32 = 4_096;

/// Answers that show that a growth was none too many: a fixed limit lets none pass.
const PROVES_GROWTH: u32 = 2;

/// The size of question that a node is known to take: blocks of a range, calls of a batch.
#[derive(Debug)]
pub(crate) struct AdaptiveSize {
    max: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    size: u64,
    answered: u32,
    grow_after: u32,
    has_grown: bool,
    /// Questions of this size or more that failed in a row, for whatever reason.
    suspected: Option<(u64, u32)>,
}

impl AdaptiveSize {
    /// Starts at its bound, which is at least one.
    pub(crate) const fn new(max: u64) -> Self {
        Self {
            max,
            state: Mutex::new(State {
                size: max,
                answered: 0,
                grow_after: GROW_AFTER_MIN,
                has_grown: false,
                suspected: None,
            }),
        }
    }

    /// How much of what is wanted to put into the next question.
    pub(crate) fn of(&self, wanted: u64) -> u64 {
        wanted.min(self.state().size)
    }

    /// The node answered a question of this size. Whether a larger one is asked next.
    pub(crate) fn answered(&self, size: u64) -> bool {
        let mut state = self.state();
        state.suspected = state.suspected.filter(|(suspected, _)| *suspected > size);
        // A smaller question proves nothing about this size.
        if size < state.size || state.size == self.max {
            return false;
        }
        state.answered += 1;
        let grows = state.answered >= state.grow_after;
        if grows {
            state.answered = 0;
            if state.has_grown {
                state.grow_after = GROW_AFTER_MIN;
            }
            state.has_grown = true;
            state.size = state.size.saturating_mul(2).min(self.max);
        }
        grows
    }

    /// A question of this size failed. Returns whether chance no longer explains it: then the caller counts
    /// the size as refused. A failure at random passes when it is repeated.
    pub(crate) fn suspect(&self, size: u64, by_chance: u32) -> bool {
        let mut state = self.state();
        let failures = state.failures(size);
        state.suspected = Some((size, failures + 1));
        failures >= by_chance
    }

    /// Back to a size that was not at fault.
    pub(crate) fn acquit(&self, size: u64) {
        let mut state = self.state();
        state.size = state.size.max(size.min(self.max));
    }

    /// The node refused a question of this size, and may have named one that it takes. Never goes below
    /// one.
    pub(crate) fn refused(&self, size: u64, hint: Option<u64>) {
        let half = (size / 2).max(1);
        // A node may suggest a range that it refuses itself, so only a smaller one counts.
        let next = hint.filter(|hint| (1..size).contains(hint)).unwrap_or(half);
        let mut state = self.state();
        state.suspected = None;
        state.grow_after = if state.has_grown && state.answered < PROVES_GROWTH {
            (state.grow_after * 4).min(GROW_AFTER_MAX)
        } else {
            // It worked before: a limit that changed, or bad luck.
            GROW_AFTER_MIN
        };
        state.has_grown = false;
        state.answered = 0;
        // Another question may have learned a smaller size meanwhile.
        state.size = state.size.min(next);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every value of the state is valid, so a panic elsewhere cannot have broken it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many failures of this size, or of smaller ones, come before the next.
    fn failures(&self, size: u64) -> u32 {
        self.suspected.filter(|(known, _)| *known <= size).map_or(0, |(_, failures)| failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(size: &AdaptiveSize, times: u32) {
        for _ in 0..times {
            size.answered(size.of(u64::MAX));
        }
    }

    #[test]
    fn a_small_question_is_asked_whole() {
        assert_eq!(AdaptiveSize::new(1_000).of(7), 7);
        assert_eq!(AdaptiveSize::new(1_000).of(5_000), 1_000);
    }

    #[test]
    fn refusals_halve_it_down_to_one() {
        let size = AdaptiveSize::new(10);
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(size.of(100));
            size.refused(size.of(100), None);
        }
        assert_eq!(seen, [10, 5, 2, 1, 1]);
    }

    #[test]
    fn a_size_that_works_is_kept_until_it_has_proved_itself() {
        let size = AdaptiveSize::new(1_000);
        size.refused(1_000, None);
        answer(&size, GROW_AFTER_MIN - 1);
        assert_eq!(size.of(5_000), 500);
        answer(&size, 1);
        assert_eq!(size.of(5_000), 1_000);
    }

    #[test]
    fn a_refused_growth_makes_the_next_one_later() {
        let size = AdaptiveSize::new(1_000);
        size.refused(1_000, None);
        answer(&size, GROW_AFTER_MIN);
        size.refused(1_000, None);
        answer(&size, 4 * GROW_AFTER_MIN - 1);
        assert_eq!(size.of(5_000), 500);
        answer(&size, 1);
        assert_eq!(size.of(5_000), 1_000);
    }

    #[test]
    fn answers_to_smaller_questions_prove_nothing() {
        let size = AdaptiveSize::new(1_000);
        size.refused(1_000, None);
        for _ in 0..10 * GROW_AFTER_MIN {
            size.answered(499);
        }
        assert_eq!(size.of(5_000), 500);
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let size = AdaptiveSize::new(3);
        size.refused(3, None);
        answer(&size, 10 * GROW_AFTER_MIN);
        assert_eq!(size.of(100), 3);
    }

    #[test]
    fn a_late_refusal_of_a_larger_question_does_not_enlarge_it() {
        let size = AdaptiveSize::new(1_000);
        size.refused(10, None);
        size.refused(1_000, None);
        assert_eq!(size.of(1_000), 5);
    }

    #[test]
    fn a_size_that_fails_more_often_in_a_row_than_by_chance_is_suspected() {
        let size = AdaptiveSize::new(100);
        let suspected =
            |asked, times| (0..times).map(|_| size.suspect(asked, 2)).collect::<Vec<_>>();
        assert_eq!(suspected(100, 2), [false; 2]);
        size.answered(100);
        assert_eq!(suspected(100, 2), [false; 2], "one that passed between clears it");
        size.answered(50);
        assert_eq!(suspected(100, 1), [true], "a smaller one that passed proves nothing about it");
        size.refused(100, None);
        assert_eq!(suspected(50, 3), [false, false, true], "the next size has a clean record");
    }

    #[test]
    fn a_size_that_worked_and_is_refused_comes_back_soon() {
        let size = AdaptiveSize::new(1_000);
        size.refused(1_000, None);
        for _ in 0..4 {
            answer(&size, GROW_AFTER_MAX);
            size.refused(1_000, None);
        }
        assert_eq!(size.of(5_000), 500);
        answer(&size, GROW_AFTER_MIN);
        size.refused(500, None);
        answer(&size, GROW_AFTER_MIN);
        assert_eq!(size.of(5_000), 500);
    }

    #[test]
    fn a_size_that_was_not_at_fault_comes_back() {
        let size = AdaptiveSize::new(1_000);
        size.refused(1_000, Some(1));
        size.acquit(1_000);
        assert_eq!(size.of(5_000), 1_000);
    }

    #[test]
    fn a_hint_is_taken_if_it_asks_for_less_and_for_something() {
        for (hint, next) in [(700, 700), (1, 1), (999, 999), (0, 500), (1_000, 500), (5_000, 500)] {
            let size = AdaptiveSize::new(1_000);
            size.refused(1_000, Some(hint));
            assert_eq!(size.of(5_000), next, "{hint}");
        }
    }
}
