//! The driver of settlements: plan, read a batch, settle it, commit, ask whether to stop.

use std::sync::Arc;

use super::{BatchSpan, Settled, plan_target, settle};
use crate::error::{StoreError, StoreErrorKind};
use crate::ledger::TokenState;
use crate::ports::{
    AccountHistory, BalanceStore, BatchFailure, HistoriesQuery, PointsStore, ProgrammeState,
    SettlementBatch, ShardProgress, ShardRun,
};
use crate::sharing::ShardShare;
use crate::stop::Stop;
use crate::types::{Account, Overflow, ShardId, Timestamp, TokenId};

/// The bounds of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlerConfig {
    /// Accounts in one batch: one atomic write.
    pub batch_accounts_max: usize,
    /// Windows settled in one pass over the accounts.
    pub windows_max: u32,
    /// How often a failed batch is tried before it waits for a person.
    pub attempts_max: u32,
}

impl Default for SettlerConfig {
    fn default() -> Self {
        Self { batch_accounts_max: 1_000, windows_max: 744, attempts_max: 5 }
    }
}

/// Why a settlement stopped early. What is committed stays, and the next run goes on from there.
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
    /// Batches committed.
    pub batches: u64,
    /// Accounts in them.
    pub accounts: u64,
    /// Statements written.
    pub statements: u64,
    /// Shards of which every batch was tried.
    pub shards: u64,
    /// Batches that failed in this run.
    pub failed: u64,
    /// Whether it was asked to stop before everything closed was settled.
    pub stopped: bool,
}

/// Settles the closed windows of programmes. Holds no state: everything is in the store, so a run
/// may end at any instant, and another instance may go on.
#[derive(Debug, Clone)]
pub struct Settler {
    pub(super) balances: Arc<dyn BalanceStore>,
    points: Arc<dyn PointsStore>,
    config: SettlerConfig,
    share: ShardShare,
}

/// One shard's work: where it stands and where it goes.
struct Work<'a> {
    state: &'a ProgrammeState,
    token: TokenId,
    shard: ShardId,
    from: Timestamp,
    to: Timestamp,
}

impl Settler {
    /// A settler over two ports of one store.
    pub fn new(
        balances: Arc<dyn BalanceStore>,
        points: Arc<dyn PointsStore>,
        config: SettlerConfig,
    ) -> Self {
        Self { balances, points, config, share: ShardShare::ALL }
    }

    /// Leaves the other shards to other instances.
    #[must_use]
    pub fn of_shards(self, share: ShardShare) -> Self {
        Self { share, ..self }
    }

    /// Settles every window of a token that is closed, in every programme, shard by shard.
    ///
    /// Windows close by the time of the token's newest confirmed block. After each batch `stop` is
    /// asked, and `progress` told. A `Conflict` means that the ledger was rewound or another
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

    /// Settles one shard up to the last closed window, in passes of at most `windows_max` windows.
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
            let planned = run.as_ref().map(|run| run.to);
            let target = plan_target(window, from, cursor.time, self.config.windows_max);
            let Some(to) = planned.or(target) else {
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

    /// One pass over a shard's accounts: what failed in `run` before, then what it has not reached.
    /// Answers how many batches wait for another attempt, `None` if it was asked to stop.
    async fn pass(
        &self,
        work: &Work<'_>,
        run: Option<&ShardRun>,
        stop: &Stop,
        report: &mut SettleReport,
        progress: &mut (impl FnMut(&SettleReport) + Send),
    ) -> Result<Option<u64>, SettlerError> {
        let mut failed = 0;
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
            if span.through.is_some_and(|through| Some(through) <= after) {
                return Err(out_of_order(work, span).into());
            }
            failed += u64::from(!settled);
            (after, scanned) = (span.through, span.through.is_none());
            progress(report);
        }
        Ok(Some(failed))
    }

    /// Settles the accounts after `after`; `false` if the batch failed and was recorded.
    async fn next_batch(
        &self,
        work: &Work<'_>,
        after: Option<Account>,
        report: &mut SettleReport,
    ) -> Result<(BatchSpan, bool), SettlerError> {
        let limit = self.config.batch_accounts_max.max(1);
        let histories = self.read(work, after, None, limit).await?;
        let full = histories.len() >= limit;
        let through = histories.last().map(|last| last.account).filter(|_| full);
        let span = BatchSpan { after, through };
        let settled = self.settle_batch(work, span, &histories, report).await?;
        Ok((span, settled))
    }

    /// Another attempt at a failed batch; `false` if it is still failed.
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
        let histories = self.read(work, span.after, span.through, usize::MAX).await?;
        self.settle_batch(work, span, &histories, report).await
    }

    async fn read(
        &self,
        work: &Work<'_>,
        after: Option<Account>,
        through: Option<Account>,
        limit: usize,
    ) -> Result<Vec<AccountHistory>, SettlerError> {
        let (first, last) = work.state.programme.shards.bounds(work.shard);
        let Some(first) = after.map_or(Some(first), Account::successor) else {
            return Ok(Vec::new());
        };
        let query = HistoriesQuery {
            token: work.token,
            first,
            last: through.map_or(last, Account::address),
            limit,
            from: work.from,
            to: work.to,
        };
        let seen = self.balances.histories(&query).await?;
        if seen.epoch != work.state.epoch {
            let detail = "the ledger was rewound meanwhile";
            return Err(StoreError::conflict("read histories", detail).into());
        }
        Ok(seen.value)
    }

    /// Computes and commits a batch. What fails for good is recorded, so that the rest goes on.
    async fn settle_batch(
        &self,
        work: &Work<'_>,
        span: BatchSpan,
        histories: &[AccountHistory],
        report: &mut SettleReport,
    ) -> Result<bool, SettlerError> {
        let (programme, epoch) = (&work.state.programme, work.state.epoch);
        let reason = match settle(programme, epoch, work.from, work.to, histories) {
            Ok(settled) => {
                let statements = settled.statements.len() as u64;
                match self.points.commit_batch(&work.batch(span, settled)).await {
                    Ok(()) => {
                        work.log_settled(span);
                        report.batches += 1;
                        report.accounts += histories.len() as u64;
                        report.statements += statements;
                        return Ok(true);
                    }
                    Err(e) if is_failure_of_batch(&e) => e.to_string(),
                    Err(e) => return Err(e.into()),
                }
            }
            Err(overflow @ Overflow(_)) => overflow.to_string(),
        };
        tracing::error!(programme = %programme.id, shard = work.shard.get(), reason, "batch failed");
        self.points.record_failure(&work.failure(span, reason)).await?;
        report.failed += 1;
        Ok(false)
    }
}

impl Work<'_> {
    fn log_settled(&self, span: BatchSpan) {
        tracing::debug!(
            programme = %self.state.programme.id,
            epoch = self.state.epoch.get(),
            shard = self.shard.get(),
            from = self.from.get(),
            to = self.to.get(),
            after = span.after.map(tracing::field::display),
            "batch settled"
        );
    }

    fn batch(&self, span: BatchSpan, settled: Settled) -> SettlementBatch {
        SettlementBatch {
            programme: self.state.programme.id.clone(),
            epoch: self.state.epoch,
            rates: self.state.programme.rates.clone(),
            shard: self.shard,
            from: self.from,
            to: self.to,
            span,
            earned: settled.earned,
            statements: settled.statements,
            windows: settled.windows,
        }
    }

    fn failure(&self, span: BatchSpan, reason: String) -> BatchFailure {
        BatchFailure {
            programme: self.state.programme.id.clone(),
            epoch: self.state.epoch,
            shard: self.shard,
            from: self.from,
            to: self.to,
            span,
            attempts: 1,
            reason,
        }
    }
}

fn out_of_order(work: &Work<'_>, span: BatchSpan) -> StoreError {
    let (programme, shard) = (&work.state.programme.id, work.shard.get());
    let detail = format!(
        "shard {shard} of programme {programme} gave accounts again that come before the end of the \
         batch {span:?}"
    );
    StoreError::corrupt("read histories", detail)
}

/// Trouble with this batch alone; the others may go on.
const fn is_failure_of_batch(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Corrupt | StoreErrorKind::Invalid)
}
