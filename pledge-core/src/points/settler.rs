//! The driver of settlements: plan, read a batch, settle it, commit, check for a stop.

use std::sync::Arc;

use super::work::{Reading, Work};
use super::{BatchSpan, Settling, plan_target};
use crate::error::{StoreError, StoreErrorKind};
use crate::ledger::TokenState;
use crate::ports::{
    BatchFailure, HistoriesPage, HistoriesPlace, HistoriesQuery, LedgerReads, PointsStore,
    ProgrammeState, ShardProgress, ShardRun,
};
use crate::sharing::ShardAssignment;
use crate::stop::Stop;
use crate::types::{Account, Epoch, Timestamp, TokenId};

/// The bounds of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlerConfig {
    /// Accounts in one batch: one atomic write.
    pub batch_accounts_max: usize,
    /// Changes in one batch, and held in memory at a time. A batch with an account that has more
    /// changes ends with that account.
    pub batch_changes_max: usize,
    /// Windows settled in one pass over the accounts; more of them while the token has fewer
    /// changes in them than a batch may have.
    pub windows_max: u32,
    /// How often a failed batch is tried before it waits for an operator.
    pub attempts_max: u32,
}

impl Default for SettlerConfig {
    fn default() -> Self {
        Self {
            batch_accounts_max: 1_000,
            batch_changes_max: 20_000,
            windows_max: 744,
            attempts_max: 5,
        }
    }
}

/// Why a settlement stopped early. Committed batches stay, and the next run continues from there.
#[derive(Debug, thiserror::Error)]
pub enum SettlerError {
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl SettlerError {
    /// Whether the ledger was rewound meanwhile, or another instance settles too: run again.
    pub const fn is_conflict(&self) -> bool {
        let Self::Store(error) = self;
        matches!(error.kind(), StoreErrorKind::Conflict)
    }
}

/// What a run of the settler did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettleReport {
    /// The number of batches committed.
    pub batches: u64,
    /// The number of accounts in those batches.
    pub accounts: u64,
    /// The number of statement rows written.
    pub statements: u64,
    /// The number of shards of which every batch was tried.
    pub shards: u64,
    /// The number of batches that failed in this run.
    pub failed: u64,
    /// Whether a stop came before everything closed was settled.
    pub stopped: bool,
}

/// Settles the closed windows of programmes. Holds no state: everything is in the store, so a run
/// may end at any instant, and another instance may continue.
#[derive(Debug, Clone)]
pub struct Settler {
    pub(super) balances: Arc<dyn LedgerReads>,
    points: Arc<dyn PointsStore>,
    config: SettlerConfig,
    share: ShardAssignment,
}

impl Settler {
    /// A settler over the ports of one store: it reads the ledger, and writes points.
    pub fn new(
        balances: Arc<dyn LedgerReads>,
        points: Arc<dyn PointsStore>,
        config: SettlerConfig,
    ) -> Self {
        Self { balances, points, config, share: ShardAssignment::ALL }
    }

    /// With the shards of one instance only; the others belong to other instances.
    #[must_use]
    pub fn of_shards(self, share: ShardAssignment) -> Self {
        Self { share, ..self }
    }

    /// Settles every closed window of a token, in every programme, shard by shard.
    ///
    /// Windows close by the time of the token's newest confirmed block. After each batch `progress`
    /// is called and `stop` is checked. A `Conflict` means that the ledger was rewound or another
    /// instance settles too: run again.
    pub async fn run(
        &self,
        token: TokenId,
        stop: &Stop,
        mut progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let mut report = SettleReport::default();
        let Some(ledger) = self.balances.token(token).await? else {
            return Ok(report);
        };
        for programme in self.points.programmes(token).await? {
            let shards = programme.shards.iter();
            for shard in shards.filter(|progress| self.share.owns(progress.shard)) {
                self.run_shard(&ledger, &programme, shard, stop, &mut report, &mut progress)
                    .await?;
                if report.stopped {
                    return Ok(report);
                }
                report.shards += 1;
            }
        }
        Ok(report)
    }

    /// Settles one shard up to the last closed window, pass by pass.
    async fn run_shard(
        &self,
        ledger: &TokenState,
        state: &ProgrammeState,
        shard: &ShardProgress,
        stop: &Stop,
        report: &mut SettleReport,
        progress: &mut (impl FnMut(&SettleReport) + Send),
    ) -> Result<(), SettlerError> {
        let (Some(cursor), Some(start)) = (ledger.cursor, ledger.start_time) else {
            return Ok(());
        };
        let window = state.programme.window;
        let token = ledger.spec.id;
        let mut from = shard.settled.unwrap_or_else(|| window.floor(start));
        let mut run = shard.run.clone();
        loop {
            // A run under way keeps its end, even if more windows are closed by now: its batches
            // cover exactly its own windows.
            let to = match run.as_ref().map(|run| run.to) {
                Some(to) => Some(to),
                None => self.target(state, from, cursor.time).await?,
            };
            let Some(to) = to else {
                return Ok(());
            };
            let work = Work { state, token, shard: shard.shard, from, to };
            match self.pass(&work, run.as_ref(), stop, report, progress).await? {
                Some(0) => (from, run) = (to, None),
                Some(_) => return Ok(()),
                None => {
                    report.stopped = true;
                    return Ok(());
                }
            }
        }
    }

    /// One pass over a shard's accounts: first the batches that failed in `run`, then the accounts
    /// it has not reached. Returns the number of batches that wait for another attempt, `None` if
    /// it was stopped.
    async fn pass(
        &self,
        work: &Work<'_>,
        run: Option<&ShardRun>,
        stop: &Stop,
        report: &mut SettleReport,
        progress: &mut (impl FnMut(&SettleReport) + Send),
    ) -> Result<Option<u64>, SettlerError> {
        let mut failed = 0;
        // Each batch is committed on its own, so a stop between two of them loses nothing.
        for failure in run.map_or(&[][..], |run| &run.failures) {
            if stop.is_requested() {
                return Ok(None);
            }
            failed += u64::from(!self.retry(work, failure, report).await?);
            progress(report);
        }
        let mut scanned = run.is_some_and(|run| run.scanned);
        let mut after = run.and_then(|run| run.through);
        while !scanned {
            if stop.is_requested() {
                return Ok(None);
            }
            let (span, settled) = self.next_batch(work, after, report).await?;
            failed += u64::from(!settled);
            (after, scanned) = (span.through, span.through.is_none());
            progress(report);
        }
        Ok(Some(failed))
    }

    /// Where a pass that starts at an instant ends: as far as windows are closed, unless that would
    /// be both more windows and more changes than a pass may have.
    async fn target(
        &self,
        state: &ProgrammeState,
        from: Timestamp,
        confirmed: Timestamp,
    ) -> Result<Option<Timestamp>, SettlerError> {
        let window = state.programme.window;
        let target = plan_target(window, from, confirmed, self.config.windows_max);
        let closed = plan_target(window, from, confirmed, u32::MAX);
        if target == closed {
            return Ok(target);
        }
        let (token, number) = (state.programme.id.token, self.config.batch_changes_max.max(1));
        let seen = self.balances.change_time(token, from, number).await?;
        require_epoch(state, seen.epoch)?;
        let few = seen.value.map_or(closed, |time| closed.min(Some(window.floor(time))));
        Ok(target.max(few))
    }

    /// Settles the accounts after `after`; `false` if the batch failed and was recorded.
    async fn next_batch(
        &self,
        work: &Work<'_>,
        after: Option<Account>,
        report: &mut SettleReport,
    ) -> Result<(BatchSpan, bool), SettlerError> {
        let Some(mut query) = self.query(work, BatchSpan { after, through: None }) else {
            let span = BatchSpan { after, through: None };
            return Ok((span, self.settle_batch(work, span, Reading::of(work), report).await?));
        };
        let mut reading = Reading::of(work);
        let through = loop {
            let page = self.read(work, &query).await?;
            reading.add(&page);
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
        let settled = self.settle_batch(work, span, reading, report).await?;
        Ok((span, settled))
    }

    /// Another attempt at a failed batch; `false` if it failed again or is not tried any more.
    async fn retry(
        &self,
        work: &Work<'_>,
        failure: &BatchFailure,
        report: &mut SettleReport,
    ) -> Result<bool, SettlerError> {
        if failure.attempts >= self.config.attempts_max {
            return Ok(false);
        }
        let span = failure.span;
        let mut reading = Reading::of(work);
        let mut next = self.query(work, span);
        while let Some(query) = next {
            let page = self.read(work, &query).await?;
            reading.add(&page);
            let go_on = |place: HistoriesPlace| HistoriesQuery {
                first: place.first,
                after: place.after,
                ..query
            };
            next = page.next.map(go_on);
        }
        self.settle_batch(work, span, reading, report).await
    }

    /// The first page of a batch's histories; `None` if no account can be in it.
    fn query(&self, work: &Work<'_>, span: BatchSpan) -> Option<HistoriesQuery> {
        let (first, last) = work.state.programme.shards.bounds(work.shard);
        Some(HistoriesQuery {
            token: work.token,
            first: span.after.map_or(Some(first), Account::successor)?,
            last: span.through.map_or(last, Account::address),
            after: None,
            limit: self.config.batch_accounts_max.max(1),
            changes_max: self.config.batch_changes_max.max(1),
            from: work.from,
            to: work.to,
        })
    }

    async fn read(
        &self,
        work: &Work<'_>,
        query: &HistoriesQuery,
    ) -> Result<HistoriesPage, SettlerError> {
        let seen = self.balances.histories(query).await?;
        require_epoch(work.state, seen.epoch)?;
        let place = HistoriesPlace { first: query.first, after: query.after };
        if seen.value.next.is_some_and(|next| next <= place) {
            return Err(out_of_order(work, place).into());
        }
        Ok(seen.value)
    }

    /// Commits a batch. A batch that fails for good is recorded, so that the rest goes on.
    async fn settle_batch(
        &self,
        work: &Work<'_>,
        span: BatchSpan,
        reading: Reading<'_>,
        report: &mut SettleReport,
    ) -> Result<bool, SettlerError> {
        let programme = &work.state.programme;
        let accounts = reading.accounts;
        let settled = reading.settling.and_then(Settling::finish);
        // A batch that cannot be computed, or that the store rejects, fails alone. Any other error
        // ends the run, because the next batch would meet it too.
        let reason = match settled {
            Ok(settled) => {
                let statements = settled.statements.len() as u64;
                match self.points.commit_batch(&work.batch(span, settled)).await {
                    Ok(()) => {
                        work.log_settled(span);
                        report.batches += 1;
                        report.accounts += accounts;
                        report.statements += statements;
                        return Ok(true);
                    }
                    Err(e) if is_failure_of_batch(&e) => e.to_string(),
                    Err(e) => return Err(e.into()),
                }
            }
            Err(overflow) => overflow.to_string(),
        };
        tracing::error!(programme = %programme.id, shard = work.shard.get(), reason, "batch failed");
        self.points.record_failure(&work.failure(span, reason)).await?;
        report.failed += 1;
        Ok(false)
    }
}

fn require_epoch(state: &ProgrammeState, seen: Epoch) -> Result<(), StoreError> {
    if seen == state.epoch {
        return Ok(());
    }
    Err(StoreError::conflict("read histories", "the ledger was rewound meanwhile"))
}

fn out_of_order(work: &Work<'_>, place: HistoriesPlace) -> StoreError {
    let (programme, shard, first) = (&work.state.programme.id, work.shard.get(), place.first);
    let detail = format!(
        "shard {shard} of programme {programme} gave a page of accounts from {first} on that goes on \
         before it"
    );
    StoreError::corrupt("read histories", detail)
}

/// Whether a failure concerns this batch alone, so that the others may go on.
const fn is_failure_of_batch(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Corrupt | StoreErrorKind::Invalid)
}
