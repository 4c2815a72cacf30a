//! The rows of points: totals, statements, sums by window.

use std::collections::BTreeMap;

use pledge_core::ports::{BatchFailure, SettlementBatch, Statement, WindowTotal};
use pledge_core::types::{Account, RawPoints, ShardId};
use sqlx::MySqlConnection;

use crate::bulk;
use crate::error::Fault;
use crate::row::{ProgrammeRow, Record, Sql};

pub(crate) async fn add_earned(
    db: &mut MySqlConnection,
    programme: u64,
    earned: &[(Account, RawPoints)],
) -> Result<(), Fault> {
    let accounts: Vec<_> = earned.iter().map(|(account, _)| *account).collect();
    let mut totals: BTreeMap<_, _> = totals_of(db, programme, &accounts).await?;
    for (account, raw) in earned {
        let total = totals.entry(*account).or_insert(RawPoints::ZERO);
        *total = total.checked_add(*raw)?;
    }
    let totals: Vec<_> = totals.into_iter().collect();
    save_totals(db, programme, &totals).await
}

/// The totals of those accounts that have one.
pub(crate) async fn totals_of(
    db: &mut MySqlConnection,
    programme: u64,
    accounts: &[Account],
) -> Result<BTreeMap<Account, RawPoints>, Fault> {
    let select = "SELECT account, raw FROM user_points WHERE programme = ? AND account IN";
    let rows: Vec<Record<(Account, RawPoints)>> =
        bulk::select(db, select, "", accounts, |params, accounts| {
            params.put_accounts(programme, accounts)
        })
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub(crate) async fn save_totals(
    db: &mut MySqlConnection,
    programme: u64,
    totals: &[(Account, RawPoints)],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_points (programme, account, raw)";
    let or_update = "ON DUPLICATE KEY UPDATE raw = VALUES(raw)";
    bulk::write(db, insert, or_update, totals, |params, (account, raw)| {
        params.put(programme)?.put(Sql(*account))?.put(Sql(*raw))?;
        Ok(())
    })
    .await
}

pub(crate) async fn add_statements(
    db: &mut MySqlConnection,
    programme: u64,
    statements: &[Statement],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_points_change \
                  (programme, account, window_start, epoch, reversed, window_end, raw)";
    bulk::write(db, insert, "", statements, |params, row| {
        params
            .put(programme)?
            .put(Sql(row.account))?
            .put(Sql(row.window.start))?
            .put(Sql(row.epoch))?
            .put(Sql(row.kind))?
            .put(Sql(row.window.end))?
            .put(Sql(row.raw))?;
        Ok(())
    })
    .await
}

/// Adds the batch's sums to those of its shard.
pub(crate) async fn add_windows(
    db: &mut MySqlConnection,
    programme: u64,
    batch: &SettlementBatch,
) -> Result<(), Fault> {
    let rows: Vec<Record<WindowTotal>> = sqlx::query_as(
        "SELECT * FROM settlement_window \
         WHERE programme = ? AND window_start >= ? AND window_start < ? AND shard = ?",
    )
    .bind(programme)
    .bind(Sql(batch.from))
    .bind(Sql(batch.to))
    .bind(Sql(batch.shard))
    .fetch_all(&mut *db)
    .await?;
    let mut sums: BTreeMap<_, _> = rows.into_iter().map(|row| (row.0.start, row.0)).collect();
    for total in &batch.windows {
        sums.entry(total.start).or_insert_with(|| WindowTotal::empty(total.start)).add(total)?;
    }
    let sums: Vec<_> = sums.into_values().collect();
    let or_update = "ON DUPLICATE KEY UPDATE accounts = VALUES(accounts), raw = VALUES(raw), \
                     first_block = VALUES(first_block), last_block = VALUES(last_block)";
    save_windows(db, programme, batch.shard, &sums, or_update).await
}

/// Lists the windows of a failed batch, so that it is seen even if no other batch succeeds.
pub(crate) async fn list_windows(
    db: &mut MySqlConnection,
    row: &ProgrammeRow,
    failure: &BatchFailure,
) -> Result<(), Fault> {
    let starts = row.programme.window_starts(failure.from, failure.to);
    let sums: Vec<_> = starts.map(WindowTotal::empty).collect();
    let or_keep = "ON DUPLICATE KEY UPDATE shard = VALUES(shard)";
    save_windows(db, row.key, failure.shard, &sums, or_keep).await
}

async fn save_windows(
    db: &mut MySqlConnection,
    programme: u64,
    shard: ShardId,
    sums: &[WindowTotal],
    on_conflict: &'static str,
) -> Result<(), Fault> {
    let insert = "INSERT INTO settlement_window \
                  (programme, window_start, shard, accounts, raw, first_block, last_block)";
    bulk::write(db, insert, on_conflict, sums, |params, sum| {
        params
            .put(programme)?
            .put(Sql(sum.start))?
            .put(Sql(shard))?
            .put(Sql(sum.accounts))?
            .put(Sql(sum.raw))?
            .put(sum.blocks.map(|(first, _)| Sql(first)))?
            .put(sum.blocks.map(|(_, last)| Sql(last)))?;
        Ok(())
    })
    .await
}
