//! What the chain and the process that follows it know of each other.

use std::cell::Cell;
use std::time::Duration;

/// Blocks that a ledger is behind at rest.
const CONFIRMATIONS: u64 = super::super::chains::CONFIRMATIONS;
/// How far the chain may run ahead of the ledger.
const AHEAD_MAX: u64 = CONFIRMATIONS + 6;
/// What a process takes for a block more.
const CATCH_UP: Duration = Duration::from_millis(4);

/// How often the time of processes may double, which is enough for a machine of a sixteenth of the speed.
const SLOWDOWNS_MAX: u32 = 4;

/// How far each of the two is.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The newest block.
    pub(super) head: Cell<u64>,
    /// The newest in the ledger, when it was looked at last.
    pub(super) confirmed: Cell<u64>,
    /// Whether the process is dead.
    pub(super) is_over: Cell<bool>,
    /// How often the time of processes was doubled.
    slowdowns: Cell<u32>,
}

impl Pace {
    /// Whether the chain should wait for the ledger.
    pub(super) const fn is_ahead(&self) -> bool {
        self.head.get() > self.confirmed.get() + AHEAD_MAX
    }

    /// Gives processes twice the time, where they do too little in it.
    pub(super) fn slow_down(&self) {
        self.slowdowns.set(SLOWDOWNS_MAX.min(self.slowdowns.get() + 1));
    }

    /// The time for as much work as takes `works` on a machine that does nothing else.
    pub(super) fn time_for(&self, works: Duration) -> Duration {
        works * 2_u32.pow(self.slowdowns.get())
    }

    /// What a process needs before it can write at all, so that the chain does not run away from
    /// processes that do not live to see the end of a fetch.
    pub(super) fn catching_up(&self) -> Duration {
        let behind = self.head.get().saturating_sub(self.confirmed.get() + AHEAD_MAX);
        CATCH_UP * u32::try_from(behind).unwrap()
    }
}
