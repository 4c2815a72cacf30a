//! An account's statements: rows where its balance changed, and the windows between, derived from
//! them.

use super::{AccountRule, Accrual, Programme};
use crate::ports::{Statement, StatementKind, StatementPlace, StatementRows};
use crate::types::{Account, Amount, Epoch, Overflow, RawPoints, Timestamp};

/// The next statements of an account after a position, at most `limit`: the rows read there, and
/// between them each window in which the balance was constant and earned something.
///
/// `rule` is the account's, which may be read after `read`: decisions about published time are refused.
/// `read` must have been read for the same position and limit. The list is in the order of
/// publication, so that it only grows at its end.
pub fn list_statements(
    programme: &Programme,
    (account, rule): (Account, &AccountRule),
    after: Option<StatementPlace>,
    read: &StatementRows,
    limit: usize,
) -> Result<Vec<Statement>, Overflow> {
    let accrual = programme.accrual(rule);
    let mut list = List { programme, accrual, account, limit, listed: Vec::new() };
    let mut still = read.before.as_ref().map(Still::after);
    if let (Some(still), Some(after)) = (&mut still, after) {
        still.go_on_after(programme, after);
    }
    for row in &read.rows {
        // A window up to a reversal's end was published before the reversal took it back.
        let end = match row.kind {
            StatementKind::Earned => row.window.start,
            StatementKind::Reversed => row.window.end,
        };
        list.still(still, end)?;
        list.push(row.clone());
        still = Some(Still::after(row));
    }
    if let Some(settled) = read.settled.filter(|_| read.rows.len() < limit) {
        list.still(still, settled)?;
    }
    Ok(list.listed)
}

/// A balance that is constant from a window edge on.
#[derive(Debug, Clone, Copy)]
struct Still {
    from: Timestamp,
    balance: Amount,
    epoch: Epoch,
}

impl Still {
    /// After a row: from the window after an earned one, or from the first that a rewind opened
    /// again.
    const fn after(row: &Statement) -> Self {
        let Statement { window, balance, epoch, kind, .. } = row;
        match kind {
            StatementKind::Earned => Self { from: window.end, balance: *balance, epoch: *epoch },
            StatementKind::Reversed => {
                Self { from: window.start, balance: *balance, epoch: epoch.next() }
            }
        }
    }

    /// Leaves out what an earlier page has listed.
    fn go_on_after(&mut self, programme: &Programme, place: StatementPlace) {
        if place.kind == StatementKind::Earned && place.epoch == self.epoch {
            let listed = programme.window.window_of(place.window_start);
            self.from = self.from.max(listed.end);
        }
    }
}

struct List<'a> {
    programme: &'a Programme,
    accrual: Accrual<'a>,
    account: Account,
    limit: usize,
    listed: Vec<Statement>,
}

impl List<'_> {
    fn push(&mut self, row: Statement) {
        if self.listed.len() < self.limit {
            self.listed.push(row);
        }
    }

    /// Adds the windows up to `end` in which a balance was constant. A window that earns nothing is
    /// skipped.
    fn still(&mut self, still: Option<Still>, end: Timestamp) -> Result<(), Overflow> {
        let Some(Still { from, balance, epoch }) = still.filter(|still| !still.balance.is_zero())
        else {
            return Ok(());
        };
        let mut start = from;
        while start < end && self.listed.len() < self.limit {
            let window = self.programme.window.window_of(start);
            let factor = self.accrual.factor(window.start, window.end);
            start = window.end;
            if factor.is_zero() {
                // Nothing may be earned for years: go on with the window of the next step.
                let step = self.accrual.next_step(window.start).unwrap_or(end);
                start = start.max(self.programme.window.floor(step));
                continue;
            }
            let raw = RawPoints::of_constant(balance, factor);
            let (account, kind) = (self.account, StatementKind::Earned);
            let entry = self.accrual.entry_before(window.end);
            self.listed.push(Statement { account, window, epoch, raw, kind, balance, entry });
        }
        Ok(())
    }
}
