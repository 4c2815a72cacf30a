//! The rows of points: totals, statements, sums by window.

use std::collections::BTreeMap;

use pledge_core::points::{HoldingParts, WindowRow, sum_windows};
use pledge_core::ports::{SettlementBatch, Statement};
use pledge_core::types::{Account, RawPoints, ShardId, Timestamp};

use crate::bulk::{self, values};
use crate::connection::Connection;
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::query::query;
use crate::row::ProgrammeRow;

pub(crate) async fn add_earned(
    db: &mut dyn Connection,
    programme: u64,
    batch: &SettlementBatch,
) -> Result<(), Fault> {
    let accounts: Vec<_> = batch.earned.iter().map(|(account, _)| *account).collect();
    let totals = batch.totals(&totals_of(db, programme, &accounts).await?)?;
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
    let key = &["programme", "account"];
    let or_update = db.dialect().on_conflict(Conflict { key, updates: &["raw"] });
    bulk::write(db, insert, &or_update, totals, |(account, raw)| values![programme, *account, *raw])
        .await
}

pub(crate) async fn add_statements(
    db: &mut dyn Connection,
    programme: u64,
    statements: &[Statement],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_points_change \
                  (programme, account, reversed, epoch, window_start, window_end, raw, balance, entry)";
    bulk::write(db, insert, "", statements, |row| {
        let window = row.window;
        let (start, end) = (window.start, window.end);
        let (raw, balance, entry) = (row.raw, row.balance, row.entry);
        values![programme, row.account, row.kind, row.epoch, start, end, raw, balance, entry]
    })
    .await
}

/// Adds the batch's sums to those of its shard. `complete`: the batch is the last of a settlement,
/// and the row that this began with goes, if nothing changed there.
pub(crate) async fn add_windows(
    db: &mut dyn Connection,
    programme: &ProgrammeRow,
    batch: &SettlementBatch,
    complete: bool,
) -> Result<(), Fault> {
    let known: Vec<(ShardId, WindowRow)> = query(
        "SELECT * FROM settlement_window \
         WHERE programme = ? AND shard = ? AND window_start >= ? AND window_start < ? \
         ORDER BY window_start",
    )
    .bind(programme.key)
    .bind(batch.shard)
    .bind(batch.from)
    .bind(batch.to)
    .all(db)
    .await?;
    let known: Vec<_> = known.into_iter().map(|(_, row)| row).collect();
    let sums = sum_windows(&programme.programme, &known, &batch.windows)?;
    let sums: Vec<_> = sums.into_iter().map(|row| (batch.shard, row)).collect();
    let key = &["programme", "shard", "window_start"];
    let updates = &[
        "accounts",
        "raw",
        "first_block",
        "last_block",
        "reweighted",
        "holders",
        "balance",
        "weighted",
    ];
    let or_update = db.dialect().on_conflict(Conflict { key, updates });
    save_windows(db, programme.key, &sums, &or_update).await?;
    // Only now: until the settlement is complete, another batch may add to that row.
    if complete && let Some((shard, first)) = sums.first() {
        let before = row_before(db, programme.key, *shard, first.total.start).await?;
        if first.is_derived_from(&programme.programme, before.as_ref()) {
            query(
                "DELETE FROM settlement_window \
                 WHERE programme = ? AND shard = ? AND window_start = ?",
            )
            .bind(programme.key)
            .bind(*shard)
            .bind(first.total.start)
            .execute(db)
            .await?;
        }
    }
    Ok(())
}

async fn row_before(
    db: &mut dyn Connection,
    programme: u64,
    shard: ShardId,
    start: Timestamp,
) -> Result<Option<WindowRow>, Fault> {
    let row: Option<(ShardId, WindowRow)> = query(
        "SELECT * FROM settlement_window WHERE programme = ? AND shard = ? AND window_start < ? \
         ORDER BY window_start DESC LIMIT 1",
    )
    .bind(programme)
    .bind(shard)
    .bind(start)
    .one(db)
    .await?;
    Ok(row.map(|(_, row)| row))
}

pub(crate) async fn save_windows(
    db: &mut dyn Connection,
    programme: u64,
    rows: &[(ShardId, WindowRow)],
    or_else: &str,
) -> Result<(), Fault> {
    let insert = "INSERT INTO settlement_window \
                  (programme, shard, window_start, accounts, raw, first_block, last_block, \
                  reweighted, holders, balance, weighted)";
    // Settling adds to rows that are there; an import has none to meet, so `or_else` is the
    // caller's.
    bulk::write(db, insert, or_else, rows, |(shard, WindowRow { total, reweighted, closing })| {
        let (first, last) = total.blocks.unzip();
        let HoldingParts { holders, balance, weighted } = (*closing).into();
        values![
            programme,
            *shard,
            total.start,
            total.accounts,
            total.raw,
            first,
            last,
            *reweighted,
            holders,
            balance,
            weighted,
        ]
    })
    .await
}
