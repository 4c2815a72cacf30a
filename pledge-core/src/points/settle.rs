//! Settlement decisions: which windows are closed, and what a batch of accounts earned in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tally::Tally;
use super::walk::{Books, Walk};
use super::{AccountRule, Programme, Rules, WindowRow};
use crate::ports::{AccountHistory, Statement};
use crate::types::{Account, Epoch, Overflow, RawPoints, Timestamp, Window, WindowLength};

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
    /// Rows for windows in which a balance or a weight changed.
    pub statements: Vec<Statement>,
    /// Sums over the accounts: of the first window, and of every other in which a balance or a
    /// weight changed.
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

/// Settles the accounts over an interval of whole windows.
///
/// The cost depends on the accounts' changes, not on the number of windows: a run of windows with a
/// constant balance is one product.
pub fn settle(
    programme: &Programme,
    epoch: Epoch,
    over: Window,
    rules: &Rules,
    histories: &[AccountHistory],
) -> Result<Settled, Overflow> {
    let mut settling = Settling::new(programme, epoch, over);
    for history in histories {
        settling.add(history, rules.rule(history.account))?;
    }
    settling.finish()
}

/// A settlement of some accounts, whose histories come in pieces.
#[derive(Debug)]
pub struct Settling<'a> {
    programme: &'a Programme,
    over: Window,
    earned: Vec<(Account, RawPoints)>,
    books: Books,
    open: Option<Walk<'a>>,
}

impl<'a> Settling<'a> {
    /// A settlement without accounts yet, over an interval of whole windows.
    pub fn new(programme: &'a Programme, epoch: Epoch, over: Window) -> Self {
        let (length, tally) = (programme.window, Tally::new(over.start));
        let books = Books { epoch, length, statements: Vec::new(), tally };
        Self { programme, over, earned: Vec::new(), books, open: None }
    }

    /// Adds the next account, which earns by `rule`, or more changes of the last one.
    pub fn add(
        &mut self,
        history: &AccountHistory,
        rule: &Arc<AccountRule>,
    ) -> Result<(), Overflow> {
        let is_open = self.open.as_ref().is_some_and(|walk| walk.account() == history.account);
        if !is_open {
            self.close()?;
        }
        let walk = match &mut self.open {
            Some(walk) if is_open => walk,
            open => {
                let rule = Arc::clone(rule);
                let walk = open.insert(Walk::new(self.programme, rule, history, self.over));
                self.books.tally.open(walk.share())?;
                walk
            }
        };
        for change in &history.changes {
            walk.change(change, &mut self.books)?;
        }
        Ok(())
    }

    /// What the accounts earned.
    pub fn finish(mut self) -> Result<Settled, Overflow> {
        self.close()?;
        let Books { statements, tally, .. } = self.books;
        let windows = tally.rows(self.programme)?;
        Ok(Settled { earned: self.earned, statements, windows })
    }

    fn close(&mut self) -> Result<(), Overflow> {
        if let Some(walk) = &mut self.open {
            let raw = walk.end(self.over.end, &mut self.books)?;
            if raw != RawPoints::ZERO {
                self.earned.push((walk.account(), raw));
            }
        }
        Ok(())
    }
}
