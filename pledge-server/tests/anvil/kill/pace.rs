//! What the chain and the process that follows it know of each other.

use std::cell::Cell;
use std::time::Duration;

/// Blocks that a ledger is behind at rest.
const CONFIRMATIONS: u64 = super::super::chains::CONFIRMATIONS;
/// How far the chain may run ahead of the ledger.
const AHEAD_MAX: u64 = CONFIRMATIONS + 6;
/// What a process takes for a block more.
const CATCH_UP: Duration = Duration::from_millis(4);

/// How far each of the two is.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The newest block.
    pub(super) head: Cell<u64>,
    /// The newest in the ledger, when it was looked at last.
    pub(super) confirmed: Cell<u64>,
    /// Whether the process is dead.
    pub(super) is_over: Cell<bool>,
}

impl Pace {
    /// Whether the chain should wait for the ledger.
    pub(super) const fn is_ahead(&self) -> bool {
        self.head.get() > self.confirmed.get() + AHEAD_MAX
    }

    /// What a process needs before it can write at all, so that the chain does not run away from
    /// processes that do not live to see the end of a fetch.
    pub(super) fn catching_up(&self) -> Duration {
        let behind = self.head.get().saturating_sub(self.confirmed.get() + AHEAD_MAX);
        CATCH_UP * u32::try_from(behind).unwrap()
    }
}
