//! Reads of the ledger. Each runs inside one read transaction: one snapshot.

use std::collections::HashMap;

use pledge_core::ledger::{Change, Checkpoint};
use pledge_core::ports::{ChangesQuery, Seen};
use pledge_core::types::{Account, Amount, BlockNumber, Timestamp, TokenId};
use sqlx::SqliteConnection;

use crate::bulk;
use crate::error::Fault;
use crate::registry::{require_token, seen};
use crate::row::{Record, Sql, ceiling, limit};

type Holder = (Account, Checkpoint);

pub(crate) async fn states(
    db: &mut SqliteConnection,
    token: TokenId,
    accounts: &[Account],
) -> Result<Seen<Vec<Option<Checkpoint>>>, Fault> {
    let token = require_token(db, token).await?;
    let select = "SELECT * FROM user_balance WHERE token = ? AND account IN";
    let found: Vec<Record<Holder>> = bulk::select(db, select, accounts, |params, accounts| {
        params.put(token.key)?;
        for account in accounts {
            params.put(Sql(*account))?;
        }
        Ok(())
    })
    .await?;
    let found: HashMap<_, _> = found.into_iter().map(|row| row.0).collect();
    let states = accounts.iter().map(|account| found.get(account).copied());
    Ok(seen(&token.state, states.collect()))
}

async fn newest(
    db: &mut SqliteConnection,
    token: i64,
    account: Account,
) -> Result<Option<Checkpoint>, Fault> {
    let row: Option<Record<Checkpoint>> =
        sqlx::query_as("SELECT * FROM user_balance WHERE token = ? AND account = ?")
            .bind(token)
            .bind(Sql(account))
            .fetch_optional(db)
            .await?;
    Ok(row.map(|row| row.0))
}

/// The state after an account's last change up to a block.
pub(crate) async fn state_at(
    db: &mut SqliteConnection,
    token: i64,
    account: Account,
    block: BlockNumber,
) -> Result<Option<Checkpoint>, Fault> {
    let row: Option<Record<Checkpoint>> = sqlx::query_as(
        "SELECT balance_after AS balance, balance_seconds, time, block FROM user_balance_change \
         WHERE token = ? AND account = ? AND block <= ? \
         ORDER BY block DESC, log_index DESC, leg DESC LIMIT 1",
    )
    .bind(token)
    .bind(Sql(account))
    .bind(ceiling(block.get()))
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.0))
}

/// The state at `until`, the block of the token's last change up to some instant; `newest` answers
/// for an account that has not changed since.
pub(crate) async fn state_until(
    db: &mut SqliteConnection,
    token: i64,
    account: Account,
    newest: Option<Checkpoint>,
    until: Option<BlockNumber>,
) -> Result<Option<Checkpoint>, Fault> {
    match (newest, until) {
        (Some(newest), Some(until)) if newest.block > until => {
            state_at(db, token, account, until).await
        }
        (newest, until) => Ok(until.and(newest)),
    }
}

/// The block of a token's last change at or before an instant.
pub(crate) async fn last_block_at(
    db: &mut SqliteConnection,
    token: i64,
    at: Timestamp,
) -> Result<Option<BlockNumber>, Fault> {
    let block: Option<Sql<BlockNumber>> = sqlx::query_scalar(
        "SELECT block FROM user_balance_change WHERE token = ? AND time <= ? \
         ORDER BY time DESC, block DESC LIMIT 1",
    )
    .bind(token)
    .bind(Sql(at))
    .fetch_optional(db)
    .await?;
    Ok(block.map(|block| block.0))
}

pub(crate) async fn last_change_block(
    db: &mut SqliteConnection,
    token: TokenId,
    at: Timestamp,
) -> Result<Seen<Option<BlockNumber>>, Fault> {
    let token = require_token(db, token).await?;
    let block = last_block_at(db, token.key, at).await?;
    Ok(seen(&token.state, block))
}

pub(crate) async fn history(
    db: &mut SqliteConnection,
    token: TokenId,
    account: Account,
    times: &[Timestamp],
) -> Result<Seen<Vec<Option<Checkpoint>>>, Fault> {
    let token = require_token(db, token).await?;
    let newest = newest(db, token.key, account).await?;
    let mut states = Vec::with_capacity(times.len());
    for time in times {
        states.push(match newest {
            Some(newest) if newest.time <= *time => Some(newest),
            _ => {
                let until = last_block_at(db, token.key, *time).await?;
                state_until(db, token.key, account, newest, until).await?
            }
        });
    }
    Ok(seen(&token.state, states))
}

pub(crate) async fn changes(
    db: &mut SqliteConnection,
    query: &ChangesQuery,
) -> Result<Seen<Vec<Change>>, Fault> {
    let token = require_token(db, query.token).await?;
    let sql = if query.before.is_some() {
        "SELECT * FROM user_balance_change WHERE token = ?1 AND account = ?2 \
         AND (block, log_index, leg) < (?4, ?5, ?6) \
         ORDER BY block DESC, log_index DESC, leg DESC LIMIT ?3"
    } else {
        "SELECT * FROM user_balance_change WHERE token = ?1 AND account = ?2 \
         ORDER BY block DESC, log_index DESC, leg DESC LIMIT ?3"
    };
    let mut select =
        sqlx::query_as(sql).bind(token.key).bind(Sql(query.account)).bind(limit(query.limit));
    if let Some((block, log_index, leg)) = query.before {
        select = select.bind(ceiling(block.get())).bind(ceiling(log_index.get())).bind(Sql(leg));
    }
    let rows: Vec<Record<Change>> = select.fetch_all(db).await?;
    let changes = rows.into_iter().map(|row| row.0).collect();
    Ok(seen(&token.state, changes))
}

pub(crate) async fn holders(
    db: &mut SqliteConnection,
    token: TokenId,
    after: Option<(Amount, Account)>,
    rows_max: usize,
) -> Result<Seen<Vec<Holder>>, Fault> {
    let token = require_token(db, token).await?;
    let rows =
        match after {
            None => sqlx::query_as(
                "SELECT * FROM user_balance WHERE token = ? ORDER BY balance DESC, account LIMIT ?",
            )
            .bind(token.key)
            .bind(limit(rows_max))
            .fetch_all(db)
            .await?,
            Some(place) => holders_after(db, token.key, place, rows_max).await?,
        };
    let rows: Vec<Record<Holder>> = rows;
    Ok(seen(&token.state, rows.into_iter().map(|row| row.0).collect()))
}

/// First the rest of those with the same balance, then those with less: each a range of the index,
/// however many share a balance.
async fn holders_after(
    db: &mut SqliteConnection,
    token: i64,
    (balance, account): (Amount, Account),
    rows_max: usize,
) -> Result<Vec<Record<Holder>>, Fault> {
    let mut rows: Vec<Record<Holder>> = sqlx::query_as(
        "SELECT * FROM user_balance WHERE token = ? AND balance = ? AND account > ? \
         ORDER BY account LIMIT ?",
    )
    .bind(token)
    .bind(Sql(balance))
    .bind(Sql(account))
    .bind(limit(rows_max))
    .fetch_all(&mut *db)
    .await?;
    let less: Vec<Record<Holder>> = sqlx::query_as(
        "SELECT * FROM user_balance WHERE token = ? AND balance < ? \
         ORDER BY balance DESC, account LIMIT ?",
    )
    .bind(token)
    .bind(Sql(balance))
    .bind(limit(rows_max - rows.len()))
    .fetch_all(db)
    .await?;
    rows.extend(less);
    Ok(rows)
}
