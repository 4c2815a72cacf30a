//! What follows a poll: the one decision of every driver that follows a chain.

use crate::event::ReorgRecord;
use crate::indexer::{ChainStatus, IndexerError, Poll, Progress};

/// What a driver does after a step.
#[derive(Debug)]
pub enum Next {
    /// The ledger moved: step again at once.
    Again(Moved),
    /// Every confirmed block is in the ledger: step again when there may be another.
    Rest,
    /// The step failed and wrote nothing: step again after a while.
    Wait(Failure),
    /// Another step alone does not help.
    Stop(StopReason),
}

impl Next {
    /// Whether the step failed. A chain that waits for an operator did not fail.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Wait(_) | Self::Stop(StopReason::OutOfPatience(_)))
    }
}

/// How the ledger moved.
#[derive(Debug)]
pub enum Moved {
    /// By a slice.
    Forward(Progress),
    /// To an ancestor.
    Back(ReorgRecord),
}

/// A step that failed.
#[derive(Debug)]
pub struct Failure {
    /// Why it failed.
    pub error: IndexerError,
    /// Failures of this kind, [passing](IndexerError::is_passing) or not, since the last step that
    /// succeeded; this one included.
    pub in_a_row: u32,
}

/// Why a driver gives up.
#[derive(Debug)]
pub enum StopReason {
    /// The chain is paused or halted until an operator resumes it.
    Latched(ChainStatus),
    /// More steps failed in a row than the driver has patience for.
    OutOfPatience(Failure),
}

/// Failures in a row after which a driver gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The failure that is the last one.
    pub failures: u32,
    /// The same for failures that [pass](IndexerError::is_passing), such as a block that vanished
    /// or another writer.
    pub passing: u32,
}

impl Patience {
    /// Never gives up.
    pub const ENDLESS: Self = Self { failures: u32::MAX, passing: u32::MAX };
}

/// Failures since the last step that succeeded.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    other: u32,
    passing: u32,
}

impl Failures {
    /// Decides what follows a poll, by the failures before it.
    pub(super) fn after(&mut self, poll: Poll, patience: Patience) -> Next {
        // Taken first: every poll that did not fail ends both rows.
        let before = std::mem::take(self);
        match poll {
            Poll::Advanced(slice) => Next::Again(Moved::Forward(slice)),
            Poll::Rewound(record) => Next::Again(Moved::Back(record)),
            Poll::Idle => Next::Rest,
            Poll::Stopped(status) => Next::Stop(StopReason::Latched(status)),
            Poll::Retry(error) => {
                *self = before.and(&error);
                let in_a_row = if error.is_passing() { self.passing } else { self.other };
                let failure = Failure { error, in_a_row };
                if self.exhaust(patience) {
                    Next::Stop(StopReason::OutOfPatience(failure))
                } else {
                    Next::Wait(failure)
                }
            }
        }
    }

    /// Counts one more. Saturates, so that an endless patience does not end.
    const fn and(self, error: &IndexerError) -> Self {
        let Self { other, passing } = self;
        if error.is_passing() {
            Self { other, passing: passing.saturating_add(1) }
        } else {
            Self { other: other.saturating_add(1), passing }
        }
    }

    fn exhaust(self, patience: Patience) -> bool {
        // Compared as a whole: a count that saturates reaches the bounds of an endless one too.
        patience != Patience::ENDLESS
            && (self.other >= patience.failures || self.passing >= patience.passing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ChainError;

    const PATIENCE: Patience = Patience { failures: 3, passing: 5 };

    fn failed() -> Poll {
        Poll::Retry(ChainError::transient("read the head", "away").into())
    }

    fn passing() -> Poll {
        Poll::Retry(ChainError::block_gone("read a header", "gone").into())
    }

    fn row(next: &Next) -> Option<u32> {
        match next {
            Next::Wait(failure) => Some(failure.in_a_row),
            _ => None,
        }
    }

    #[test]
    fn a_chain_that_fails_is_given_up_sooner_than_one_that_moves() {
        for (poll, waits) in [(failed as fn() -> Poll, 2), (passing, 4)] {
            let mut failures = Failures::default();
            for nth in 1..=waits {
                assert_eq!(row(&failures.after(poll(), PATIENCE)), Some(nth));
            }
            let last = failures.after(poll(), PATIENCE);
            assert!(matches!(last, Next::Stop(StopReason::OutOfPatience(_))), "{last:?}");
        }
    }

    #[test]
    fn failures_of_one_kind_do_not_end_the_row_of_the_other() {
        let mut failures = Failures::default();
        for poll in [failed(), passing(), failed(), passing()] {
            failures.after(poll, PATIENCE);
        }
        assert!(matches!(failures.after(failed(), PATIENCE), Next::Stop(_)));
    }

    #[test]
    fn a_step_that_succeeds_begins_the_count_again() {
        let mut failures = Failures::default();
        for _ in 0..100 {
            assert_eq!(row(&failures.after(failed(), PATIENCE)), Some(1));
            assert!(matches!(failures.after(Poll::Idle, PATIENCE), Next::Rest));
        }
    }

    #[test]
    fn an_endless_patience_has_no_last_failure() {
        let mut failures = Failures { other: u32::MAX - 1, passing: 0 };
        for _ in 0..3 {
            assert_eq!(row(&failures.after(failed(), Patience::ENDLESS)), Some(u32::MAX));
        }
    }

    #[test]
    fn a_chain_that_needs_an_operator_stops_whatever_the_patience() {
        let poll = Poll::Stopped(ChainStatus::Paused(None));
        let next = Failures::default().after(poll, Patience::ENDLESS);
        assert!(matches!(next, Next::Stop(StopReason::Latched(_))), "{next:?}");
    }
}
