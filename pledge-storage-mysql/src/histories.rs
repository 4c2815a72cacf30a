//! The histories that a settlement reads.

use std::collections::HashMap;

use pledge_core::ledger::Checkpoint;
use pledge_core::ports::{AccountHistory, HistoriesQuery, Seen};
use pledge_core::types::{Account, BlockNumber, Timestamp};
use sqlx::MySqlConnection;

use crate::bulk;
use crate::error::Fault;
use crate::reads::states_until;
use crate::registry::{require_token, seen};
use crate::row::{Record, Sql, limit};

pub(crate) async fn histories(
    db: &mut MySqlConnection,
    query: &HistoriesQuery,
) -> Result<Seen<Vec<AccountHistory>>, Fault> {
    let token = require_token(db, query.token).await?;
    let rows: Vec<Record<(Account, Checkpoint)>> = sqlx::query_as(
        "SELECT * FROM user_balance WHERE token = ? AND account BETWEEN ? AND ? \
         ORDER BY account LIMIT ?",
    )
    .bind(token.key)
    .bind(Sql(query.first))
    .bind(Sql(query.last))
    .bind(limit(query.limit))
    .fetch_all(&mut *db)
    .await?;
    let rows: Vec<_> = rows.into_iter().map(|row| row.0).collect();
    let is_changed = |row: &&(Account, Checkpoint)| row.1.time >= query.from;
    let changed: Vec<_> = rows.iter().filter(is_changed).copied().collect();
    let mut known = changes_of(db, token.key, query, &changed).await?;
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
    db: &mut MySqlConnection,
    token: u64,
    query: &HistoriesQuery,
    accounts: &[(Account, Checkpoint)],
) -> Result<HashMap<Account, AccountHistory>, Fault> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let opened_at = last_block_before(db, token, query.from).await?;
    let closed_at = last_block_before(db, token, query.to).await?;
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
    db: &mut MySqlConnection,
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
    let rows: Vec<Record<(Account, Checkpoint)>> =
        bulk::select(db, select, order, accounts, |params, accounts| {
            params.put(Sql(first))?.put(Sql(up_to))?;
            params.put_accounts(token, accounts)
        })
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The block of a token's last change before an instant.
async fn last_block_before(
    db: &mut MySqlConnection,
    token: u64,
    end: Timestamp,
) -> Result<Option<BlockNumber>, Fault> {
    let block: Option<Sql<BlockNumber>> = sqlx::query_scalar(
        "SELECT block FROM user_balance_change WHERE token = ? AND time < ? \
         ORDER BY time DESC, block DESC LIMIT 1",
    )
    .bind(token)
    .bind(Sql(end))
    .fetch_optional(db)
    .await?;
    Ok(block.map(|block| block.0))
}
