//! A token's ledger read through at one block, to verify it.

use alloy_primitives::Address;

use super::{Queries, QueryError};
use crate::ledger::{Change, Checkpoint, Leg, TokenState, UnreadableLog};
use crate::points::Rules;
use crate::ports::{
    ChangesQuery, HistoriesQuery, ProgrammeState, Seen, Standing, Statement, StatementsQuery,
};
use crate::types::{Account, BlockRef, LogIndex, Overflow, ProgrammeId};

/// Accounts per page.
const PAGE_ACCOUNTS: usize = 500;
/// Changes per page.
const PAGE_CHANGES: usize = 1_000;
/// Statement rows per page.
const PAGE_ROWS: usize = 1_000;

/// Reads a token's ledger up to the cursor that it had at the start, page by page. The ledger may
/// grow meanwhile: the part up to that block changes only by a rewind. Then every read fails with
/// an error of which [`QueryError::has_moved`] is true.
#[derive(Debug)]
pub struct TokenReading<'a> {
    queries: &'a Queries,
    state: TokenState,
}

/// A page of accounts, ascending by address, with their states at the block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsPage {
    /// The accounts that had changed by then.
    pub accounts: Vec<(Account, Checkpoint)>,
    /// First address of the next page; `None` if this one is the last.
    pub next: Option<Address>,
}

/// A programme, and the totals of some accounts in it.
#[derive(Debug, Clone)]
pub struct ProgrammeTotals {
    /// Its rule, and how far it is settled.
    pub programme: ProgrammeState,
    /// One entry an account, in the order asked; `None` for an account that has earned nothing.
    pub totals: Vec<Option<Standing>>,
    /// How the accounts earn in it.
    pub rules: Rules,
}

/// What an account's points are recomputed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEarnings {
    /// Every statement row in each of the programmes, in the order of publication.
    pub statements: Vec<Vec<Statement>>,
    /// Every change, in the order of the chain.
    pub changes: Vec<Change>,
}

impl<'a> TokenReading<'a> {
    /// Reads a token that is in this state now.
    pub const fn of(queries: &'a Queries, state: TokenState) -> Self {
        Self { queries, state }
    }

    /// The token as it was at the start.
    pub const fn state(&self) -> &TokenState {
        &self.state
    }

    /// A page of accounts from `first` on, with their states at the cursor.
    pub async fn accounts(
        &self,
        cursor: &BlockRef,
        first: Address,
    ) -> Result<AccountsPage, QueryError> {
        // Read by time, since a growing ledger does not change the past. Only a later block in the
        // second of the cursor does: then the state at the cursor is read from the account's
        // changes.
        let after = cursor.time.checked_add(1).ok_or(Overflow("the time after the cursor's"))?;
        let query = HistoriesQuery {
            token: self.state.spec.id,
            first,
            last: Address::repeat_byte(0xff),
            after: None,
            limit: PAGE_ACCOUNTS,
            changes_max: 1,
            from: after,
            to: after,
        };
        let page = self.of_epoch(self.queries.ledger.histories(&query).await?)?;
        let next = page.next.map(|next| next.first);
        let mut accounts = Vec::with_capacity(page.histories.len());
        for history in page.histories {
            let state = match history.opening {
                Some(state) if state.block > cursor.number => {
                    self.last_change(cursor, history.account).await?
                }
                state => state,
            };
            accounts.extend(state.map(|state| (history.account, state)));
        }
        Ok(AccountsPage { accounts, next })
    }

    /// An account's state after the last of its changes at or before the cursor.
    async fn last_change(
        &self,
        cursor: &BlockRef,
        account: Account,
    ) -> Result<Option<Checkpoint>, QueryError> {
        let query = ChangesQuery {
            token: self.state.spec.id,
            account,
            before: Some((cursor.number.next(), LogIndex::new(0), Leg::Out)),
            limit: 1,
        };
        let changes = self.of_epoch(self.queries.ledger.changes(&query).await?)?;
        Ok(changes.first().map(Change::checkpoint))
    }

    /// The programmes, each with the totals of the accounts. To be read before the changes that
    /// they come from: the ledger grows meanwhile, and every point read must have its changes among
    /// those read.
    pub async fn totals(&self, accounts: &[Account]) -> Result<Vec<ProgrammeTotals>, QueryError> {
        let programmes = self.queries.points.programmes(self.state.spec.id).await?;
        let mut read = Vec::with_capacity(programmes.len());
        for programme in programmes {
            let totals = self.queries.points.totals(&programme.programme.id, accounts).await?;
            let rules = self.queries.rules(&programme, accounts).await?;
            read.push(ProgrammeTotals { programme, totals: self.of_epoch(totals)?, rules });
        }
        Ok(read)
    }

    /// What an account's points in the programmes are recomputed from.
    pub async fn earnings(
        &self,
        programmes: &[ProgrammeTotals],
        account: Account,
    ) -> Result<AccountEarnings, QueryError> {
        let mut statements = Vec::with_capacity(programmes.len());
        for totals in programmes {
            let id = &totals.programme.programme.id;
            statements.push(self.statements(id, account).await?);
        }
        Ok(AccountEarnings { statements, changes: self.changes(account).await? })
    }

    async fn statements(
        &self,
        programme: &ProgrammeId,
        account: Account,
    ) -> Result<Vec<Statement>, QueryError> {
        let mut rows: Vec<Statement> = Vec::new();
        loop {
            let (programme, after) = (programme.clone(), rows.last().map(Statement::place));
            let query = StatementsQuery { programme, account, after, limit: PAGE_ROWS };
            let page = self.queries.points.statements(&query).await?.value.rows;
            let full = page.len() >= PAGE_ROWS;
            rows.extend(page);
            if !full {
                return Ok(rows);
            }
        }
    }

    async fn changes(&self, account: Account) -> Result<Vec<Change>, QueryError> {
        let mut changes: Vec<Change> = Vec::new();
        loop {
            let query = ChangesQuery {
                token: self.state.spec.id,
                account,
                before: changes.last().map(Change::place),
                limit: PAGE_CHANGES,
            };
            let page = self.of_epoch(self.queries.ledger.changes(&query).await?)?;
            let full = page.len() >= PAGE_CHANGES;
            changes.extend(page);
            if !full {
                changes.reverse();
                return Ok(changes);
            }
        }
    }

    /// The first of the token's unreadable logs, at most `limit`.
    pub async fn unreadable_logs(&self, limit: usize) -> Result<Vec<UnreadableLog>, QueryError> {
        let token = self.state.spec.id;
        Ok(self.queries.ledger.unreadable_logs(token, None, limit).await?.value)
    }

    /// Checks that the ledger was not rewound since the start, and that the programmes have the
    /// rules with which they were read.
    pub async fn still(&self, programmes: &[ProgrammeTotals]) -> Result<(), QueryError> {
        let token = self.state.spec.id;
        // A rate may change only for time that is not settled, but that time may be settled before
        // the next read of points.
        let rules = self.queries.points.programmes(token).await?;
        let has_rule = |read: &ProgrammeTotals| {
            let read = &read.programme;
            let rule = (&read.programme, read.version);
            rules.iter().any(|state| (&state.programme, state.version) == rule)
        };
        // The epoch is enough: the ledger may grow, and only a rewind changes what was read.
        let now = self.queries.ledger.token(token).await?;
        match now {
            Some(now) if now.epoch == self.state.epoch && programmes.iter().all(has_rule) => Ok(()),
            _ => Err(QueryError::moved()),
        }
    }

    fn of_epoch<T>(&self, seen: Seen<T>) -> Result<T, QueryError> {
        if seen.epoch == self.state.epoch { Ok(seen.value) } else { Err(QueryError::moved()) }
    }
}
