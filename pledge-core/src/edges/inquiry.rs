//! A question for headers that is divided where it is refused, until each block is given or withheld. Pure.

use std::mem::take;

use crate::types::{BlockNumber, BlockRef};

/// How far a question for the headers of some blocks is.
///
/// A source refuses a whole question for one block that it does not give. A question that is refused is
/// asked in halves. When a single block is refused, the source is asked for nothing but the ledger's cursor,
/// and if it gives that, for the block once more: only then the block is at fault, and not the source.
#[derive(Debug)]
pub(super) struct Inquiry {
    /// Parts that are not answered yet, the last one first.
    open: Vec<Vec<BlockNumber>>,
    suspect: Option<Suspect>,
    given: Vec<BlockRef>,
    withheld: Vec<BlockNumber>,
}

/// A block that was refused by itself.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    block: BlockNumber,
    /// The source gave the cursor since.
    is_source_up: bool,
}

/// What came of it, in no order.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) given: Vec<BlockRef>,
    pub(super) withheld: Vec<BlockNumber>,
}

impl Inquiry {
    /// A question for some blocks, at least one.
    pub(super) fn new(numbers: Vec<BlockNumber>) -> Self {
        Self { open: vec![numbers], suspect: None, given: Vec::new(), withheld: Vec::new() }
    }

    /// The blocks to ask for next, besides the cursor.
    pub(super) fn next(&self) -> Vec<BlockNumber> {
        match self.suspect {
            Some(Suspect { block, is_source_up: true }) => vec![block],
            Some(_) => Vec::new(),
            None => self.open.last().cloned().unwrap_or_default(),
        }
    }

    /// The source gave what `next` names, and the cursor.
    pub(super) fn answered(&mut self, headers: Vec<BlockRef>) {
        match self.suspect {
            Some(Suspect { block, is_source_up: false }) => {
                self.suspect = Some(Suspect { block, is_source_up: true });
                return;
            }
            Some(_) => self.suspect = None,
            None => drop(self.open.pop()),
        }
        self.given.extend(headers);
    }

    /// The source refused what `next` names, perhaps because a block is gone. Returns whether the next part may be
    /// asked for at once: a source that misses a block, or has given another, is up.
    pub(super) fn refused(&mut self, is_gone: bool) -> bool {
        if let Some(Suspect { block, is_source_up }) = self.suspect.take() {
            if is_source_up {
                self.withheld.push(block);
            } else {
                self.open.push(vec![block]);
            }
            return is_source_up;
        }
        match self.open.pop().as_deref() {
            Some([block]) => self.suspect = Some(Suspect { block: *block, is_source_up: false }),
            Some(part) => {
                let (lower, upper) = part.split_at(part.len() / 2);
                self.open.extend([lower.to_vec(), upper.to_vec()]);
            }
            None => {}
        }
        is_gone || !self.given.is_empty()
    }

    /// What was given and what was not, once every block is one or the other.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let is_over = self.open.is_empty() && self.suspect.is_none();
        is_over
            .then(|| Outcome { given: take(&mut self.given), withheld: take(&mut self.withheld) })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;
    use crate::types::Timestamp;

    fn header(number: u64) -> BlockRef {
        BlockRef {
            number: BlockNumber::new(number),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            time: Timestamp::ZERO,
        }
    }

    fn numbers(count: u64) -> Vec<BlockNumber> {
        (0..count).map(BlockNumber::new).collect()
    }

    /// Asks a source that misses some blocks; returns what it withholds and the number of requests.
    fn ask(count: u64, missing: &[u64]) -> (Vec<u64>, usize) {
        let mut inquiry = Inquiry::new(numbers(count));
        for requests in 0.. {
            if let Some(outcome) = inquiry.outcome() {
                let mut all: Vec<_> = outcome.given.iter().map(|header| header.number).collect();
                all.extend(&outcome.withheld);
                all.sort_unstable();
                assert_eq!(all, numbers(count));
                return (outcome.withheld.iter().map(|block| block.get()).collect(), requests);
            }
            let part = inquiry.next();
            if part.iter().any(|block| missing.contains(&block.get())) {
                assert!(inquiry.refused(true));
            } else {
                inquiry.answered(part.iter().map(|block| header(block.get())).collect());
            }
        }
        unreachable!("the loop has no end")
    }

    #[test]
    fn a_question_without_a_missing_block_is_asked_once() {
        assert_eq!(ask(255, &[]), (vec![], 1));
    }

    #[test]
    fn each_missing_block_is_named_and_costs_a_logarithm() {
        for missing in 0..255 {
            let (withheld, requests) = ask(255, &[missing]);
            assert_eq!(withheld, [missing]);
            assert!(requests <= 19, "{requests}");
        }
        assert_eq!(ask(255, &[0, 7, 8, 254]).0, [254, 8, 7, 0]);
        assert_eq!(ask(16, &(0..16).collect::<Vec<_>>()).0.len(), 16);
    }

    #[test]
    fn a_block_that_was_refused_by_chance_is_not_withheld() {
        let mut inquiry = Inquiry::new(numbers(1));
        assert!(!inquiry.refused(false), "the block itself");
        inquiry.answered(vec![]);
        assert_eq!(inquiry.next(), numbers(1), "the cursor was given");
        inquiry.answered(vec![header(0)]);
        let outcome = inquiry.outcome().unwrap();
        assert_eq!((outcome.given.len(), outcome.withheld), (1, vec![]));
    }

    #[test]
    fn a_source_that_does_not_even_give_the_cursor_withholds_nothing() {
        let mut inquiry = Inquiry::new(numbers(1));
        for _ in 0..9 {
            assert!(inquiry.refused(true), "the block itself");
            assert_eq!(inquiry.next(), []);
            assert!(!inquiry.refused(true), "the cursor alone");
            assert_eq!(inquiry.next(), numbers(1));
        }
        inquiry.answered(vec![header(0)]);
        assert_eq!(inquiry.outcome().map(|outcome| outcome.withheld), Some(Vec::new()));
    }

    #[test]
    fn after_a_failure_a_source_rests_unless_a_part_was_answered() {
        let mut inquiry = Inquiry::new(numbers(8));
        assert!(!inquiry.refused(false));
        let upper = inquiry.next();
        inquiry.answered(upper.iter().map(|block| header(block.get())).collect());
        assert!(inquiry.refused(false));
    }
}
