//! A shard's work, and a batch as far as it is read.

use super::{BatchSpan, Rules, Settled, Settling};
use crate::ports::{BatchFailure, HistoriesPage, ProgrammeState, SettlementBatch};
use crate::types::{Account, Overflow, ShardId, Window};

/// One shard's work over an interval of whole windows.
pub(super) struct Work<'a> {
    pub(super) state: &'a ProgrammeState,
    pub(super) shard: ShardId,
    pub(super) over: Window,
}

/// A batch as far as it is read.
pub(super) struct Reading<'a> {
    pub(super) settling: Result<Settling<'a>, Overflow>,
    pub(super) accounts: u64,
    pub(super) last: Option<Account>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(work: &Work<'a>) -> Self {
        let (programme, epoch) = (&work.state.programme, work.state.epoch);
        let settling = Settling::new(programme, epoch, work.over);
        Self { settling: Ok(settling), accounts: 0, last: None }
    }

    /// Reads on even if the batch cannot be computed: its failure must name its last account.
    pub(super) fn add(&mut self, page: &HistoriesPage, rules: &Rules) {
        for history in &page.histories {
            self.accounts += u64::from(self.last != Some(history.account));
            self.last = Some(history.account);
            if let Ok(settling) = &mut self.settling
                && let Err(overflow) = settling.add(history, rules.rule(history.account))
            {
                self.settling = Err(overflow);
            }
        }
    }
}

impl Work<'_> {
    pub(super) fn log_settled(&self, span: BatchSpan) {
        tracing::debug!(
            programme = %self.state.programme.id,
            epoch = self.state.epoch.get(),
            shard = self.shard.get(),
            from = self.over.start.get(),
            to = self.over.end.get(),
            after = span.after.map(tracing::field::display),
            "batch settled"
        );
    }

    pub(super) fn batch(&self, span: BatchSpan, settled: Settled) -> SettlementBatch {
        SettlementBatch {
            programme: self.state.programme.id.clone(),
            epoch: self.state.epoch,
            rates: self.state.programme.rates.clone(),
            version: self.state.version,
            shard: self.shard,
            from: self.over.start,
            to: self.over.end,
            span,
            earned: settled.earned,
            statements: settled.statements,
            windows: settled.windows,
        }
    }

    pub(super) fn failure(&self, span: BatchSpan, reason: String) -> BatchFailure {
        BatchFailure {
            programme: self.state.programme.id.clone(),
            epoch: self.state.epoch,
            shard: self.shard,
            from: self.over.start,
            to: self.over.end,
            span,
            attempts: 1,
            reason,
        }
    }
}
