//! Settlement, decided: which windows are closed, and what a batch of accounts earned in them.

use serde::{Deserialize, Serialize};

use super::{Programme, rate_factor};
use crate::ledger::Checkpoint;
use crate::ports::{AccountHistory, Statement, StatementKind, WindowTotal};
use crate::types::{
    Account, Amount, Epoch, Overflow, RawPoints, Timestamp, WeightBp, WeightSchedule, Window,
    WindowLength,
};

/// The accounts of a batch: those of its shard after `after`, up to and with `through`.
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
    /// Sums over the accounts, for every window.
    pub windows: Vec<WindowTotal>,
}

/// The end of the last window to settle now: closed by a confirmed block at or after its end, at most
/// `windows_max` windows after `from`. `None` while nothing more is closed.
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
/// Costs the accounts' changes plus the windows, never windows times accounts: a window in which a
/// balance stands still is a difference of two sums.
pub fn settle(
    programme: &Programme,
    epoch: Epoch,
    from: Timestamp,
    to: Timestamp,
    histories: &[AccountHistory],
) -> Result<Settled, Overflow> {
    let mut sweep = Sweep::new(programme, from, to);
    let mut settled = Settled::default();
    for history in histories {
        let raw = sweep.account(history, epoch, &mut settled.statements)?;
        if raw != RawPoints::ZERO {
            settled.earned.push((history.account, raw));
        }
    }
    settled.windows = sweep.finish()?;
    Ok(settled)
}

/// Sums by window over the accounts seen so far.
struct Sweep<'a> {
    programme: &'a Programme,
    weights: WeightSchedule,
    from: Timestamp,
    to: Timestamp,
    /// Windows in which some account's balance changed: their own sums.
    changed: Vec<WindowTotal>,
    /// For windows in which a balance stands still: at window i, balances that enter and leave.
    enters: Vec<Still>,
    leaves: Vec<Still>,
}

/// Accounts whose balance stands still, by window edge.
#[derive(Clone, Copy, Default)]
struct Still {
    accounts: u64,
    balance: Amount,
}

impl<'a> Sweep<'a> {
    fn new(programme: &'a Programme, from: Timestamp, to: Timestamp) -> Self {
        let starts = programme.window_starts(from, to);
        let changed: Vec<_> = starts.map(WindowTotal::empty).collect();
        let edges = changed.len() + 1;
        Self {
            programme,
            weights: WeightSchedule::constant(WeightBp::ONE),
            from,
            to,
            changed,
            enters: vec![Still::default(); edges],
            leaves: vec![Still::default(); edges],
        }
    }

    fn factor(&self, from: Timestamp, to: Timestamp) -> alloy_primitives::U256 {
        rate_factor(&self.programme.rates, &self.weights, from, to)
    }

    fn index_of(&self, time: Timestamp) -> usize {
        let seconds = time.seconds_since(self.from).unwrap_or_default();
        usize::try_from(seconds / self.programme.window.get()).expect("windows fit in memory")
    }

    fn account(
        &mut self,
        history: &AccountHistory,
        epoch: Epoch,
        statements: &mut Vec<Statement>,
    ) -> Result<RawPoints, Overflow> {
        let mut raw = RawPoints::ZERO;
        let mut balance = history.opening.map_or(Amount::ZERO, |opening| opening.balance);
        let mut reached = self.from;
        let length = self.programme.window;
        let same_window =
            |a: &Checkpoint, b: &Checkpoint| length.floor(a.time) == length.floor(b.time);
        for changes in history.changes.chunk_by(same_window) {
            let window = length.window_of(changes[0].time);
            raw = raw.checked_add(self.still(balance, reached, window.start)?)?;
            let earned = self.changed_window(window, balance, changes)?;
            statements.push(Statement {
                account: history.account,
                window,
                epoch,
                raw: earned,
                kind: StatementKind::Earned,
            });
            raw = raw.checked_add(earned)?;
            balance = changes.last().expect("a chunk is never empty").balance;
            reached = window.end;
        }
        raw.checked_add(self.still(balance, reached, self.to)?)
    }

    /// A balance that does not change over the whole windows of `[from, to)`.
    fn still(
        &mut self,
        balance: Amount,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<RawPoints, Overflow> {
        if balance.is_zero() || from >= to {
            return Ok(RawPoints::ZERO);
        }
        let (enter, leave) = (self.index_of(from), self.index_of(to));
        self.enters[enter].add(balance)?;
        self.leaves[leave].add(balance)?;
        Ok(RawPoints::of_constant(balance, self.factor(from, to)))
    }

    /// A window with changes in it, segment by segment.
    fn changed_window(
        &mut self,
        window: Window,
        opening: Amount,
        changes: &[Checkpoint],
    ) -> Result<RawPoints, Overflow> {
        let mut raw = RawPoints::ZERO;
        let (mut balance, mut since) = (opening, window.start);
        let closing = changes.last().map(|last| last.balance).unwrap_or(opening);
        let ends = changes.iter().map(|change| (change.time, change.balance));
        for (until, next) in ends.chain(std::iter::once((window.end, closing))) {
            let factor = self.factor(since, until);
            raw = raw.checked_add(RawPoints::of_constant(balance, factor))?;
            (balance, since) = (next, until);
        }
        let index = self.index_of(window.start);
        let total = &mut self.changed[index];
        total.raw = total.raw.checked_add(raw)?;
        total.accounts += u64::from(raw != RawPoints::ZERO);
        for block in changes.iter().map(|change| change.block) {
            let (first, last) = total.blocks.unwrap_or((block, block));
            total.blocks = Some((first.min(block), last.max(block)));
        }
        Ok(raw)
    }

    fn finish(self) -> Result<Vec<WindowTotal>, Overflow> {
        let mut still = Still::default();
        let mut windows = Vec::with_capacity(self.changed.len());
        for (index, mut total) in self.changed.iter().cloned().enumerate() {
            // Leaving first: then every sum is one of balances at one instant, so within the supply.
            still.take_all(self.leaves[index])?;
            still.add_all(self.enters[index])?;
            let window = self.programme.window.window_of(total.start);
            let factor = self.factor(window.start, window.end);
            let raw = RawPoints::of_constant(still.balance, factor);
            total.raw = total.raw.checked_add(raw)?;
            total.accounts += if factor.is_zero() { 0 } else { still.accounts };
            windows.push(total);
        }
        Ok(windows)
    }
}

impl Still {
    fn add(&mut self, balance: Amount) -> Result<(), Overflow> {
        self.add_all(Self { accounts: 1, balance })
    }

    fn add_all(&mut self, other: Self) -> Result<(), Overflow> {
        self.accounts += other.accounts;
        let sum = self.balance.checked_add(other.balance);
        self.balance = sum.ok_or(Overflow("sum of balances"))?;
        Ok(())
    }

    fn take_all(&mut self, other: Self) -> Result<(), Overflow> {
        self.accounts -= other.accounts;
        let rest = self.balance.checked_sub(other.balance);
        self.balance = rest.ok_or(Overflow("sum of balances"))?;
        Ok(())
    }
}
