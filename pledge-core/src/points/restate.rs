//! What a rewind does to points: which windows open again, which rows take back, what totals
//! become. Decided here once: a store reads facts, and writes what it is given.

use std::collections::BTreeSet;

use super::{AccountRule, Accrual, Programme};
use crate::ledger::Checkpoint;
use crate::ports::{ShardProgress, Statement, StatementKind};
use crate::types::{Account, Epoch, Overflow, RawPoints, Timestamp, Window};

/// A token's ledger as a rewind leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RewoundLedger {
    /// The epoch that the rewind ends.
    pub ended: Epoch,
    /// The time of the token's first block before the rewind; `None` if it had no ledger.
    pub started: Option<Timestamp>,
    /// The ancestor's time; `None` if the token has no ledger left.
    pub confirmed: Option<Timestamp>,
}

/// A shard with windows that are open again. Its accounts are restated one by one.
#[derive(Debug)]
pub struct Reopened<'a> {
    programme: &'a Programme,
    ended: Epoch,
    before: &'a ShardProgress,
    after: ShardProgress,
    from: Timestamp,
}

/// The points of an account as a store has them before its shard is restated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The account of the shard.
    pub account: Account,
    /// Its total; zero if none is kept.
    pub total: RawPoints,
    /// Whether a row of a window that is open again is in force: it earned, and no later row takes
    /// it back.
    pub has_rows: bool,
}

/// What a store writes for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restated {
    /// The row that takes back; `None` if there is nothing to take back.
    pub row: Option<Statement>,
    /// What its total becomes.
    pub total: RestatedTotal,
}

/// What an account's total becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestatedTotal {
    /// It stays as it is.
    Kept,
    /// It is replaced.
    Replaced(RawPoints),
    /// It is removed: a total of zero would list an account that never earned.
    Removed,
}

/// Why an account cannot be restated: the store contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestateError {
    /// The account has points, but its shard is not settled.
    #[error("account {0} earned, unsettled")]
    Unsettled(Account),
    /// The store has not read the account's state at an instant of [`Reopened::times`].
    #[error("no state was read for {0}")]
    UnknownState(Timestamp),
    /// A sum left its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl RewoundLedger {
    /// What the rewind opens again in a shard; `None` if it affects nothing that is settled.
    pub fn reopen<'a>(
        &self,
        programme: &'a Programme,
        before: &'a ShardProgress,
    ) -> Option<Reopened<'a>> {
        let edge = |time| programme.window.floor(time);
        let first_edge = self.started.map_or(Timestamp::ZERO, edge);
        let after = before.rewound(self.confirmed.map(edge), first_edge)?;
        let from = after.settled.unwrap_or(first_edge);
        Some(Reopened { programme, ended: self.ended, before, after, from })
    }
}

impl Reopened<'_> {
    /// The progress of the shard after the rewind.
    pub const fn progress(&self) -> &ShardProgress {
        &self.after
    }

    /// Start of the first window that is open again. Sums of windows from there on are removed; rows
    /// of them that are in force are taken back.
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The instants at which [`restate`](Self::restate) asks for the states of accounts of these rules.
    pub fn times<'a>(
        &'a self,
        rules: impl IntoIterator<Item = &'a AccountRule>,
    ) -> BTreeSet<Timestamp> {
        let earned = rules
            .into_iter()
            .flat_map(|rule| self.programme.accrual(rule).times(Timestamp::ZERO, self.from));
        earned.chain(self.just_before()).collect()
    }

    /// What an account's points become, by the ledger as it is now. To be asked for each account
    /// that has a total or a row in force.
    ///
    /// `rule` is the account's. `state_at` returns its state after its last change at or before an
    /// instant, `None` if there was none.
    pub fn restate(
        &self,
        published: Published,
        rule: &AccountRule,
        mut state_at: impl FnMut(Timestamp) -> Result<Option<Checkpoint>, RestateError>,
    ) -> Result<Restated, RestateError> {
        let Published { account, total, has_rows } = published;
        let accrual = self.programme.accrual(rule);
        let raw = accrual.accrue(Timestamp::ZERO, self.from, &mut state_at)?;
        // Accounts with a total but without rows in force count too: their windows are derived, and
        // were published all the same.
        let row = if raw != total || has_rows {
            let opening = self.just_before().map(state_at).transpose()?.flatten();
            Some(self.take_back((account, accrual), total.try_sub(raw)?, opening)?)
        } else {
            None
        };
        let total = match raw {
            RawPoints::ZERO => RestatedTotal::Removed,
            raw if raw == total => RestatedTotal::Kept,
            raw => RestatedTotal::Replaced(raw),
        };
        Ok(Restated { row, total })
    }

    /// The row that takes back everything published from the first window on that is open again, up
    /// to where the account was settled.
    fn take_back(
        &self,
        (account, accrual): (Account, Accrual<'_>),
        raw: RawPoints,
        opening: Option<Checkpoint>,
    ) -> Result<Statement, RestateError> {
        let end = self.before.settled_of(account).ok_or(RestateError::Unsettled(account))?;
        Ok(Statement {
            account,
            window: Window { start: self.from, end },
            epoch: self.ended,
            raw,
            kind: StatementKind::Reversed,
            balance: opening.map(|opening| opening.balance).unwrap_or_default(),
            entry: accrual.entry_before(end),
        })
    }

    /// The last instant before the windows that are open again: a change at their edge is in them.
    fn just_before(&self) -> Option<Timestamp> {
        let seconds = self.from.get().checked_sub(1)?;
        Timestamp::new(seconds).ok()
    }
}

#[cfg(test)]
#[path = "restate_tests.rs"]
mod tests;
