//! Passes over a token or a chain, restarted when the ledger moves under them.

use super::{SettleReport, Settler, SettlerError};
use crate::moving::{Attempt, while_ledger_moves};
use crate::stop::Stop;
use crate::types::{ChainId, TokenId};

/// Attempts at a pass: when the ledger moves under it, it restarts at once.
const ATTEMPTS_MAX: usize = 6;

impl Settler {
    /// Calls [`Settler::settle_token`] for every token of a chain; `progress` receives the sum.
    ///
    /// A token that fails does not keep the others from being settled: all are tried, and the first
    /// error is returned.
    pub async fn settle_chain(
        &self,
        chain: ChainId,
        stop: &Stop,
        mut progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let mut sum = SettleReport::default();
        let mut outcome = Ok(());
        for token in self.balances.tokens(chain).await? {
            let add = |report: &SettleReport| progress(&sum.plus(report));
            match self.settle_token(token.spec.id, stop, add).await {
                Ok(report) => sum = sum.plus(&report),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome.map(|()| sum)
    }

    /// Calls [`Settler::run`], again and at once if the ledger moves under it, a bounded number of
    /// times. What was settled before it moved counts.
    pub async fn settle_token(
        &self,
        token: TokenId,
        stop: &Stop,
        progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let (before, last) = (SettleReport::default(), SettleReport::default());
        let pass = Pass { settler: self, token, stop, progress, before, last };
        while_ledger_moves(ATTEMPTS_MAX, SettlerError::is_conflict, pass).await
    }
}

/// A pass over a token, with the sums of the attempts before.
struct Pass<'a, P> {
    settler: &'a Settler,
    token: TokenId,
    stop: &'a Stop,
    progress: P,
    before: SettleReport,
    last: SettleReport,
}

impl<P: FnMut(&SettleReport) + Send> Attempt for Pass<'_, P> {
    type Output = SettleReport;
    type Error = SettlerError;

    async fn attempt(&mut self) -> Result<SettleReport, SettlerError> {
        // Every shard is visited again, and failed batches are tried again.
        self.before = SettleReport { shards: 0, failed: 0, ..self.last };
        let Self { settler, token, stop, progress, before, last } = self;
        let add = |report: &SettleReport| {
            *last = before.plus(report);
            progress(last);
        };
        let report = settler.run(*token, stop, add).await?;
        Ok(self.before.plus(&report))
    }
}

impl SettleReport {
    /// This run and another one.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            batches: self.batches + other.batches,
            accounts: self.accounts + other.accounts,
            statements: self.statements + other.statements,
            shards: self.shards + other.shards,
            failed: self.failed + other.failed,
            stopped: self.stopped || other.stopped,
        }
    }
}
