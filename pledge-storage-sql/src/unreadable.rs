//! Logs that look like transfers and cannot be read.

use pledge_core::ledger::UnreadableLog;
use pledge_core::ports::Seen;
use pledge_core::types::{BlockNumber, LogIndex, TokenId};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;
use crate::registry::{require_token, seen};
use crate::row::TokenRow;

pub(crate) async fn add(
    db: &mut dyn Connection,
    token: u64,
    logs: &[UnreadableLog],
) -> Result<(), Fault> {
    let insert = "INSERT INTO unreadable_log (token, block, log_index, tx_hash)";
    bulk::write(db, insert, "", logs, |log| values![token, log.block, log.log_index, log.tx_hash])
        .await
}

/// Removes those above a block, and answers how many there were.
pub(crate) async fn remove_above(
    db: &mut dyn Connection,
    token: u64,
    block: BlockNumber,
) -> Result<u64, Fault> {
    let removed = query("DELETE FROM unreadable_log WHERE token = ? AND block > ?")
        .bind(token)
        .bound(block.get())
        .execute(db)
        .await?;
    Ok(removed)
}

pub(crate) async fn list(
    db: &mut dyn Connection,
    token: TokenId,
    after: Option<(BlockNumber, LogIndex)>,
    rows_max: usize,
) -> Result<Seen<Vec<UnreadableLog>>, Fault> {
    let token = require_token(db, token).await?;
    let logs = page(db, &token, after, rows_max).await?;
    Ok(seen(&token.state, logs))
}

/// Those behind a place, in the order of the chain.
pub(crate) async fn page(
    db: &mut dyn Connection,
    token: &TokenRow,
    after: Option<(BlockNumber, LogIndex)>,
    rows_max: usize,
) -> Result<Vec<UnreadableLog>, Fault> {
    // `block >= ?` is what the index can begin at; the next condition cuts within that block.
    let (block, log_index) =
        after.map_or((0, 0), |(block, log_index)| (block.get(), log_index.get().saturating_add(1)));
    let rows = query(
        "SELECT * FROM unreadable_log WHERE token = ? AND block >= ? \
         AND (block > ? OR log_index >= ?) ORDER BY block, log_index LIMIT ?",
    )
    .bind(token.key)
    .bound(block)
    .bound(block)
    .bound(log_index)
    .limit(rows_max)
    .rows(db)
    .await?;
    let mut logs = Vec::with_capacity(rows.len());
    for row in &rows {
        logs.push(UnreadableLog {
            token: token.state.spec.id.address,
            block: row.get("block")?,
            log_index: row.get("log_index")?,
            tx_hash: row.get("tx_hash")?,
        });
    }
    Ok(logs)
}
