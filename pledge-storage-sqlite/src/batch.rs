//! Batches: what a settlement writes.

use std::collections::BTreeMap;

use pledge_core::event::Event;
use pledge_core::points::{BatchOutcome, BatchPlace};
use pledge_core::ports::{
    BatchFailure, SettlementBatch, ShardProgress, Statement, StatementKind, WindowTotal,
};
use pledge_core::types::{Account, ProgrammeId, RawPoints, ShardId, Timestamp};
use sqlx::SqliteConnection;

use crate::bulk;
use crate::error::Fault;
use crate::programmes::{require, save_shard, settled, shards_of};
use crate::registry::record;
use crate::row::{ProgrammeRow, Record, Sql};

pub(crate) async fn commit_batch(
    db: &mut SqliteConnection,
    batch: &SettlementBatch,
) -> Result<(), Fault> {
    let place = BatchPlace {
        programme: &batch.programme,
        epoch: batch.epoch,
        from: batch.from,
        to: batch.to,
        span: batch.span,
    };
    let before = Stand::of(db, place, batch.shard).await?;
    if let Some(detail) = batch.refuse_rates(&before.programme.programme) {
        return Err(Fault::conflict(detail));
    }
    check_contents(batch, &before.programme)?;
    let progress = before.advance(place, BatchOutcome::Done)?;
    let key = before.programme.key;
    add_earned(db, key, &batch.earned).await?;
    add_statements(db, key, &batch.statements).await?;
    add_windows(db, key, batch).await?;
    save_shard(db, key, &progress).await?;
    before.record_settled(db, progress).await
}

pub(crate) async fn record_failure(
    db: &mut SqliteConnection,
    failure: &BatchFailure,
) -> Result<(), Fault> {
    let place = BatchPlace {
        programme: &failure.programme,
        epoch: failure.epoch,
        from: failure.from,
        to: failure.to,
        span: failure.span,
    };
    let before = Stand::of(db, place, failure.shard).await?;
    let progress = before.advance(place, BatchOutcome::Failed(&failure.reason))?;
    save_shard(db, before.programme.key, &progress).await
}

pub(crate) async fn reset_failures(
    db: &mut SqliteConnection,
    programme: &ProgrammeId,
    window_start: Timestamp,
) -> Result<usize, Fault> {
    let (_, row) = require(db, programme).await?;
    let mut count = 0;
    for mut shard in shards_of(db, &row).await? {
        let failures = shard.run.iter_mut().flat_map(|run| &mut run.failures);
        let mut of_shard = 0;
        for failure in failures.filter(|failure| failure.covers(window_start)) {
            failure.attempts = 0;
            of_shard += 1;
        }
        if of_shard > 0 {
            save_shard(db, row.key, &shard).await?;
        }
        count += of_shard;
    }
    Ok(count)
}

/// Where a programme stands before a batch.
struct Stand {
    programme: ProgrammeRow,
    shards: Vec<ShardProgress>,
    first_edge: Timestamp,
    shard: usize,
}

impl Stand {
    /// Checks a batch against the ledger that it was computed from.
    async fn of(
        db: &mut SqliteConnection,
        batch: BatchPlace<'_>,
        shard: ShardId,
    ) -> Result<Self, Fault> {
        let (token, programme) = require(db, batch.programme).await?;
        let token = token.state;
        if token.epoch != batch.epoch {
            let (stands, assumed) = (token.epoch.get(), batch.epoch.get());
            let detail = format!("the ledger is at epoch {stands}, not {assumed}");
            return Err(Fault::conflict(detail));
        }
        let (Some(cursor), Some(started)) = (token.cursor, token.start_time) else {
            return Err(Fault::conflict("the token has no ledger yet"));
        };
        if batch.to > cursor.time {
            let (end, confirmed) = (batch.to, cursor.time);
            let detail = format!("window end {end} is not confirmed: {confirmed} is");
            return Err(Fault::conflict(detail));
        }
        let shards = shards_of(db, &programme).await?;
        let first_edge = programme.programme.window.floor(started);
        let shard = usize::from(shard.get());
        if shard >= shards.len() {
            return Err(Fault::invalid(format!("no shard {shard}")));
        }
        Ok(Self {
            programme,
            shards,
            first_edge,
            shard,
        })
    }

    fn advance(
        &self,
        batch: BatchPlace<'_>,
        outcome: BatchOutcome<'_>,
    ) -> Result<ShardProgress, Fault> {
        self.shards[self.shard]
            .advance(batch, self.first_edge, outcome)
            .map_err(Fault::conflict)
    }

    /// Tells that the programme's settled time moved, if this shard was the one that held it back.
    async fn record_settled(
        mut self,
        db: &mut SqliteConnection,
        progress: ShardProgress,
    ) -> Result<(), Fault> {
        let before = settled(&self.shards);
        self.shards[self.shard] = progress;
        match settled(&self.shards) {
            Some(settled) if before != Some(settled) => {
                let programme = self.programme.programme.id;
                record(db, &Event::Settled { programme, settled }).await
            }
            _ => Ok(()),
        }
    }
}

/// A batch writes nothing outside its accounts and windows.
fn check_contents(batch: &SettlementBatch, row: &ProgrammeRow) -> Result<(), Fault> {
    let shards = row.programme.shards;
    let windows = batch.from..batch.to;
    let owns =
        |account: Account| shards.shard_of(account) == batch.shard && batch.span.contains(account);
    let earned = batch.earned.iter();
    let statements = batch.statements.iter();
    let is_sound = earned
        .clone()
        .all(|(account, raw)| owns(*account) && *raw != RawPoints::ZERO)
        && statements.clone().all(|row| {
            owns(row.account)
                && windows.contains(&row.window.start)
                && row.epoch == batch.epoch
                && row.kind == StatementKind::Earned
        })
        && batch
            .windows
            .iter()
            .all(|total| windows.contains(&total.start));
    if is_sound {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "the batch of shard {} from {} to {} writes outside its accounts, windows or epoch",
        batch.shard.get(),
        batch.from,
        batch.to
    )))
}

async fn add_earned(
    db: &mut SqliteConnection,
    programme: i64,
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
    db: &mut SqliteConnection,
    programme: i64,
    accounts: &[Account],
) -> Result<BTreeMap<Account, RawPoints>, Fault> {
    let select = "SELECT account, raw FROM user_points WHERE programme = ? AND account IN";
    let rows: Vec<Record<(Account, RawPoints)>> =
        bulk::select(db, select, accounts, |params, accounts| {
            params.put(programme)?;
            for account in accounts {
                params.put(Sql(*account))?;
            }
            Ok(())
        })
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

pub(crate) async fn save_totals(
    db: &mut SqliteConnection,
    programme: i64,
    totals: &[(Account, RawPoints)],
) -> Result<(), Fault> {
    let insert = "INSERT INTO user_points (programme, account, raw)";
    let or_update = "ON CONFLICT (programme, account) DO UPDATE SET raw = excluded.raw";
    bulk::write(db, insert, or_update, totals, |params, (account, raw)| {
        params.put(programme)?.put(Sql(*account))?.put(Sql(*raw))?;
        Ok(())
    })
    .await
}

async fn add_statements(
    db: &mut SqliteConnection,
    programme: i64,
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
async fn add_windows(
    db: &mut SqliteConnection,
    programme: i64,
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
        sums.entry(total.start)
            .or_insert_with(|| WindowTotal::empty(total.start))
            .add(total)?;
    }
    let sums: Vec<_> = sums.into_values().collect();
    let insert = "INSERT INTO settlement_window \
                  (programme, window_start, shard, accounts, raw, first_block, last_block)";
    let or_update = "ON CONFLICT (programme, window_start, shard) DO UPDATE SET \
                     accounts = excluded.accounts, raw = excluded.raw, \
                     first_block = excluded.first_block, last_block = excluded.last_block";
    bulk::write(db, insert, or_update, &sums, |params, sum| {
        params
            .put(programme)?
            .put(Sql(sum.start))?
            .put(Sql(batch.shard))?
            .put(Sql(sum.accounts))?
            .put(Sql(sum.raw))?
            .put(sum.blocks.map(|(first, _)| Sql(first)))?
            .put(sum.blocks.map(|(_, last)| Sql(last)))?;
        Ok(())
    })
    .await
}
