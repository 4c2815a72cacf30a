//! How a shard advances and goes back: decided here once, written by every store.

use std::collections::BTreeMap;

use super::BatchSpan;
use crate::ports::{BatchFailure, SettlementBatch, ShardProgress, ShardRun};
use crate::types::{Account, Epoch, Overflow, ProgrammeId, RawPoints, ShardId, Timestamp, Window};

/// The outcome of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchOutcome<'a> {
    /// Settled, and written with this progress.
    Done,
    /// Not settled, for a reason; the rest of the shard goes on.
    Failed(&'a str),
}

/// A batch's place in its shard: the input of [`ShardProgress::advance`].
#[derive(Debug, Clone, Copy)]
pub struct BatchPlace<'a> {
    /// Programme of the batch.
    pub programme: &'a ProgrammeId,
    /// The epoch of the ledger it read.
    pub epoch: Epoch,
    /// The windows that it settles.
    pub over: Window,
    /// Accounts of the batch.
    pub span: BatchSpan,
}

impl SettlementBatch {
    /// The batch's place, for [`ShardProgress::advance`].
    pub const fn place(&self) -> BatchPlace<'_> {
        let Self { programme, epoch, from, to, span, .. } = self;
        let over = Window { start: *from, end: *to };
        BatchPlace { programme, epoch: *epoch, over, span: *span }
    }

    /// What the totals of the accounts that earned become, given those that have one before.
    pub fn totals(
        &self,
        before: &BTreeMap<Account, RawPoints>,
    ) -> Result<BTreeMap<Account, RawPoints>, Overflow> {
        let mut totals = BTreeMap::new();
        for (account, earned) in &self.earned {
            let before = || before.get(account).copied().unwrap_or_default();
            let total = totals.entry(*account).or_insert_with(before);
            *total = total.try_add(*earned)?;
        }
        Ok(totals)
    }
}

impl BatchFailure {
    /// The failed batch's place, for [`ShardProgress::advance`].
    pub const fn place(&self) -> BatchPlace<'_> {
        let Self { programme, epoch, from, to, span, .. } = self;
        let over = Window { start: *from, end: *to };
        BatchPlace { programme, epoch: *epoch, over, span: *span }
    }
}

impl ShardProgress {
    /// A shard of which nothing is settled.
    pub const fn fresh(shard: ShardId) -> Self {
        Self { shard, settled: None, run: None, published: None }
    }

    /// The progress after a batch, or why the batch does not continue the shard.
    ///
    /// `first_edge` is the start of the programme's first window. A batch is either the next of its
    /// shard or another attempt at a failed one.
    pub fn advance(
        &self,
        batch: BatchPlace<'_>,
        first_edge: Timestamp,
        outcome: BatchOutcome<'_>,
    ) -> Result<Self, String> {
        let mut run = self.run_of(batch, first_edge)?;
        let known = run.failures.iter().position(|failure| failure.span == batch.span);
        // Only the next batch in order moves `through`: after a gap no later batch would visit the
        // accounts in it.
        match (known, outcome) {
            (Some(at), BatchOutcome::Done) => {
                run.failures.remove(at);
            }
            (Some(at), BatchOutcome::Failed(reason)) => {
                let failure = &mut run.failures[at];
                failure.attempts = failure.attempts.saturating_add(1);
                reason.clone_into(&mut failure.reason);
            }
            (None, _) if batch.span.is_backwards() => {
                return Err("the batch ends before it begins".to_owned());
            }
            (None, _) if run.scanned || run.through != batch.span.after => {
                return Err(format!("shard {} is not before this batch", self.shard.get()));
            }
            (None, outcome) => {
                run.through = batch.span.through.or(run.through);
                run.scanned = batch.span.through.is_none();
                if let BatchOutcome::Failed(reason) = outcome {
                    run.failures.push(self.failure(batch, reason));
                }
            }
        }
        let complete = run.scanned && run.failures.is_empty();
        let (settled, run) =
            if complete { (Some(run.to), None) } else { (self.settled, Some(run)) };
        let published = self.published.filter(|published| settled < Some(*published));
        Ok(Self { shard: self.shard, settled, run, published })
    }

    fn run_of(&self, batch: BatchPlace<'_>, first_edge: Timestamp) -> Result<ShardRun, String> {
        let place = |over: Window| format!("{} to {}", over.start, over.end);
        let over = batch.over;
        match &self.run {
            Some(run) if run.over() == over => Ok(run.clone()),
            Some(run) => Err(format!(
                "shard {} is settling {}, not {}",
                self.shard.get(),
                place(run.over()),
                place(over)
            )),
            None if over.start == self.settled.unwrap_or(first_edge) && over.start < over.end => {
                let Window { start: from, end: to } = over;
                Ok(ShardRun { from, to, through: None, scanned: false, failures: Vec::new() })
            }
            None => Err(format!("shard {} is not at {}", self.shard.get(), place(over))),
        }
    }

    fn failure(&self, batch: BatchPlace<'_>, reason: &str) -> BatchFailure {
        BatchFailure {
            programme: batch.programme.clone(),
            epoch: batch.epoch,
            shard: self.shard,
            from: batch.over.start,
            to: batch.over.end,
            span: batch.span,
            attempts: 1,
            reason: reason.to_owned(),
        }
    }

    /// The end of what is settled or under way; `None` before the first run.
    pub fn reached(&self) -> Option<Timestamp> {
        self.run.as_ref().map(|run| run.to).max(self.settled)
    }

    /// The end of what is, or before a rewind was, settled or under way: a rate before it cannot
    /// change.
    pub fn published(&self) -> Option<Timestamp> {
        self.reached().max(self.published)
    }

    /// How far one account of the shard is settled; `None` before its first window.
    pub fn settled_of(&self, account: Account) -> Option<Timestamp> {
        match &self.run {
            Some(run) if run.has_settled(account) => Some(run.to),
            _ => self.settled,
        }
    }

    /// The progress after a rewind; `None` if the rewind affects nothing that is settled.
    ///
    /// `cut` is the last window edge at or before the ancestor's time, `None` if the token has no
    /// ledger left. Windows that end after it are open again.
    pub fn rewound(&self, cut: Option<Timestamp>, first_edge: Timestamp) -> Option<Self> {
        let cut = cut.filter(|cut| *cut > first_edge);
        if self.reached() <= cut {
            return None;
        }
        let settled = self.settled.zip(cut).map(|(settled, cut)| settled.min(cut));
        Some(Self { shard: self.shard, settled, run: None, published: self.published() })
    }
}

impl ShardRun {
    /// The windows that it settles.
    pub const fn over(&self) -> Window {
        Window { start: self.from, end: self.to }
    }

    fn has_settled(&self, account: Account) -> bool {
        let reached = self.scanned || self.through.is_some_and(|through| account <= through);
        reached && !self.failures.iter().any(|failure| failure.span.contains(account))
    }
}

impl BatchSpan {
    fn is_backwards(&self) -> bool {
        self.after.zip(self.through).is_some_and(|(after, through)| through <= after)
    }

    /// Whether an account of the shard is in the span.
    pub fn contains(&self, account: Account) -> bool {
        self.after.is_none_or(|after| account > after)
            && self.through.is_none_or(|through| account <= through)
    }
}
