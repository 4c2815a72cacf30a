//! A store that cannot be reached.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::{
    BlockEdge, Change, Checkpoint, SupplyAnswer, TokenSpec, TokenState, UnreadableLog,
};
use pledge_core::ports::{
    ChainReport, ChainState, ChangesQuery, HistoriesPage, HistoriesQuery, LedgerCommit,
    LedgerReads, LedgerWrites, Registry, Rewind, Seen,
};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, Epoch, LogIndex, Timestamp, TokenId,
};

/// Every call is `Unavailable`.
#[derive(Debug)]
pub(crate) struct Away;

fn away<T>() -> Result<T, StoreError> {
    let kind = StoreErrorKind::Unavailable;
    Err(StoreError::new(kind, "connect", "connection refused by 10.0.0.7"))
}

#[async_trait]
impl Registry for Away {
    async fn register_chain(&self, _: ChainId, _: &str) -> Result<(), StoreError> {
        away()
    }

    async fn report_chain(&self, _: &ChainReport) -> Result<(), StoreError> {
        away()
    }

    async fn pause_chain(&self, _: ChainId, _: &Attribution) -> Result<(), StoreError> {
        away()
    }

    async fn resume_chain(
        &self,
        _: ChainId,
        _: &ChainStatus,
        _: &Attribution,
    ) -> Result<(), StoreError> {
        away()
    }

    async fn register_token(&self, _: &TokenSpec) -> Result<TokenState, StoreError> {
        away()
    }

    async fn halt_token(&self, _: TokenId, _: Option<BlockId>, _: &str) -> Result<(), StoreError> {
        away()
    }

    async fn heal_token(&self, _: TokenId, _: Option<BlockId>) -> Result<(), StoreError> {
        away()
    }

    async fn pause_token(&self, _: TokenId, _: &Attribution) -> Result<(), StoreError> {
        away()
    }

    async fn resume_token(
        &self,
        _: TokenId,
        _: Option<BlockId>,
        _: &Attribution,
    ) -> Result<(), StoreError> {
        away()
    }

    async fn record_supply(
        &self,
        _: TokenId,
        _: BlockId,
        _: &SupplyAnswer,
    ) -> Result<(), StoreError> {
        away()
    }
}

#[async_trait]
impl LedgerReads for Away {
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        away()
    }

    async fn chain(&self, _: ChainId) -> Result<Option<ChainState>, StoreError> {
        away()
    }

    async fn tokens(&self, _: ChainId) -> Result<Vec<TokenState>, StoreError> {
        away()
    }

    async fn token(&self, _: TokenId) -> Result<Option<TokenState>, StoreError> {
        away()
    }

    async fn headers(
        &self,
        _: ChainId,
        _: BlockNumber,
        _: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        away()
    }

    async fn edges(
        &self,
        _: ChainId,
        _: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError> {
        away()
    }

    async fn states(
        &self,
        _: TokenId,
        _: &[Account],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        away()
    }

    async fn history(
        &self,
        _: TokenId,
        _: Account,
        _: &[Timestamp],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        away()
    }

    async fn last_change_block(
        &self,
        _: TokenId,
        _: Timestamp,
    ) -> Result<Seen<Option<BlockNumber>>, StoreError> {
        away()
    }

    async fn changes(&self, _: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError> {
        away()
    }

    async fn unreadable_logs(
        &self,
        _: TokenId,
        _: Option<(BlockNumber, LogIndex)>,
        _: usize,
    ) -> Result<Seen<Vec<UnreadableLog>>, StoreError> {
        away()
    }

    async fn change_time(
        &self,
        _: TokenId,
        _: Timestamp,
        _: usize,
    ) -> Result<Seen<Option<Timestamp>>, StoreError> {
        away()
    }

    async fn histories(&self, _: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError> {
        away()
    }

    async fn holders(
        &self,
        _: TokenId,
        _: Option<(Amount, Account)>,
        _: usize,
    ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError> {
        away()
    }
}

#[async_trait]
impl LedgerWrites for Away {
    async fn record_edges(&self, _: TokenId, _: Epoch, _: &[BlockEdge]) -> Result<(), StoreError> {
        away()
    }

    async fn commit(&self, _: &LedgerCommit) -> Result<(), StoreError> {
        away()
    }

    async fn rewind(&self, _: &Rewind) -> Result<ReorgRecord, StoreError> {
        away()
    }
}
