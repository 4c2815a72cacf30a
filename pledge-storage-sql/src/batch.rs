//! Batches: what a settlement writes.

use pledge_core::audit::{Act, Attempts, Attribution};
use pledge_core::event::Event;
use pledge_core::points::{BatchOutcome, BatchPlace};
use pledge_core::ports::{BatchFailure, SettlementBatch, ShardProgress};
use pledge_core::types::{ProgrammeId, ShardId, Timestamp};

use crate::audit::attribute;
use crate::connection::Connection;
use crate::decision_log::require_read;
use crate::earnings::{add_earned, add_statements, add_windows};
use crate::events::record;
use crate::fault::Fault;
use crate::programmes::{lock, save_shard, settled, shards_of};
use crate::row::{ProgrammeRow, TokenRow};

pub(crate) async fn commit_batch(
    db: &mut dyn Connection,
    batch: &SettlementBatch,
) -> Result<(), Fault> {
    let place = batch.place();
    let before = Before::of(db, place, batch.shard).await?;
    let rule = &before.programme.programme;
    batch.check(rule).map_err(Fault::invalid)?;
    let owner = (&before.token, &before.programme);
    require_read(db, owner, (batch.version, batch.to)).await?;
    if let Some(detail) = batch.refuse_rates(rule) {
        return Err(Fault::conflict(detail));
    }
    let progress = before.advance(place, BatchOutcome::Done)?;
    let key = before.programme.key;
    add_earned(db, key, batch).await?;
    add_statements(db, key, &batch.statements).await?;
    add_windows(db, &before.programme, batch, progress.run.is_none()).await?;
    before.save(db, &progress).await?;
    before.record_settled(db, progress).await
}

pub(crate) async fn record_failure(
    db: &mut dyn Connection,
    failure: &BatchFailure,
) -> Result<(), Fault> {
    let place = failure.place();
    let before = Before::of(db, place, failure.shard).await?;
    let progress = before.advance(place, BatchOutcome::Failed(&failure.reason))?;
    before.save(db, &progress).await
}

pub(crate) async fn reset_failures(
    db: &mut dyn Connection,
    programme: &ProgrammeId,
    window_start: Timestamp,
    by: &Attribution,
) -> Result<usize, Fault> {
    // Under the lock, so that no attempt is counted between what is found and what is left.
    let (_, row) = lock(db, programme).await?;
    let (mut count, mut attempts) = (0, Attempts::default());
    for before in shards_of(db, &row).await? {
        let mut shard = before.clone();
        let failures = shard.run.iter_mut().flat_map(|run| &mut run.failures);
        let mut of_shard = 0;
        for failure in failures.filter(|failure| failure.covers(window_start)) {
            attempts.add(failure.attempts);
            failure.attempts = 0;
            of_shard += 1;
        }
        if of_shard > 0 {
            save_shard(db, row.key, &before, &shard).await?;
        }
        count += of_shard;
    }
    attribute(db, by, Act::retry(programme, window_start, attempts)).await?;
    Ok(count)
}

/// A programme and its progress before a batch.
struct Before {
    token: TokenRow,
    programme: ProgrammeRow,
    shards: Vec<ShardProgress>,
    first_edge: Timestamp,
    shard: usize,
}

impl Before {
    /// Checks a batch against the ledger that it was computed from.
    async fn of(
        db: &mut dyn Connection,
        batch: BatchPlace<'_>,
        shard: ShardId,
    ) -> Result<Self, Fault> {
        // The locks come first: what is checked here must hold until the transaction ends.
        let (token, programme) = lock(db, batch.programme).await?;
        let ledger = &token.state;
        if ledger.epoch != batch.epoch {
            let (current, assumed) = (ledger.epoch.get(), batch.epoch.get());
            let detail = format!("the ledger is at epoch {current}, not {assumed}");
            return Err(Fault::conflict(detail));
        }
        let (Some(cursor), Some(started)) = (ledger.cursor, ledger.start_time) else {
            return Err(Fault::conflict("the token has no ledger yet"));
        };
        if batch.over.end > cursor.time {
            let (end, confirmed) = (batch.over.end, cursor.time);
            let detail = format!("window end {end} is not confirmed: {confirmed} is");
            return Err(Fault::conflict(detail));
        }
        let window = programme.programme.window;
        if window.floor(batch.over.end) != batch.over.end {
            let detail = format!("{} is not the end of a window", batch.over.end);
            return Err(Fault::invalid(detail));
        }
        let shards = shards_of(db, &programme).await?;
        let first_edge = window.floor(started);
        let shard = usize::from(shard.get());
        if shard >= shards.len() {
            return Err(Fault::invalid(format!("no shard {shard}")));
        }
        Ok(Self { token, programme, shards, first_edge, shard })
    }

    fn advance(
        &self,
        batch: BatchPlace<'_>,
        outcome: BatchOutcome<'_>,
    ) -> Result<ShardProgress, Fault> {
        self.shards[self.shard].advance(batch, self.first_edge, outcome).map_err(Fault::conflict)
    }

    async fn save(&self, db: &mut dyn Connection, progress: &ShardProgress) -> Result<(), Fault> {
        save_shard(db, self.programme.key, &self.shards[self.shard], progress).await
    }

    /// Records that the programme's settled time moved, if this shard was the one that held it
    /// back.
    async fn record_settled(
        mut self,
        db: &mut dyn Connection,
        progress: ShardProgress,
    ) -> Result<(), Fault> {
        let before = settled(&self.shards);
        self.shards[self.shard] = progress;
        match settled(&self.shards) {
            Some(settled) if before != Some(settled) => {
                let programme = self.programme.programme.id;
                record(db, Event::Settled { programme, settled }).await
            }
            _ => Ok(()),
        }
    }
}
