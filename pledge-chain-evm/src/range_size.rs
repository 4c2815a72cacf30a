//! How many blocks to ask for at once: halved when refused, grown back slowly.

/// Answers in a row before a larger range is tried.
const GROW_AFTER: u32 = 16;

/// The number of blocks that a node is known to take in one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangeSize {
    blocks: u64,
    blocks_max: u64,
    answered: u32,
}

impl RangeSize {
    /// Starts at the bound, which is at least one block.
    pub(crate) const fn new(blocks_max: u64) -> Self {
        Self {
            blocks: blocks_max,
            blocks_max,
            answered: 0,
        }
    }

    /// How many of the blocks asked for to put into the next question.
    pub(crate) const fn of(self, asked: u64) -> u64 {
        if asked < self.blocks {
            asked
        } else {
            self.blocks
        }
    }

    /// The node answered a question of `size` blocks.
    pub(crate) const fn answered(&mut self, size: u64) {
        if size < self.blocks || self.blocks == self.blocks_max {
            return;
        }
        self.answered += 1;
        if self.answered >= GROW_AFTER {
            self.answered = 0;
            let doubled = self.blocks.saturating_mul(2);
            self.blocks = if doubled < self.blocks_max {
                doubled
            } else {
                self.blocks_max
            };
        }
    }

    /// The node refused a question of `size` blocks. Never goes below one.
    pub(crate) const fn refused(&mut self, size: u64) {
        let half = if size < 2 { 1 } else { size / 2 };
        self.answered = 0;
        // Another question may have learned a smaller size meanwhile.
        if half < self.blocks {
            self.blocks = half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_question_is_asked_whole() {
        assert_eq!(RangeSize::new(1_000).of(7), 7);
        assert_eq!(RangeSize::new(1_000).of(5_000), 1_000);
    }

    #[test]
    fn refusals_halve_down_to_one_block() {
        let mut size = RangeSize::new(10);
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(size.of(100));
            size.refused(size.of(100));
        }
        assert_eq!(seen, [10, 5, 2, 1, 1]);
    }

    #[test]
    fn a_size_that_works_is_kept_until_it_has_proved_itself() {
        let mut size = RangeSize::new(1_000);
        size.refused(1_000);
        for _ in 1..GROW_AFTER {
            size.answered(500);
        }
        assert_eq!(size.of(5_000), 500);
        size.answered(500);
        assert_eq!(size.of(5_000), 1_000);
    }

    #[test]
    fn answers_to_smaller_questions_prove_nothing() {
        let mut size = RangeSize::new(1_000);
        size.refused(1_000);
        for _ in 0..10 * GROW_AFTER {
            size.answered(499);
        }
        assert_eq!(size.of(5_000), 500);
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let mut size = RangeSize::new(3);
        size.refused(3);
        for _ in 0..10 * GROW_AFTER {
            size.answered(size.of(100));
        }
        assert_eq!(size.of(100), 3);
    }

    #[test]
    fn a_late_refusal_of_a_larger_question_does_not_enlarge_it() {
        let mut size = RangeSize::new(1_000);
        size.refused(10);
        size.refused(1_000);
        assert_eq!(size.of(1_000), 5);
    }
}
