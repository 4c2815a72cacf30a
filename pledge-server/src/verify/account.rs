//! Verifies one account: folds its changes again and computes its points from them directly.

use std::collections::BTreeMap;

use pledge_core::ledger::{Change, Checkpoint, replay_block};
use pledge_core::points::{AccountRule, Accrual, Programme};
use pledge_core::ports::{ProgrammeState, Standing, Statement, StatementKind};
use pledge_core::query::{AccountEarnings, ProgrammeTotals};
use pledge_core::types::{Account, BlockRef, Overflow, Piece, RawPoints, Timestamp, Window};

use super::{Subject, TokenReport, Verification, held};

impl Verification<'_> {
    /// Recomputes a page of accounts.
    pub(super) async fn check_accounts(
        &mut self,
        cursor: &BlockRef,
        page: &[(Account, Checkpoint)],
    ) -> anyhow::Result<()> {
        let accounts: Vec<Account> = page.iter().map(|(account, _)| *account).collect();
        let programmes = held(self.reading.totals(&accounts).await)?;
        for (index, (account, checkpoint)) in page.iter().enumerate() {
            let earnings = held(self.reading.earnings(&programmes, *account).await)?;
            let AccountEarnings { statements, changes } = earnings;
            check_changes(&mut self.report, cursor, *account, checkpoint, &changes)?;
            for (ProgrammeTotals { programme: state, totals, rules }, statements) in
                programmes.iter().zip(&statements)
            {
                let total = totals.get(index).copied().flatten();
                let points = Points::new(&state.programme, rules.rule(*account), &changes);
                points.check_total(&mut self.report, state, *account, total)?;
                points.check_statements(&mut self.report, state, *account, statements)?;
            }
        }
        held(self.reading.still(&programmes).await)
    }
}

/// Folds the changes again and compares each with the stored one, and the last at or before the
/// cursor with the account's state.
fn check_changes(
    report: &mut TokenReport,
    cursor: &BlockRef,
    account: Account,
    state: &Checkpoint,
    changes: &[Change],
) -> Result<(), Overflow> {
    let mut before: Option<Checkpoint> = None;
    // Block by block, since balances are judged at the end of a block. A wrong change is reported
    // once: the next block continues from the right one.
    for block in changes.chunk_by(|one, next| one.block == next.block) {
        let right = replay_block(before.as_ref(), block)?;
        before = right.last().map(Change::checkpoint);
        let pairs = block.iter().zip(&right);
        for (stored, right) in pairs.filter(|(stored, right)| stored != right) {
            let place = format!("{} in block {}", stored.change_type, stored.block);
            let stored = format!("{place}: {}", figures(stored));
            report.mismatch(Subject::Change, account, stored, figures(right));
        }
    }
    let at_cursor = |change: &&Change| change.block <= cursor.number;
    let last = changes.iter().rfind(at_cursor).map(Change::checkpoint);
    if last != Some(*state) {
        let last = last.map_or("no change".to_owned(), |last| last.balance.to_string());
        report.mismatch(Subject::Change, account, state.balance, last);
    }
    Ok(())
}

fn figures(change: &Change) -> String {
    let netted = if change.netted { ", netted" } else { "" };
    format!("{} ({}{netted})", change.balance_after, change.balance_seconds)
}

/// The points of one account in one programme, from segments of constant balance.
struct Points<'a> {
    programme: &'a Programme,
    accrual: Accrual<'a>,
    changes: &'a [Change],
}

impl<'a> Points<'a> {
    fn new(programme: &'a Programme, rule: &'a AccountRule, changes: &'a [Change]) -> Self {
        Self { programme, accrual: programme.accrual(rule), changes }
    }

    /// The points earned over `[from, to)`, from the changes in it and the last one before it.
    fn earned(
        &self,
        changes: &[Change],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<RawPoints, Overflow> {
        let ends = changes.iter().skip(1).map(|change| change.time);
        let segments = changes.iter().zip(ends.chain(std::iter::once(to)));
        let clipped = segments.filter_map(|(change, end)| {
            let (start, end) = (change.time.max(from), end.min(to));
            (start < end).then_some(Piece { from: start, to: end, value: change.balance_after })
        });
        self.accrual.of_segments(clipped)
    }

    fn check_total(
        &self,
        report: &mut TokenReport,
        state: &ProgrammeState,
        account: Account,
        total: Option<Standing>,
    ) -> Result<(), Overflow> {
        let (stored, settled) = match total {
            Some(standing) => (standing.raw, Some(standing.settled)),
            None => (RawPoints::ZERO, state.settled_of(account)),
        };
        let expected = match settled {
            Some(settled) => self.earned(self.changes, Timestamp::ZERO, settled)?,
            None => RawPoints::ZERO,
        };
        if stored != expected {
            report.mismatch(Subject::Total, account, stored, expected);
        }
        Ok(())
    }

    /// When the account's weight changes, from its first change of balance on.
    fn weight_steps(&self) -> impl Iterator<Item = Timestamp> {
        let first = self.changes.first().map_or(Timestamp::MAX, |change| change.time);
        let (_, steps) = self.accrual.weight_before(first);
        steps.iter().map(|step| step.from)
    }

    /// Checks that each settled window with a change of balance or weight has exactly one valid row,
    /// with the right points and the right balance for the derived windows after it.
    fn check_statements(
        &self,
        report: &mut TokenReport,
        state: &ProgrammeState,
        account: Account,
        statements: &[Statement],
    ) -> Result<(), Overflow> {
        let mut live: BTreeMap<Window, Vec<&Statement>> = BTreeMap::new();
        for row in statements {
            match row.kind {
                StatementKind::Earned => live.entry(row.window).or_default().push(row),
                StatementKind::Reversed => {
                    live.retain(|window, _| window.start < row.window.start);
                }
            }
        }
        let settled = state.settled_of(account);
        let changed = self.changes.iter().map(|change| change.time).chain(self.weight_steps());
        let windows = changed.map(|time| self.programme.window.window_of(time));
        for window in windows.filter(|window| Some(window.end) <= settled) {
            live.entry(window).or_default();
        }
        let mut rest = self.changes;
        for (window, rows) in live {
            // Windows and changes both ascend, so each change is visited once.
            let begun = rest.partition_point(|change| change.time <= window.start);
            rest = &rest[begun.saturating_sub(1)..];
            let inside = &rest[..rest.partition_point(|change| change.time < window.end)];
            let expected = self.earned(inside, window.start, window.end)?;
            let balance = inside.last().map(|change| change.balance_after).unwrap_or_default();
            let entry = self.accrual.entry_before(window.end);
            let is_right =
                |row: &&Statement| (row.raw, row.balance, row.entry) == (expected, balance, entry);
            if rows.len() != 1 || !rows.iter().all(is_right) {
                let figures =
                    |row: &&Statement| format!("{} with {} by {}", row.raw, row.balance, row.entry);
                let stored: Vec<String> = rows.iter().map(figures).collect();
                let stored = format!("window {}: {}", window.start, stored.join(" and "));
                let expected = format!("{expected} with {balance} by {entry}");
                report.mismatch(Subject::Statement, account, stored, expected);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
