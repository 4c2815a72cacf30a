//! The port of contracts' logs.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState};
use pledge_core::ports::{ContractLogsQuery, LogReads, LogStore, LogsCommit, Seen};
use pledge_core::types::{ChainId, ContractId};

use crate::contracts;
use crate::database::Database;
use crate::store::SqlStore;

#[async_trait]
impl<D: Database> LogReads for SqlStore<D> {
    async fn contracts(&self, chain: ChainId) -> Result<Vec<ContractState>, StoreError> {
        let mut unit = self.read_once("list contracts").await?;
        let read = contracts::list(unit.db(), chain).await;
        unit.finish(read.map(|rows| rows.into_iter().map(|row| row.state).collect())).await
    }

    async fn contract(&self, contract: &ContractId) -> Result<Option<ContractState>, StoreError> {
        let mut unit = self.read_once("read a contract").await?;
        let read = contracts::find(unit.db(), contract).await;
        unit.finish(read.map(|found| found.map(|row| row.state))).await
    }

    async fn contract_logs(
        &self,
        query: &ContractLogsQuery,
    ) -> Result<Seen<Vec<ConfirmedLog>>, StoreError> {
        let mut unit = self.read("list a contract's logs").await?;
        let read = contracts::logs(unit.db(), query).await;
        unit.finish(read).await
    }
}

#[async_trait]
impl<D: Database> LogStore for SqlStore<D> {
    async fn register_contract(&self, spec: &ContractSpec) -> Result<ContractState, StoreError> {
        let mut unit = self.write("register a contract").await?;
        let done = contracts::register(unit.db(), spec).await;
        unit.finish(done).await
    }

    async fn commit_logs(&self, commit: &LogsCommit) -> Result<(), StoreError> {
        let mut unit = self.write("commit logs").await?;
        let done = contracts::commit(unit.db(), commit).await;
        unit.finish(done).await
    }
}
