//! One account's way through the windows of a settlement, from change to change.

use std::sync::Arc;

use super::holding::Share;
use super::tally::Tally;
use super::{AccountRule, Programme};
use crate::ledger::Checkpoint;
use crate::ports::{AccountHistory, Statement, StatementKind, WindowTotal};
use crate::types::{
    Account, Amount, BlockNumber, Epoch, Overflow, RawPoints, Timestamp, Window, WindowLength,
};

/// Where what an account earned is written: a row for each window with a change, and its part in the
/// sums of that window.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) epoch: Epoch,
    pub(super) length: WindowLength,
    pub(super) statements: Vec<Statement>,
    pub(super) tally: Tally,
}

/// The account whose changes are being added.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    account: Account,
    programme: &'a Programme,
    rule: Arc<AccountRule>,
    /// What it earned up to `since`, the open window aside.
    raw: RawPoints,
    /// The account is settled up to this time.
    since: Timestamp,
    /// Its earning balance and weight now.
    share: Share,
    /// The number of changes of its weight that are behind.
    passed: usize,
    window: Option<OpenWindow>,
}

/// A window with changes of the account.
#[derive(Debug)]
struct OpenWindow {
    window: Window,
    /// The account's balance and weight where the window begins.
    opening: Share,
    raw: RawPoints,
    /// First and last block of its changes of balance.
    blocks: Option<(BlockNumber, BlockNumber)>,
    /// Whether its weight changes.
    reweighted: bool,
}

impl<'a> Walk<'a> {
    /// The way of an account over an interval of whole windows.
    pub(super) fn new(
        programme: &'a Programme,
        rule: Arc<AccountRule>,
        history: &AccountHistory,
        over: Window,
    ) -> Self {
        let balance = history.opening.map_or(Amount::ZERO, |opening| opening.balance);
        // Before its first change the account is in no settlement, so its weight changes nothing.
        let first = history.changes.first().map(|change| change.time);
        let known = history.opening.map_or(first, |_| Some(over.start));
        let (weight, ahead) = rule.weights.before(known.unwrap_or(over.end));
        let passed = rule.weights.steps().len() - ahead.len();
        let (account, share) = (history.account, Share { balance, weight });
        let (since, raw, window) = (over.start, RawPoints::ZERO, None);
        Self { account, programme, rule, raw, since, share, passed, window }
    }

    pub(super) const fn account(&self) -> Account {
        self.account
    }

    /// What the account earns on now.
    pub(super) const fn share(&self) -> Share {
        self.share
    }

    /// Goes on to a change of the balance.
    pub(super) fn change(
        &mut self,
        change: &Checkpoint,
        books: &mut Books,
    ) -> Result<(), Overflow> {
        self.pass_steps(change.time, books)?;
        self.enter(change.time, books)?;
        let raw = self.earned(change.time);
        let open = self.window.as_mut().expect("it was entered above");
        open.raw = open.raw.try_add(raw)?;
        let (first, _) = open.blocks.unwrap_or((change.block, change.block));
        open.blocks = Some((first, change.block));
        (self.since, self.share.balance) = (change.time, change.balance);
        Ok(())
    }

    /// Goes on to the end, and returns what the account earned.
    pub(super) fn end(&mut self, to: Timestamp, books: &mut Books) -> Result<RawPoints, Overflow> {
        self.pass_steps(to, books)?;
        self.leave(books)?;
        self.raw.try_add(self.earned(to))
    }

    /// Enters the windows in which the account's weight changes before an instant.
    fn pass_steps(&mut self, until: Timestamp, books: &mut Books) -> Result<(), Overflow> {
        while let Some(step) = self.rule.weights.steps().get(self.passed).copied()
            && step.from < until
        {
            self.enter(step.from, books)?.reweighted = true;
            (self.share.weight, self.passed) = (step.value, self.passed + 1);
        }
        Ok(())
    }

    /// Opens the window of a change, if the account is not in it.
    fn enter(&mut self, time: Timestamp, books: &mut Books) -> Result<&mut OpenWindow, Overflow> {
        let window = books.length.window_of(time);
        if self.window.as_ref().is_none_or(|open| open.window != window) {
            self.leave(books)?;
            self.raw = self.raw.try_add(self.earned(window.start))?;
            self.since = window.start;
        }
        let (opening, raw) = (self.share, RawPoints::ZERO);
        let fresh = OpenWindow { window, opening, raw, blocks: None, reweighted: false };
        Ok(self.window.get_or_insert(fresh))
    }

    /// Ends the window with changes, if the account is in one.
    fn leave(&mut self, books: &mut Books) -> Result<(), Overflow> {
        let Some(OpenWindow { window, opening, raw, blocks, reweighted }) = self.window.take()
        else {
            return Ok(());
        };
        let raw = raw.try_add(self.earned(window.end))?;
        self.since = window.end;
        self.raw = self.raw.try_add(raw)?;
        // The account leaves the sums as it was before the window, and comes back as it is after it.
        let accounts = u64::from(raw != RawPoints::ZERO);
        let part = WindowTotal { start: window.start, accounts, raw, blocks };
        books.tally.add(&part, reweighted, opening, self.share)?;
        books.statements.push(Statement {
            account: self.account,
            window,
            epoch: books.epoch,
            raw,
            kind: StatementKind::Earned,
            balance: self.share.balance,
            entry: self.rule.entry_before(window.end),
        });
        Ok(())
    }

    /// What the balance earns from the end of the settled time up to an instant.
    fn earned(&self, until: Timestamp) -> RawPoints {
        if self.share.balance.is_zero() || self.since >= until {
            return RawPoints::ZERO;
        }
        self.programme.accrual(&self.rule).of_constant(self.share.balance, self.since, until)
    }
}
