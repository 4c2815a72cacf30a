//! The histories that a settlement reads.

use std::collections::HashMap;

use pledge_core::ledger::Checkpoint;
use pledge_core::ports::{AccountHistory, HistoriesQuery, Seen};
use pledge_core::types::{Account, BlockNumber, Timestamp};

use crate::bulk::{self, values};
use crate::connection::{Connection, Value};
use crate::fault::Fault;
use crate::query::query;
use crate::reads::states_until;
use crate::registry::{require_token, seen};

pub(crate) async fn histories(
    db: &mut dyn Connection,
    page: &HistoriesQuery,
) -> Result<Seen<Vec<AccountHistory>>, Fault> {
    let token = require_token(db, page.token).await?;
    let rows: Vec<(Account, Checkpoint)> = query(
        "SELECT * FROM user_balance WHERE token = ? AND account BETWEEN ? AND ? \
         ORDER BY account LIMIT ?",
    )
    .bind(token.key)
    .bind(page.first)
    .bind(page.last)
    .limit(page.limit)
    .all(db)
    .await?;
    let is_changed = |row: &&(Account, Checkpoint)| row.1.time >= page.from;
    let changed: Vec<_> = rows.iter().filter(is_changed).copied().collect();
    let mut known = changes_of(db, token.key, page, &changed).await?;
    let history = |(account, newest)| {
        let unchanged = AccountHistory { account, opening: Some(newest), changes: Vec::new() };
        known.remove(&account).unwrap_or(unchanged)
    };
    let histories = rows.into_iter().map(history).collect();
    Ok(seen(&token.state, histories))
}

/// The histories of the accounts that changed at the interval's start or later, each given with its
/// newest state.
async fn changes_of(
    db: &mut dyn Connection,
    token: u64,
    page: &HistoriesQuery,
    accounts: &[(Account, Checkpoint)],
) -> Result<HashMap<Account, AccountHistory>, Fault> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let opened_at = last_block_before(db, token, page.from).await?;
    let closed_at = last_block_before(db, token, page.to).await?;
    let mut openings = states_until(db, token, accounts, opened_at).await?;
    let mut histories: HashMap<_, _> = accounts
        .iter()
        .map(|(account, _)| {
            let (account, opening) = (*account, openings.remove(account));
            (account, AccountHistory { account, opening, changes: Vec::new() })
        })
        .collect();
    let Some(end) = closed_at else {
        return Ok(histories);
    };
    let accounts: Vec<_> = accounts.iter().map(|(account, _)| *account).collect();
    for (account, state) in states_between(db, token, &accounts, opened_at, end).await? {
        if let Some(history) = histories.get_mut(&account) {
            history.changes.push(state);
        }
    }
    Ok(histories)
}

/// The states after the changes of some accounts above one block, up to and with another: of each
/// account in the order of the chain.
async fn states_between(
    db: &mut dyn Connection,
    token: u64,
    accounts: &[Account],
    above: Option<BlockNumber>,
    up_to: BlockNumber,
) -> Result<Vec<(Account, Checkpoint)>, Fault> {
    let select = "SELECT account, balance_after AS balance, balance_seconds, time, block \
                  FROM user_balance_change WHERE block >= ? AND block <= ? AND token = ? \
                  AND account IN";
    let order = "ORDER BY account, block, log_index, leg";
    let first = above.map_or(BlockNumber::new(0), BlockNumber::next);
    let first = values![Value::Bound(first.get()), Value::Bound(up_to.get()), token];
    bulk::select(db, select, &first, accounts, order).await
}

/// The block of a token's last change before an instant.
async fn last_block_before(
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
