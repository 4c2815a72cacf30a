//! A bisection in several parts a step. Pure.

use alloy::primitives::Address;

/// What is left to search for a deployment: there is code at `upper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) token: Address,
    pub(super) lower: u64,
    pub(super) upper: u64,
}

impl Search {
    /// Blocks to ask about, ascending, all below `upper`.
    pub(super) fn probes(&self, most: usize) -> Vec<u64> {
        let (parts, width) = (most as u128 + 1, u128::from(self.upper - self.lower));
        let offset = |part| u64::try_from(width * part / parts).expect("a part of the width");
        let mut probes: Vec<u64> = (1..parts).map(|part| self.lower + offset(part)).collect();
        probes.dedup();
        probes
    }

    /// The part between the last block without code and the first one with code.
    pub(super) fn after(&self, has_code: &[(u64, bool)]) -> Self {
        let first = has_code.iter().position(|(_, has_code)| *has_code);
        let upper = first.map_or(self.upper, |at| has_code[at].0);
        let below = &has_code[..first.unwrap_or(has_code.len())];
        let lower = below.last().map_or(self.lower, |(block, _)| block + 1);
        Self { lower, upper, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn search(lower: u64, upper: u64) -> Search {
        Search { token: Address::ZERO, lower, upper }
    }

    #[test]
    fn probes_part_what_is_left_and_leave_out_its_end() {
        assert_eq!(search(0, 1_000).probes(1), [500]);
        assert_eq!(search(0, 1).probes(1), [0]);
        assert_eq!(search(0, 1).probes(7), [0]);
        assert_eq!(search(8, 16).probes(7), [9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(search(0, u64::MAX).probes(1), [u64::MAX / 2]);
    }

    #[test]
    fn a_step_keeps_the_part_between_no_code_and_code() {
        let answers = [(250, false), (500, false), (750, true)];
        assert_eq!(search(0, 1_000).after(&answers), search(501, 750));
        assert_eq!(search(0, 1_000).after(&[(500, false)]), search(501, 1_000));
        assert_eq!(search(0, 1_000).after(&[(500, true)]), search(0, 500));
    }

    #[test]
    fn every_deployment_is_found_in_as_many_steps_as_the_parts_need() {
        for (most, steps_max) in [(1, 14), (3, 7), (7, 5)] {
            for deployed in (0..=10_000).step_by(37) {
                let (mut left, mut steps) = (search(0, 10_000), 0);
                while left.lower < left.upper {
                    let probes = left.probes(most).into_iter();
                    let answers: Vec<_> = probes.map(|block| (block, block >= deployed)).collect();
                    left = left.after(&answers);
                    steps += 1;
                }
                assert_eq!(left.upper, deployed);
                assert!(steps <= steps_max, "{steps} steps with {most} probes");
            }
        }
    }
}
