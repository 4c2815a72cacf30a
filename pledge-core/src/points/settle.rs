//! Settlement decisions: which windows are closed, and what a batch of accounts earned in them.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use super::windows::{Holding, WindowRow};
use super::{Programme, rate_factor};
use crate::ledger::Checkpoint;
use crate::ports::{AccountHistory, Statement, StatementKind, WindowTotal};
use crate::types::{
    Account, Amount, Epoch, Overflow, RawPoints, Timestamp, WeightBp, WeightSchedule, Window,
    WindowLength,
};

/// The accounts of a batch: those of its shard after `after`, up to and including `through`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSpan {
    /// Last account of the batch before; `None` at the start of the shard.
    pub after: Option<Account>,
    /// Last account of this batch; `None` for all that are left in the shard.
    pub through: Option<Account>,
}

/// What a batch of accounts earned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Sum over the windows, for accounts that earned anything.
    pub earned: Vec<(Account, RawPoints)>,
    /// Rows for windows in which a balance changed.
    pub statements: Vec<Statement>,
    /// Sums over the accounts: of the first window, and of every other in which a balance changed.
    pub windows: Vec<WindowRow>,
}

/// The end of the last window to settle now: closed by a confirmed block at or after its end, and
/// at most `windows_max` windows after `from`. `None` while no further window is closed.
pub fn plan_target(
    window: WindowLength,
    from: Timestamp,
    confirmed: Timestamp,
    windows_max: u32,
) -> Option<Timestamp> {
    let closed = window.floor(confirmed);
    let bound = from.checked_add(window.get().saturating_mul(u64::from(windows_max.max(1))));
    let target = bound.map_or(closed, |bound| closed.min(bound));
    (target > from).then_some(target)
}

/// Settles the accounts over the windows of `[from, to)`, which must be whole.
///
/// The cost depends on the accounts' changes, not on the number of windows: a run of windows with a
/// constant balance is one product.
pub fn settle(
    programme: &Programme,
    epoch: Epoch,
    from: Timestamp,
    to: Timestamp,
    histories: &[AccountHistory],
) -> Result<Settled, Overflow> {
    let mut settling = Settling::new(programme, epoch, from, to);
    histories.iter().try_for_each(|history| settling.add(history))?;
    settling.finish()
}

/// A settlement of some accounts, whose histories come in pieces.
#[derive(Debug)]
pub struct Settling<'a> {
    programme: &'a Programme,
    weights: WeightSchedule,
    epoch: Epoch,
    from: Timestamp,
    to: Timestamp,
    settled: Settled,
    /// The sum of all balances at `from`.
    opening: Holding,
    /// The windows in which some account's balance changed, by start.
    changed: BTreeMap<Timestamp, Changed>,
    open: Option<Walk>,
}

/// The accounts whose balance changes in one window.
#[derive(Debug)]
struct Changed {
    total: WindowTotal,
    /// Their balances at the window's start.
    before: Holding,
    /// Their balances at its end.
    after: Holding,
}

/// The account whose changes are being added.
#[derive(Debug)]
struct Walk {
    account: Account,
    raw: RawPoints,
    balance: Amount,
    /// The account is settled up to this time.
    since: Timestamp,
    window: Option<OpenWindow>,
}

/// A window with changes of the account.
#[derive(Debug)]
struct OpenWindow {
    window: Window,
    opening: Amount,
    raw: RawPoints,
}

impl<'a> Settling<'a> {
    /// A settlement without accounts yet, over the windows of `[from, to)`, which must be whole.
    pub fn new(programme: &'a Programme, epoch: Epoch, from: Timestamp, to: Timestamp) -> Self {
        Self {
            programme,
            weights: WeightSchedule::constant(WeightBp::ONE),
            epoch,
            from,
            to,
            settled: Settled::default(),
            opening: Holding::default(),
            changed: BTreeMap::new(),
            open: None,
        }
    }

    /// Adds the next account, or more changes of the last one.
    pub fn add(&mut self, history: &AccountHistory) -> Result<(), Overflow> {
        let mut walk = match self.open.take() {
            Some(walk) if walk.account == history.account => walk,
            other => {
                self.close(other)?;
                self.begin(history)?
            }
        };
        for change in &history.changes {
            self.change(&mut walk, change)?;
        }
        self.open = Some(walk);
        Ok(())
    }

    /// What the accounts earned.
    pub fn finish(mut self) -> Result<Settled, Overflow> {
        let last = self.open.take();
        self.close(last)?;
        let mut windows = Vec::with_capacity(self.changed.len() + 1);
        let mut held = self.opening;
        if !self.changed.contains_key(&self.from) {
            windows.push(WindowRow { total: held.earn(self.programme, self.from), closing: held });
        }
        for (start, Changed { mut total, before, after }) in std::mem::take(&mut self.changed) {
            // Accounts that change are subtracted first, so that every sum is one of balances at
            // one instant.
            held.take(before)?;
            total.add(&held.earn(self.programme, start))?;
            held.add(after)?;
            windows.push(WindowRow { total, closing: held });
        }
        self.settled.windows = windows;
        Ok(self.settled)
    }

    fn begin(&mut self, history: &AccountHistory) -> Result<Walk, Overflow> {
        let balance = history.opening.map_or(Amount::ZERO, |opening| opening.balance);
        self.opening.add(Holding::of(balance))?;
        Ok(Walk {
            account: history.account,
            raw: RawPoints::ZERO,
            balance,
            since: self.from,
            window: None,
        })
    }

    fn change(&mut self, walk: &mut Walk, change: &Checkpoint) -> Result<(), Overflow> {
        let window = self.programme.window.window_of(change.time);
        if walk.window.as_ref().is_none_or(|open| open.window != window) {
            self.close_window(walk)?;
            walk.raw = walk.raw.try_add(self.earned(walk, window.start))?;
            walk.since = window.start;
            walk.window = Some(OpenWindow { window, opening: walk.balance, raw: RawPoints::ZERO });
        }
        let raw = self.earned(walk, change.time);
        let open = walk.window.as_mut().expect("it was opened above");
        open.raw = open.raw.try_add(raw)?;
        (walk.since, walk.balance) = (change.time, change.balance);
        let blocks = &mut self.changed_window(window.start).total.blocks;
        let (first, last) = blocks.unwrap_or((change.block, change.block));
        *blocks = Some((first.min(change.block), last.max(change.block)));
        Ok(())
    }

    /// Ends the window with changes, if the account is in one.
    fn close_window(&mut self, walk: &mut Walk) -> Result<(), Overflow> {
        let Some(OpenWindow { window, opening, raw }) = walk.window.take() else {
            return Ok(());
        };
        let raw = raw.try_add(self.earned(walk, window.end))?;
        walk.since = window.end;
        walk.raw = walk.raw.try_add(raw)?;
        let changed = self.changed_window(window.start);
        changed.total.raw = changed.total.raw.try_add(raw)?;
        changed.total.accounts += u64::from(raw != RawPoints::ZERO);
        changed.before.add(Holding::of(opening))?;
        changed.after.add(Holding::of(walk.balance))?;
        self.settled.statements.push(Statement {
            account: walk.account,
            window,
            epoch: self.epoch,
            raw,
            kind: StatementKind::Earned,
            balance: walk.balance,
        });
        Ok(())
    }

    fn close(&mut self, walk: Option<Walk>) -> Result<(), Overflow> {
        let Some(mut walk) = walk else {
            return Ok(());
        };
        self.close_window(&mut walk)?;
        let raw = walk.raw.try_add(self.earned(&walk, self.to))?;
        if raw != RawPoints::ZERO {
            self.settled.earned.push((walk.account, raw));
        }
        Ok(())
    }

    /// What the balance earns from the end of the settled time up to an instant.
    fn earned(&self, walk: &Walk, until: Timestamp) -> RawPoints {
        if walk.balance.is_zero() || walk.since >= until {
            return RawPoints::ZERO;
        }
        RawPoints::of_constant(walk.balance, self.factor(walk.since, until))
    }

    fn factor(&self, from: Timestamp, to: Timestamp) -> U256 {
        rate_factor(&self.programme.rates, &self.weights, from, to)
    }

    fn changed_window(&mut self, start: Timestamp) -> &mut Changed {
        self.changed.entry(start).or_insert_with(|| Changed {
            total: WindowTotal::empty(start),
            before: Holding::default(),
            after: Holding::default(),
        })
    }
}
