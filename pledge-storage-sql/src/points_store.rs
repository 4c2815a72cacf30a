//! The points' port.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::points::{AccountEntry, Decided, Decision, DecisionRecord, Programme};
use pledge_core::ports::{
    BatchFailure, PointsReads, PointsStore, ProgrammeState, Seen, Settlement, SettlementBatch,
    SettlementsQuery, Standing, StatementRows, StatementsQuery,
};
use pledge_core::types::{Account, EntryNumber, ProgrammeId, RawPoints, Timestamp, TokenId};

use crate::database::Database;
use crate::store::SqlStore;
use crate::{batch, decisions, points_reads, programmes, statements};

#[async_trait]
impl<D: Database> PointsReads for SqlStore<D> {
    async fn programmes(&self, token: TokenId) -> Result<Vec<ProgrammeState>, StoreError> {
        let mut unit = self.read("list programmes").await?;
        let read = programmes::states(unit.db(), token).await;
        unit.finish(read).await
    }

    async fn settlements(&self, query: &SettlementsQuery) -> Result<Vec<Settlement>, StoreError> {
        let mut unit = self.read("list settlements").await?;
        let read = points_reads::settlements(unit.db(), query).await;
        unit.finish(read).await
    }

    async fn totals(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Standing>>>, StoreError> {
        let mut unit = self.read("read totals").await?;
        let read = points_reads::totals(unit.db(), programme, accounts).await;
        unit.finish(read).await
    }

    async fn standings(
        &self,
        programme: &ProgrammeId,
        after: Option<(RawPoints, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<Standing>>, StoreError> {
        let mut unit = self.read("list standings").await?;
        let read = points_reads::standings(unit.db(), programme, after, limit).await;
        unit.finish(read).await
    }

    async fn statements(&self, query: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError> {
        let mut unit = self.read("list statements").await?;
        let read = statements::statements(unit.db(), query).await;
        unit.finish(read).await
    }

    async fn entries(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let mut unit = self.read("read entries").await?;
        let read = points_reads::entries(unit.db(), programme, accounts).await;
        unit.finish(read).await
    }

    async fn decisions(
        &self,
        programme: &ProgrammeId,
        below: Option<EntryNumber>,
        limit: usize,
    ) -> Result<Vec<DecisionRecord>, StoreError> {
        let mut unit = self.read("list decisions").await?;
        let read = points_reads::decisions(unit.db(), programme, below, limit).await;
        unit.finish(read).await
    }
}

#[async_trait]
impl<D: Database> PointsStore for SqlStore<D> {
    async fn add_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("add a programme").await?;
        let done = programmes::register(unit.db(), programme, by).await;
        unit.finish(done).await
    }

    async fn put_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("change a programme").await?;
        let done = programmes::put(unit.db(), programme, by).await;
        unit.finish(done).await
    }

    async fn decide(&self, decision: &Decision, by: &Attribution) -> Result<Decided, StoreError> {
        let mut unit = self.write("decide about points").await?;
        let done = decisions::decide(unit.db(), decision, by).await;
        unit.finish(done).await
    }

    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
        let mut unit = self.write("settle a batch").await?;
        let done = batch::commit_batch(unit.db(), batch).await;
        unit.finish(done).await
    }

    async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError> {
        let mut unit = self.write("record a failed batch").await?;
        let done = batch::record_failure(unit.db(), failure).await;
        unit.finish(done).await
    }

    async fn reset_failures(
        &self,
        programme: &ProgrammeId,
        window_start: Timestamp,
        by: &Attribution,
    ) -> Result<usize, StoreError> {
        let mut unit = self.write("reset failed batches").await?;
        let done = batch::reset_failures(unit.db(), programme, window_start, by).await;
        unit.finish(done).await
    }
}
