//! The accounts of a token: each one's changes, then its balance.

use std::collections::VecDeque;

use async_trait::async_trait;
use pledge_core::archive::ArchiveRecord;
use pledge_core::ledger::{Change, Checkpoint};
use pledge_core::primitives::Address;
use pledge_core::types::{Account, TokenId};

use super::pages::{PAGE_ROWS, Pages};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;
use crate::row::TokenRow;

/// Two tables read side by side, each in the order of its key.
pub(super) struct Accounts {
    token: TokenId,
    changes: Changes,
    balances: Balances,
    /// The account whose changes pass.
    open: Option<Account>,
}

impl Accounts {
    pub(super) const fn new(row: &TokenRow) -> Self {
        let (token, key) = (row.state.spec.id, row.key);
        let changes = Changes { key, after: None };
        // The zero address is no account's.
        let balances = Balances { key, page: VecDeque::new(), after: Address::ZERO };
        Self { token, changes, balances, open: None }
    }

    /// The balance of the account whose changes have passed.
    async fn close(
        &mut self,
        db: &mut dyn Connection,
        account: Account,
    ) -> Result<ArchiveRecord, Fault> {
        let token = self.token;
        match self.balances.next(db).await? {
            Some((found, state)) if found == account => {
                Ok(ArchiveRecord::Balance { token, account, state })
            }
            _ => {
                let detail = format!("account {account} of token {token} has no balance");
                Err(Fault::corrupt(detail))
            }
        }
    }
}

#[async_trait]
impl Pages for Accounts {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<ArchiveRecord>, Fault> {
        let token = self.token;
        let changes = self.changes.next(db).await?;
        let is_end = changes.is_empty();
        let mut page = Vec::with_capacity(changes.len());
        for change in changes {
            if let Some(before) = self.open.replace(change.account)
                && before != change.account
            {
                page.push(self.close(db, before).await?);
            }
            page.push(ArchiveRecord::Change { token, change });
        }
        if is_end && let Some(last) = self.open.take() {
            page.push(self.close(db, last).await?);
        } else if is_end && let Some((account, _)) = self.balances.next(db).await? {
            let detail = format!("account {account} of token {token} has no changes");
            return Err(Fault::corrupt(detail));
        }
        Ok(page)
    }
}

struct Changes {
    key: u64,
    after: Option<Change>,
}

impl Changes {
    async fn next(&mut self, db: &mut dyn Connection) -> Result<Vec<Change>, Fault> {
        let mut page = match &self.after {
            Some(last) => self.rest(db, last).await?,
            None => Vec::new(),
        };
        let others: Vec<Change> = query(
            "SELECT * FROM user_balance_change WHERE token = ? AND account > ? \
             ORDER BY account, block, log_index, leg LIMIT ?",
        )
        .bind(self.key)
        .bind(self.after.as_ref().map_or(Address::ZERO, |last| last.account.address()))
        .limit(PAGE_ROWS - page.len())
        .all(db)
        .await?;
        page.extend(others);
        self.after = page.last().cloned().or(self.after.take());
        Ok(page)
    }

    /// Those of the account that the last page ended in.
    async fn rest(&self, db: &mut dyn Connection, last: &Change) -> Result<Vec<Change>, Fault> {
        let (block, log_index, leg) = last.place();
        query(
            "SELECT * FROM user_balance_change WHERE token = ? AND account = ? AND block >= ? \
             AND (block > ? OR log_index > ? OR (log_index = ? AND leg > ?)) \
             ORDER BY block, log_index, leg LIMIT ?",
        )
        .bind(self.key)
        .bind(last.account)
        .bind(block)
        .bind(block)
        .bind(log_index)
        .bind(log_index)
        .bind(leg)
        .limit(PAGE_ROWS)
        .all(db)
        .await
    }
}

struct Balances {
    key: u64,
    page: VecDeque<(Account, Checkpoint)>,
    after: Address,
}

impl Balances {
    async fn next(
        &mut self,
        db: &mut dyn Connection,
    ) -> Result<Option<(Account, Checkpoint)>, Fault> {
        if self.page.is_empty() {
            let page: Vec<_> = query(
                "SELECT * FROM user_balance WHERE token = ? AND account > ? \
                 ORDER BY account LIMIT ?",
            )
            .bind(self.key)
            .bind(self.after)
            .limit(PAGE_ROWS)
            .all(db)
            .await?;
            self.page = page.into();
        }
        let next = self.page.pop_front();
        self.after = next.map_or(self.after, |(account, _)| account.address());
        Ok(next)
    }
}
