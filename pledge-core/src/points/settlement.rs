//! The driver of one settlement: plan, read a batch, settle it, commit, check for a stop.

use super::work::{Reading, Work};
use super::{BatchSpan, SettleReport, Settler, SettlerError, Settling};
use crate::error::{StoreError, StoreErrorKind};
use crate::ledger::TokenState;
use crate::ports::{
    BatchFailure, HistoriesPlace, HistoriesQuery, ProgrammeState, ShardProgress, ShardRun,
};
use crate::stop::Stop;
use crate::types::{Account, Window};

/// One run of a settler: the value that goes through all its calls.
pub(super) struct Settlement<'a, P> {
    settler: &'a Settler,
    stop: &'a Stop,
    progress: P,
    pub(super) report: SettleReport,
}

impl<'a, P: FnMut(&SettleReport) + Send> Settlement<'a, P> {
    pub(super) fn new(settler: &'a Settler, stop: &'a Stop, progress: P) -> Self {
        Self { settler, stop, progress, report: SettleReport::default() }
    }

    /// Settles one shard up to the last closed window, pass by pass.
    pub(super) async fn shard(
        &mut self,
        ledger: &TokenState,
        state: &ProgrammeState,
        shard: &ShardProgress,
    ) -> Result<(), SettlerError> {
        let (Some(cursor), Some(start)) = (ledger.cursor, ledger.start_time) else {
            return Ok(());
        };
        let window = state.programme.window;
        let mut from = shard.settled.unwrap_or_else(|| window.floor(start));
        let mut run = shard.run.clone();
        loop {
            // A run under way keeps its end, even if more windows are closed by now: its batches
            // cover exactly its own windows.
            let to = match run.as_ref().map(|run| run.to) {
                Some(to) => Some(to),
                None => self.settler.target(state, from, cursor.time).await?,
            };
            let Some(to) = to else {
                return Ok(());
            };
            let work = Work { state, shard: shard.shard, over: Window { start: from, end: to } };
            match self.pass(&work, run.as_ref()).await? {
                Some(0) => (from, run) = (to, None),
                Some(_) => return Ok(()),
                None => {
                    self.report.stopped = true;
                    return Ok(());
                }
            }
        }
    }

    /// One pass over a shard's accounts: first the batches that failed in `run`, then the accounts
    /// it has not reached. Returns the number of batches that wait for another attempt, `None` if
    /// it was stopped.
    async fn pass(
        &mut self,
        work: &Work<'_>,
        run: Option<&ShardRun>,
    ) -> Result<Option<u64>, SettlerError> {
        let mut failed = 0;
        // Each batch is committed on its own, so a stop between two of them loses nothing.
        for failure in run.map_or(&[][..], |run| &run.failures) {
            if self.stop.is_requested() {
                return Ok(None);
            }
            failed += u64::from(!self.retry(work, failure).await?);
            (self.progress)(&self.report);
        }
        let mut scanned = run.is_some_and(|run| run.scanned);
        let mut after = run.and_then(|run| run.through);
        while !scanned {
            if self.stop.is_requested() {
                return Ok(None);
            }
            let (span, settled) = self.next_batch(work, after).await?;
            failed += u64::from(!settled);
            (after, scanned) = (span.through, span.through.is_none());
            (self.progress)(&self.report);
        }
        Ok(Some(failed))
    }

    /// Settles the accounts after `after`; `false` if the batch failed and was recorded.
    async fn next_batch(
        &mut self,
        work: &Work<'_>,
        after: Option<Account>,
    ) -> Result<(BatchSpan, bool), SettlerError> {
        let Some(mut query) = self.settler.query(work, BatchSpan { after, through: None }) else {
            let span = BatchSpan { after, through: None };
            return Ok((span, self.settle_batch(work, span, Reading::of(work)).await?));
        };
        let mut reading = Reading::of(work);
        let through = loop {
            let page = self.settler.read(work, &query).await?;
            reading.add(&page, &self.settler.rules(work, &page).await?);
            match page.next {
                None if query.last == query.first => break reading.last,
                None => break None,
                // The account that the page ended in is read to its end; the next account begins a
                // batch.
                Some(HistoriesPlace { first, after: after @ Some(_) }) => {
                    (query.first, query.last, query.after) = (first, first, after);
                }
                Some(_) => break reading.last,
            }
        };
        let span = BatchSpan { after, through };
        let settled = self.settle_batch(work, span, reading).await?;
        Ok((span, settled))
    }

    /// Another attempt at a failed batch; `false` if it failed again or is not tried any more.
    async fn retry(
        &mut self,
        work: &Work<'_>,
        failure: &BatchFailure,
    ) -> Result<bool, SettlerError> {
        if failure.attempts >= self.settler.config.attempts_max {
            return Ok(false);
        }
        let span = failure.span;
        let mut reading = Reading::of(work);
        let mut next = self.settler.query(work, span);
        while let Some(query) = next {
            let page = self.settler.read(work, &query).await?;
            reading.add(&page, &self.settler.rules(work, &page).await?);
            let go_on = |place: HistoriesPlace| HistoriesQuery {
                first: place.first,
                after: place.after,
                ..query
            };
            next = page.next.map(go_on);
        }
        self.settle_batch(work, span, reading).await
    }

    /// Commits a batch. A batch that fails for good is recorded, so that the rest goes on.
    async fn settle_batch(
        &mut self,
        work: &Work<'_>,
        span: BatchSpan,
        reading: Reading<'_>,
    ) -> Result<bool, SettlerError> {
        let programme = &work.state.programme;
        let accounts = reading.accounts;
        let settled = reading.settling.and_then(Settling::finish);
        // A batch that cannot be computed, or that the store rejects, fails alone. Any other error
        // ends the run, because the next batch would meet it too.
        let reason = match settled {
            Ok(settled) => {
                let statements = settled.statements.len() as u64;
                match self.settler.points.commit_batch(&work.batch(span, settled)).await {
                    Ok(()) => {
                        work.log_settled(span);
                        self.report.batches += 1;
                        self.report.accounts += accounts;
                        self.report.statements += statements;
                        return Ok(true);
                    }
                    Err(e) if is_failure_of_batch(&e) => e.to_string(),
                    Err(e) => return Err(e.into()),
                }
            }
            Err(overflow) => overflow.to_string(),
        };
        tracing::error!(programme = %programme.id, shard = work.shard.get(), reason, "batch failed");
        self.settler.points.record_failure(&work.failure(span, reason)).await?;
        self.report.failed += 1;
        Ok(false)
    }
}

/// Whether a failure concerns this batch alone, so that the others may go on.
const fn is_failure_of_batch(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Corrupt | StoreErrorKind::Invalid)
}
