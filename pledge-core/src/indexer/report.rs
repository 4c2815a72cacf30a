//! What the store knows about the chain, and what this poll adds.

use std::sync::Arc;

use super::ChainStatus;
use crate::error::StoreError;
use crate::ports::{BalanceStore, ChainReport, ChainState};
use crate::types::{BlockNumber, BlockRef, ChainId};

/// Reports a chain's status, each only once.
#[derive(Debug)]
pub(super) struct Reporter {
    chain: ChainId,
    store: Arc<dyn BalanceStore>,
    /// The chain's state when the poll began, with the reports made since.
    known: Option<ChainState>,
}

impl Reporter {
    pub(super) const fn new(chain: ChainId, store: Arc<dyn BalanceStore>) -> Self {
        Self { chain, store, known: None }
    }

    /// Reads the chain's state, once a poll; returns the status if it stops the indexer.
    pub(super) async fn read(&mut self) -> Result<Option<ChainStatus>, StoreError> {
        self.known = self.store.chain(self.chain).await?;
        let status = self.known.as_ref().map(|state| state.status.clone());
        Ok(status.filter(ChainStatus::needs_operator))
    }

    /// Writes the status if it is new, unless an operator paused the chain meanwhile.
    pub(super) async fn report(
        &mut self,
        status: ChainStatus,
        head: Option<&BlockRef>,
        processed: Option<BlockNumber>,
    ) -> Result<(), StoreError> {
        let (head, head_time) = (head.map(|head| head.number), head.map(|head| head.time));
        let report = ChainReport { chain: self.chain, status, head, head_time, processed };
        let after = self.known.as_ref().map(|known| known.after(&report));
        if after.is_none() || after != self.known {
            self.store.report_chain(&report).await?;
            self.known = after;
        }
        Ok(())
    }
}
