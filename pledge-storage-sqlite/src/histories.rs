//! The histories that a settlement reads.

use pledge_core::ledger::Checkpoint;
use pledge_core::ports::{AccountHistory, HistoriesQuery, Seen};
use pledge_core::types::{Account, BlockNumber, Timestamp};
use sqlx::SqliteConnection;

use crate::error::Fault;
use crate::reads::state_until;
use crate::registry::{require_token, seen};
use crate::row::{Record, Sql, ceiling, limit};

pub(crate) async fn histories(
    db: &mut SqliteConnection,
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
    let span = match rows.iter().any(|row| row.0.1.time >= query.from) {
        false => None,
        true => Some(Span::of(db, token.key, query).await?),
    };
    let mut histories = Vec::with_capacity(rows.len());
    for Record((account, newest)) in rows {
        histories.push(match &span {
            Some(span) if newest.time >= query.from => {
                span.history(db, token.key, account, newest).await?
            }
            _ => AccountHistory { account, opening: Some(newest), changes: Vec::new() },
        });
    }
    Ok(seen(&token.state, histories))
}

/// The last blocks with a change before an interval, and before its end.
struct Span {
    opened_at: Option<BlockNumber>,
    closed_at: Option<BlockNumber>,
}

impl Span {
    async fn of(
        db: &mut SqliteConnection,
        token: i64,
        query: &HistoriesQuery,
    ) -> Result<Self, Fault> {
        Ok(Self {
            opened_at: last_block_before(db, token, query.from).await?,
            closed_at: last_block_before(db, token, query.to).await?,
        })
    }

    async fn history(
        &self,
        db: &mut SqliteConnection,
        token: i64,
        account: Account,
        newest: Checkpoint,
    ) -> Result<AccountHistory, Fault> {
        let opening = state_until(db, token, account, Some(newest), self.opened_at).await?;
        let changes = match self.closed_at {
            Some(end) => states_between(db, token, account, self.opened_at, end).await?,
            None => Vec::new(),
        };
        Ok(AccountHistory { account, opening, changes })
    }
}

/// The states after an account's changes above one block, up to and with another.
async fn states_between(
    db: &mut SqliteConnection,
    token: i64,
    account: Account,
    above: Option<BlockNumber>,
    up_to: BlockNumber,
) -> Result<Vec<Checkpoint>, Fault> {
    let rows: Vec<Record<Checkpoint>> = sqlx::query_as(
        "SELECT balance_after AS balance, balance_seconds, time, block FROM user_balance_change \
         WHERE token = ? AND account = ? AND block >= ? AND block <= ? \
         ORDER BY block, log_index, leg",
    )
    .bind(token)
    .bind(Sql(account))
    .bind(ceiling(above.map_or(0, |above| above.next().get())))
    .bind(ceiling(up_to.get()))
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The block of a token's last change before an instant.
async fn last_block_before(
    db: &mut SqliteConnection,
    token: i64,
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
