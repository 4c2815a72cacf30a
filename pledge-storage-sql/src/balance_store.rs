//! The ledger's port.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
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

use crate::database::Database;
use crate::store::SqlStore;
use crate::{commit, edges, histories, reads, registry, rewind, unreadable};

#[async_trait]
impl<D: Database> Registry for SqlStore<D> {
    async fn register_chain(&self, chain: ChainId, name: &str) -> Result<(), StoreError> {
        let mut unit = self.write("register a chain").await?;
        let done = registry::register_chain(unit.db(), chain, name).await;
        unit.finish(done).await
    }

    async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError> {
        let mut unit = self.write("report a chain").await?;
        let done = registry::report_chain(unit.db(), report).await;
        unit.finish(done).await
    }

    async fn pause_chain(&self, chain: ChainId, by: &Attribution) -> Result<(), StoreError> {
        let mut unit = self.write("pause a chain").await?;
        let done = registry::pause_chain(unit.db(), chain, by).await;
        unit.finish(done).await
    }

    async fn resume_chain(
        &self,
        chain: ChainId,
        found: &ChainStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("resume a chain").await?;
        let done = registry::resume_chain(unit.db(), chain, found, by).await;
        unit.finish(done).await
    }

    async fn register_token(&self, spec: &TokenSpec) -> Result<TokenState, StoreError> {
        let mut unit = self.write("register a token").await?;
        let done = registry::register_token(unit.db(), spec).await;
        unit.finish(done).await
    }

    async fn halt_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("halt a token").await?;
        let done = registry::halt_token(unit.db(), token, base, reason).await;
        unit.finish(done).await
    }

    async fn heal_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError> {
        let mut unit = self.write("heal a token").await?;
        let done = registry::heal_token(unit.db(), token, base).await;
        unit.finish(done).await
    }

    async fn pause_token(&self, token: TokenId, by: &Attribution) -> Result<(), StoreError> {
        let mut unit = self.write("pause a token").await?;
        let done = registry::pause_token(unit.db(), token, by).await;
        unit.finish(done).await
    }

    async fn resume_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        found: &TokenStatus,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("resume a token").await?;
        let done = registry::resume_token(unit.db(), token, base, found, by).await;
        unit.finish(done).await
    }

    async fn record_supply(
        &self,
        token: TokenId,
        base: BlockId,
        answer: &SupplyAnswer,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("record a supply").await?;
        let done = registry::record_supply(unit.db(), token, base, answer).await;
        unit.finish(done).await
    }
}

#[async_trait]
impl<D: Database> LedgerReads for SqlStore<D> {
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError> {
        let mut unit = self.read_once("list chains").await?;
        let read = registry::chains(unit.db()).await;
        unit.finish(read).await
    }

    async fn chain(&self, chain: ChainId) -> Result<Option<ChainState>, StoreError> {
        let mut unit = self.read_once("read a chain").await?;
        let read = registry::find_chain(unit.db(), chain).await;
        unit.finish(read).await
    }

    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError> {
        let mut unit = self.read_once("list tokens").await?;
        let read = registry::tokens(unit.db(), chain).await;
        unit.finish(read.map(|rows| rows.into_iter().map(|row| row.state).collect())).await
    }

    async fn token(&self, token: TokenId) -> Result<Option<TokenState>, StoreError> {
        let mut unit = self.read_once("read a token").await?;
        let read = registry::find_token(unit.db(), token).await;
        unit.finish(read.map(|found| found.map(|row| row.state))).await
    }

    async fn headers(
        &self,
        chain: ChainId,
        at_most: BlockNumber,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError> {
        let mut unit = self.read("read headers").await?;
        let read = registry::headers(unit.db(), chain, at_most, limit).await;
        unit.finish(read).await
    }

    async fn edges(
        &self,
        chain: ChainId,
        instants: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError> {
        let mut unit = self.read("read edges").await?;
        let read = edges::list(unit.db(), chain, instants).await;
        unit.finish(read).await
    }

    async fn states(
        &self,
        token: TokenId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        let mut unit = self.read("read accounts").await?;
        let read = reads::states(unit.db(), token, accounts).await;
        unit.finish(read).await
    }

    async fn history(
        &self,
        token: TokenId,
        account: Account,
        times: &[Timestamp],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError> {
        let mut unit = self.read("read an account's history").await?;
        let read = reads::history(unit.db(), token, account, times).await;
        unit.finish(read).await
    }

    async fn last_change_block(
        &self,
        token: TokenId,
        at: Timestamp,
    ) -> Result<Seen<Option<BlockNumber>>, StoreError> {
        let mut unit = self.read("find a token's last change").await?;
        let read = reads::last_change_block(unit.db(), token, at).await;
        unit.finish(read).await
    }

    async fn changes(&self, query: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError> {
        let mut unit = self.read("list an account's changes").await?;
        let read = reads::changes(unit.db(), query).await;
        unit.finish(read).await
    }

    async fn unreadable_logs(
        &self,
        token: TokenId,
        after: Option<(BlockNumber, LogIndex)>,
        limit: usize,
    ) -> Result<Seen<Vec<UnreadableLog>>, StoreError> {
        let mut unit = self.read("list unreadable logs").await?;
        let read = unreadable::list(unit.db(), token, after, limit).await;
        unit.finish(read).await
    }

    async fn change_time(
        &self,
        token: TokenId,
        from: Timestamp,
        number: usize,
    ) -> Result<Seen<Option<Timestamp>>, StoreError> {
        let mut unit = self.read("look up the time of a change").await?;
        let read = histories::change_time(unit.db(), token, from, number).await;
        unit.finish(read).await
    }

    async fn histories(&self, query: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError> {
        let mut unit = self.read("read histories").await?;
        let read = histories::histories(unit.db(), query).await;
        unit.finish(read).await
    }

    async fn holders(
        &self,
        token: TokenId,
        after: Option<(Amount, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError> {
        let mut unit = self.read("list holders").await?;
        let read = reads::holders(unit.db(), token, after, limit).await;
        unit.finish(read).await
    }
}

#[async_trait]
impl<D: Database> LedgerWrites for SqlStore<D> {
    async fn record_edges(
        &self,
        token: TokenId,
        epoch: Epoch,
        edges: &[BlockEdge],
    ) -> Result<(), StoreError> {
        let mut unit = self.write("record edges").await?;
        let done = edges::record(unit.db(), token, epoch, edges).await;
        unit.finish(done).await
    }

    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError> {
        let mut unit = self.write("commit to the ledger").await?;
        let done = commit::commit(unit.db(), commit).await;
        unit.finish(done).await
    }

    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError> {
        let mut unit = self.write("rewind the ledger").await?;
        let done = rewind::rewind(unit.db(), rewind).await;
        unit.finish(done).await
    }
}
