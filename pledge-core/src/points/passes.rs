//! Passes over a token or a chain, begun again when the ledger moves under them.

use super::{SettleReport, Settler, SettlerError};
use crate::stop::Stop;
use crate::types::{ChainId, TokenId};

/// How often a pass begins again at once when the ledger moves under it.
const CONFLICTS_MAX: usize = 5;

impl Settler {
    /// [`Settler::settle_token`] for every token of a chain.
    pub async fn settle_chain(
        &self,
        chain: ChainId,
        stop: &Stop,
        mut progress: impl FnMut(&SettleReport) + Send,
    ) -> Result<SettleReport, SettlerError> {
        let mut sum = SettleReport::default();
        for token in self.balances.tokens(chain).await? {
            sum.add(&self.settle_token(token.spec.id, stop, &mut progress).await?);
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
    /// Counts another run in.
    pub const fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.accounts += other.accounts;
        self.statements += other.statements;
        self.failed += other.failed;
        self.stopped |= other.stopped;
    }
}
