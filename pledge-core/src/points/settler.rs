//! Settles programmes within bounds: what is read, and how far a pass goes.

use std::sync::Arc;

use super::settlement::Settlement;
use super::work::Work;
use super::{BatchSpan, Rules, plan_target};
use crate::error::{StoreError, StoreErrorKind};
use crate::ports::{
    HistoriesPage, HistoriesPlace, HistoriesQuery, LedgerReads, PointsStore, ProgrammeState,
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
    pub(super) points: Arc<dyn PointsStore>,
    pub(super) config: SettlerConfig,
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
        progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let Some(ledger) = self.balances.token(token).await? else {
            return Ok(SettleReport::default());
        };
        let mut settlement = Settlement::new(self, stop, progress);
        for programme in self.points.programmes(token).await? {
            let shards = programme.shards.iter();
            for shard in shards.filter(|progress| self.share.owns(progress.shard)) {
                settlement.shard(&ledger, &programme, shard).await?;
                if settlement.report.stopped {
                    return Ok(settlement.report);
                }
                settlement.report.shards += 1;
            }
        }
        Ok(settlement.report)
    }

    /// Where a pass that starts at an instant ends: as far as windows are closed, unless that would
    /// be both more windows and more changes than a pass may have.
    pub(super) async fn target(
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

    /// The first page of a batch's histories; `None` if no account can be in it.
    pub(super) fn query(&self, work: &Work<'_>, span: BatchSpan) -> Option<HistoriesQuery> {
        let (first, last) = work.state.programme.shards.bounds(work.shard);
        Some(HistoriesQuery {
            token: work.state.programme.id.token,
            first: span.after.map_or(Some(first), Account::successor)?,
            last: span.through.map_or(last, Account::address),
            after: None,
            limit: self.config.batch_accounts_max.max(1),
            changes_max: self.config.batch_changes_max.max(1),
            from: work.over.start,
            to: work.over.end,
        })
    }

    pub(super) async fn read(
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

    /// How the accounts of a page earn. Entries may be newer than the programme was read: the store refuses
    /// the batch if one of them changes its time.
    pub(super) async fn rules(
        &self,
        work: &Work<'_>,
        page: &HistoriesPage,
    ) -> Result<Rules, SettlerError> {
        let mut entries = Vec::new();
        // Most programmes have no decisions, and settle without this read.
        if !work.state.version.is_start() {
            let accounts: Vec<_> = page.histories.iter().map(|history| history.account).collect();
            entries = self.points.entries(&work.state.programme.id, &accounts).await?;
        }
        Ok(Rules::of(work.state, entries)?)
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
