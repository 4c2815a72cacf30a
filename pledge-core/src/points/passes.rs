//! Passes over a token or a chain, begun again when the ledger moves under them.

use super::{SettleReport, Settler, SettlerError};
use crate::stop::Stop;
use crate::types::{ChainId, TokenId};

/// How often a pass begins again at once when the ledger moves under it.
const CONFLICTS_MAX: usize = 5;

impl Settler {
    /// [`Settler::settle_token`] for every token of a chain; `progress` hears the sum.
    pub async fn settle_chain(
        &self,
        chain: ChainId,
        stop: &Stop,
        mut progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let mut sum = SettleReport::default();
        for token in self.balances.tokens(chain).await? {
            let told = |report: &SettleReport| progress(&sum.plus(report));
            let report = self.settle_token(token.spec.id, stop, told).await?;
            sum = sum.plus(&report);
        }
        Ok(sum)
    }

    /// [`Settler::run`], begun again at once, a bounded number of times, when the ledger moves
    /// under it.
    pub async fn settle_token(
        &self,
        token: TokenId,
        stop: &Stop,
        mut progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let mut conflicts = 0;
        loop {
            match self.run(token, stop, &mut progress).await {
                Err(error) if error.is_conflict() && conflicts < CONFLICTS_MAX => conflicts += 1,
                ended => return ended,
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
