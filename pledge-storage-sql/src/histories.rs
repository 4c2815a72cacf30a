//! The histories that a settlement reads.

use std::collections::HashMap;

use pledge_core::ledger::{Checkpoint, Leg};
use pledge_core::ports::{AccountHistory, HistoriesPage, HistoriesPlace, HistoriesQuery, Seen};
use pledge_core::types::{Account, BlockNumber, LogIndex, Timestamp, TokenId};

use crate::bulk::{self, values};
use crate::connection::{Connection, Row, Value};
use crate::fault::Fault;
use crate::query::query;
use crate::reads::states_until;
use crate::registry::{require_token, seen};
use crate::row::FromRow;

/// Accounts whose changes one statement reads.
const ACCOUNTS_AT_ONCE: usize = 64;

type Place = (BlockNumber, LogIndex, Leg);

pub(crate) async fn histories(
    db: &mut dyn Connection,
    page: &HistoriesQuery,
) -> Result<Seen<HistoriesPage>, Fault> {
    // One account more than fits is read: it is where the next page begins.
    let token = require_token(db, page.token).await?;
    let mut rows: Vec<(Account, Checkpoint)> = query(
        "SELECT * FROM user_balance WHERE token = ? AND account BETWEEN ? AND ? \
         ORDER BY account LIMIT ?",
    )
    .bind(token.key)
    .bind(page.first)
    .bind(page.last)
    .limit(page.limit.saturating_add(1))
    .all(db)
    .await?;
    let beyond = rows.get(page.limit).map(|(account, _)| account.address());
    rows.truncate(page.limit);
    let mut reading = Reading {
        token: token.key,
        query: page,
        opened_at: last_block_before(db, token.key, page.from).await?,
        closed_at: last_block_before(db, token.key, page.to).await?,
        left: page.changes_max,
        page: HistoriesPage::default(),
    };
    for accounts in rows.chunks(ACCOUNTS_AT_ONCE) {
        reading.add(db, accounts).await?;
        if reading.page.next.is_some() {
            break;
        }
    }
    let mut page = reading.page;
    page.next = page.next.or(beyond.map(|first| HistoriesPlace { first, after: None }));
    Ok(seen(&token.state, page))
}

pub(crate) async fn change_time(
    db: &mut dyn Connection,
    token: TokenId,
    from: Timestamp,
    number: usize,
) -> Result<Seen<Option<Timestamp>>, Fault> {
    let token = require_token(db, token).await?;
    let time = query(
        "SELECT time FROM user_balance_change WHERE token = ? AND time >= ? \
         ORDER BY time, block, log_index, leg LIMIT 1 OFFSET ?",
    )
    .bind(token.key)
    .bind(from)
    .limit(number.saturating_sub(1))
    .value(db, "time")
    .await?;
    Ok(seen(&token.state, time))
}

/// A page as far as it is read.
struct Reading<'a> {
    token: u64,
    query: &'a HistoriesQuery,
    /// The token's last blocks with a change before the interval and before its end.
    opened_at: Option<BlockNumber>,
    closed_at: Option<BlockNumber>,
    /// Changes that still fit.
    left: usize,
    page: HistoriesPage,
}

/// A change of an account, by its place.
struct Placed {
    account: Account,
    place: Place,
    state: Checkpoint,
}

impl FromRow for Placed {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let (account, state) = <(Account, Checkpoint)>::from_row(row)?;
        let place = (state.block, row.get("log_index")?, row.get("leg")?);
        Ok(Self { account, place, state })
    }
}

impl Reading<'_> {
    /// Adds accounts, each given with its newest state, until one does not fit.
    async fn add(
        &mut self,
        db: &mut dyn Connection,
        accounts: &[(Account, Checkpoint)],
    ) -> Result<(), Fault> {
        let is_changed = |row: &&(Account, Checkpoint)| row.1.time >= self.query.from;
        let changed: Vec<_> = accounts.iter().filter(is_changed).copied().collect();
        let mut openings = states_until(db, self.token, &changed, self.opened_at).await?;
        // One statement reads a few changes of each account. Only an account with more costs
        // another, so that a page of short histories takes few statements and a long one is not
        // cut.
        let each = (self.left / ACCOUNTS_AT_ONCE).max(1);
        let mut known = self.first_changes(db, &changed, each).await?;
        for (account, newest) in accounts {
            let account = *account;
            if newest.time < self.query.from {
                let opening = Some(*newest);
                let history = AccountHistory { account, opening, changes: Vec::new() };
                self.page.histories.push(history);
                continue;
            }
            let after = self.after(account);
            let opening = match after {
                Some(place) => self.state_after(db, account, place).await?,
                None => openings.remove(&account),
            };
            let mut changes = known.remove(&account).unwrap_or_default();
            if changes.len() == each {
                let last = changes[each - 1].place;
                let most = self.left.saturating_sub(each).saturating_add(1);
                changes.extend(self.changes_after(db, account, last, most).await?);
            }
            if !self.push(account, opening, changes) {
                break;
            }
        }
        Ok(())
    }

    /// Adds an account as far as its changes fit; `false` if they do not.
    fn push(
        &mut self,
        account: Account,
        opening: Option<Checkpoint>,
        mut changes: Vec<Placed>,
    ) -> bool {
        let first = account.address();
        let fits = changes.len() <= self.left;
        if !fits {
            changes.truncate(self.left);
            let last = changes.last().map(|change| change.place);
            let after = last.or(self.after(account));
            self.page.next = Some(HistoriesPlace { first, after });
        }
        self.left -= changes.len();
        if fits || !changes.is_empty() {
            let changes = changes.into_iter().map(|change| change.state).collect();
            self.page.histories.push(AccountHistory { account, opening, changes });
        }
        fits
    }

    /// Where the page goes on inside an account.
    fn after(&self, account: Account) -> Option<Place> {
        self.query.after.filter(|_| account.address() == self.query.first)
    }

    /// The first changes of each account, at most `each`.
    async fn first_changes(
        &self,
        db: &mut dyn Connection,
        accounts: &[(Account, Checkpoint)],
        each: usize,
    ) -> Result<HashMap<Account, Vec<Placed>>, Fault> {
        let mut changes: HashMap<_, Vec<_>> = HashMap::new();
        let Some(end) = self.closed_at else {
            return Ok(changes);
        };
        // The page may go on inside its first account, whose changes then begin at another place.
        let (inside, others) = match accounts.first().and_then(|(first, _)| self.after(*first)) {
            Some(place) => (Some((accounts[0].0, place)), &accounts[1..]),
            None => (None, accounts),
        };
        if let Some((account, place)) = inside {
            changes.insert(account, self.changes_after(db, account, place, each).await?);
        }
        let select = "SELECT account, balance_after AS balance, balance_seconds, time, block, \
                      log_index, leg FROM user_balance_change \
                      WHERE token = ? AND account = ? AND block >= ? AND block <= ? \
                      ORDER BY block, log_index, leg LIMIT ?";
        let first = self.opened_at.map_or(BlockNumber::new(0), BlockNumber::next);
        let token = self.token;
        let placed: Vec<Placed> = bulk::select_each(db, select, others, |(account, _)| {
            let [first, end] = [first.get(), end.get()].map(Value::Bound);
            values![token, *account, first, end, Value::limit(each)]
        })
        .await?;
        for change in placed {
            changes.entry(change.account).or_default().push(change);
        }
        changes.values_mut().for_each(|changes| changes.sort_by_key(|change| change.place));
        Ok(changes)
    }

    /// The changes of an account after one of them.
    async fn changes_after(
        &self,
        db: &mut dyn Connection,
        account: Account,
        (block, log_index, leg): Place,
        most: usize,
    ) -> Result<Vec<Placed>, Fault> {
        // `block >= ?` seems implied by the last condition. It is what the index can begin at.
        query(
            "SELECT account, balance_after AS balance, balance_seconds, time, block, log_index, leg \
             FROM user_balance_change WHERE token = ? AND account = ? AND block >= ? AND block <= ? \
             AND (block > ? OR log_index > ? OR (log_index = ? AND leg > ?)) \
             ORDER BY block, log_index, leg LIMIT ?",
        )
        .bind(self.token)
        .bind(account)
        .bind(block)
        .bound(self.closed_at.map_or(0, BlockNumber::get))
        .bind(block)
        .bind(log_index)
        .bind(log_index)
        .bind(leg)
        .limit(most)
        .all(db)
        .await
    }

    async fn state_after(
        &self,
        db: &mut dyn Connection,
        account: Account,
        (block, log_index, leg): Place,
    ) -> Result<Option<Checkpoint>, Fault> {
        let found: Option<(Account, Checkpoint)> = query(
            "SELECT account, balance_after AS balance, balance_seconds, time, block \
             FROM user_balance_change WHERE token = ? AND account = ? AND block = ? \
             AND log_index = ? AND leg = ?",
        )
        .bind(self.token)
        .bind(account)
        .bind(block)
        .bind(log_index)
        .bind(leg)
        .one(db)
        .await?;
        Ok(found.map(|(_, state)| state))
    }
}

/// The block of a token's last change before an instant.
pub(crate) async fn last_block_before(
    db: &mut dyn Connection,
    token: u64,
    end: Timestamp,
) -> Result<Option<BlockNumber>, Fault> {
    query(
        "SELECT block FROM user_balance_change WHERE token = ? AND time < ? \
         ORDER BY time DESC, block DESC LIMIT 1",
    )
    .bind(token)
    .bind(end)
    .value(db, "block")
    .await
}
