//! Passes over a token or a chain, restarted when the ledger moves under them.

use super::{SettleReport, Settler, SettlerError};
use crate::stop::Stop;
use crate::types::{ChainId, TokenId};

/// How often a pass restarts at once when the ledger moves under it.
const CONFLICTS_MAX: usize = 5;

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
        mut progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let mut conflicts = 0;
        let (mut before, mut last) = (SettleReport::default(), SettleReport::default());
        loop {
            let add = |report: &SettleReport| {
                last = before.plus(report);
                progress(&last);
            };
            match self.run(token, stop, add).await {
                Err(error) if error.is_conflict() && conflicts < CONFLICTS_MAX => {
                    conflicts += 1;
                    // Every shard is visited again, and failed batches are tried again.
                    before = SettleReport { shards: 0, failed: 0, ..last };
                }
                ended => return ended.map(|report| before.plus(&report)),
            }
        }
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
