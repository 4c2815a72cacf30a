//! A store that fails.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    BlockEdge, Change, Checkpoint, SupplyAnswer, TokenSpec, TokenState, TokenStatus, UnreadableLog,
};
use pledge_core::ports::{
    ChainReport, ChainState, ChangesQuery, HistoriesPage, HistoriesQuery, LedgerCommit,
    LedgerReads, LedgerWrites, Registry, Rewind, Seen,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, Epoch, LogIndex, Timestamp, TokenId,
};

/// Every call fails with this kind.
#[derive(Debug)]
pub(crate) struct Away(pub(crate) StoreErrorKind);

impl Away {
    fn away<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::new(self.0, "connect", "connection refused by 10.0.0.7"))
    }
}

#[async_trait]
impl Registry for Away {
    async fn register_chain(&self, _: ChainId, _: &str) -> Result<(), StoreError> {
        self.away()
    }

    async fn report_chain(&self, _: &ChainReport) -> Result<(), StoreError> {
        self.away()
    }

    async fn pause_chain(&self, _: ChainId, _: &Attribution) -> Result<(), StoreError> {
        self.away()
    }

    async fn resume_chain(
        &self,
        _: ChainId,
        _: &ChainStatus,
        _: &Attribution,
    ) -> Result<(), StoreError> {
        self.away()
    }

    async fn register_token(&self, _: &TokenSpec) -> Result<TokenState, StoreError> {
        self.away()
    }

    async fn halt_token(&self, _: TokenId, _: Option<BlockId>, _: &str) -> Result<(), StoreError> {
        self.away()
    }

    async fn heal_token(&self, _: TokenId, _: Option<BlockId>) -> Result<(), StoreError> {
        self.away()
    }

    async fn pause_token(&self, _: TokenId, _: &Attribution) -> Result<(), StoreError> {
        self.away()
    }

    async fn resume_token(
        &self,
        _: TokenId,
        _: Option<BlockId>,
        _: &TokenStatus,
        _: &Attribution,
    ) -> Result<(), StoreError> {
        self.away()
    }

    async fn record_supply(
        &self,
        _: TokenId,
        _: BlockId,
        _: &SupplyAnswer,
    ) -> Result<(), StoreError> {
        self.away()
    }
}

#[async_trait]
impl LedgerReads for Away {
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        self.away()
    }

    async fn chain(&self, _: ChainId) -> Result<Option<ChainState>, StoreError> {
        self.away()
    }

    async fn tokens(&self, _: ChainId) -> Result<Vec<TokenState>, StoreError> {
        self.away()
    }

    async fn token(&self, _: TokenId) -> Result<Option<TokenState>, StoreError> {
        self.away()
    }

    async fn headers(
        &self,
        _: ChainId,
        _: BlockNumber,
        _: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        self.away()
    }

    async fn edges(
        &self,
        _: ChainId,
        _: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError> {
        self.away()
    }

    async fn states(
        &self,
        _: TokenId,
        _: &[Account],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        self.away()
    }

    async fn history(
        &self,
        _: TokenId,
        _: Account,
        _: &[Timestamp],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        self.away()
    }

    async fn last_change_block(
        &self,
        _: TokenId,
        _: Timestamp,
    ) -> Result<Seen<Option<BlockNumber>>, StoreError> {
        self.away()
    }

    async fn changes(&self, _: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError> {
        self.away()
    }

    async fn unreadable_logs(
        &self,
        _: TokenId,
        _: Option<(BlockNumber, LogIndex)>,
        _: usize,
    ) -> Result<Seen<Vec<UnreadableLog>>, StoreError> {
        self.away()
    }

    async fn change_time(
        &self,
        _: TokenId,
        _: Timestamp,
        _: usize,
    ) -> Result<Seen<Option<Timestamp>>, StoreError> {
        self.away()
    }

    async fn histories(&self, _: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError> {
        self.away()
    }

    async fn holders(
        &self,
        _: TokenId,
        _: Option<(Amount, Account)>,
        _: usize,
    ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError> {
        self.away()
    }
}

#[async_trait]
impl LedgerWrites for Away {
    async fn record_edges(&self, _: TokenId, _: Epoch, _: &[BlockEdge]) -> Result<(), StoreError> {
        self.away()
    }

    async fn commit(&self, _: &LedgerCommit) -> Result<(), StoreError> {
        self.away()
    }

    async fn rewind(&self, _: &Rewind) -> Result<ReorgRecord, StoreError> {
        self.away()
    }
}
