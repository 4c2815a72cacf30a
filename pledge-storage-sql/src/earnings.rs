//! The rows of points: totals, statements, sums by window.

use std::collections::BTreeMap;

use pledge_core::ports::{BatchFailure, SettlementBatch, Statement, WindowTotal};
use pledge_core::types::{Account, RawPoints, ShardId};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;
use crate::row::ProgrammeRow;

pub(crate) async fn add_earned(
    db: &mut dyn Connection,
    programme: u64,
    earned: &[(Account, RawPoints)],
) -> Result<(), Fault> {
    let accounts: Vec<_> = earned.iter().map(|(account, _)| *account).collect();
    let mut totals = totals_of(db, programme, &accounts).await?;
    for (account, raw) in earned {
        let total = totals.entry(*account).or_insert(RawPoints::ZERO);
        *total = total.checked_add(*raw)?;
    }
    let totals: Vec<_> = totals.into_iter().collect();
    save_totals(db, programme, &totals).await
}

/// The totals of those accounts that have one.
pub(crate) async fn totals_of(
    db: &mut dyn Connection,
    programme: u64,
    accounts: &[Account],
) -> Result<BTreeMap<Account, RawPoints>, Fault> {
    let select = "SELECT account, raw FROM user_points WHERE programme = ? AND account IN";
    let rows = bulk::select(db, select, &values![programme], accounts, "").await?;
    Ok(rows.into_iter().collect())
}

pub(crate) async fn save_totals(
    db: &mut dyn Connection,
    programme: u64,
    totals: &[(Account, RawPoints)],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_points (programme, account, raw)";
    let or_update = db.dialect().or_update(&["raw"]);
    bulk::write(db, insert, &or_update, totals, |(account, raw)| values![programme, *account, *raw])
        .await
}

pub(crate) async fn add_statements(
    db: &mut dyn Connection,
    programme: u64,
    statements: &[Statement],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_points_change \
                  (programme, account, window_start, epoch, reversed, window_end, raw)";
    bulk::write(db, insert, "", statements, |row| {
        let window = row.window;
        values![programme, row.account, window.start, row.epoch, row.kind, window.end, row.raw]
    })
    .await
}

/// Adds the batch's sums to those of its shard.
pub(crate) async fn add_windows(
    db: &mut dyn Connection,
    programme: u64,
    batch: &SettlementBatch,
) -> Result<(), Fault> {
    let rows: Vec<WindowTotal> = query(
        "SELECT * FROM settlement_window \
         WHERE programme = ? AND window_start >= ? AND window_start < ? AND shard = ?",
    )
    .bind(programme)
    .bind(batch.from)
    .bind(batch.to)
    .bind(batch.shard)
    .all(db)
    .await?;
    let mut sums: BTreeMap<_, _> = rows.into_iter().map(|sum| (sum.start, sum)).collect();
    for total in &batch.windows {
        sums.entry(total.start).or_insert_with(|| WindowTotal::empty(total.start)).add(total)?;
    }
    let sums: Vec<_> = sums.into_values().map(|sum| (batch.shard, sum)).collect();
    let or_update = db.dialect().or_update(&["accounts", "raw", "first_block", "last_block"]);
    save_windows(db, programme, &sums, &or_update).await
}

/// Lists the windows of a failed batch, so that it is seen even if no other batch succeeds.
pub(crate) async fn list_windows(
    db: &mut dyn Connection,
    row: &ProgrammeRow,
    failure: &BatchFailure,
) -> Result<(), Fault> {
    let starts = row.programme.window_starts(failure.from, failure.to);
    let sums: Vec<_> = starts.map(|start| (failure.shard, WindowTotal::empty(start))).collect();
    let or_keep = db.dialect().or_keep("shard");
    save_windows(db, row.key, &sums, &or_keep).await
}

pub(crate) async fn save_windows(
    db: &mut dyn Connection,
    programme: u64,
    sums: &[(ShardId, WindowTotal)],
    or_else: &str,
) -> Result<(), Fault> {
    let insert = "INSERT INTO settlement_window \
                  (programme, window_start, shard, accounts, raw, first_block, last_block)";
    bulk::write(db, insert, or_else, sums, |(shard, sum)| {
        let (first, last) = sum.blocks.unzip();
        values![programme, sum.start, *shard, sum.accounts, sum.raw, first, last]
    })
    .await
}
