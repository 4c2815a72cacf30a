//! The archive's port.

mod accounts;
mod decisions;
mod export;
mod import;
mod pages;
mod rows;

use async_trait::async_trait;
use pledge_core::archive::FittingRecords;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::ports::{Archive, RecordSink, RecordSource};

use crate::database::Database;
use crate::store::SqlStore;

#[async_trait]
impl<D: Database> Archive for SqlStore<D> {
    async fn export(&self, sink: &mut dyn RecordSink) -> Result<(), StoreError> {
        let mut unit = self.read("export the store").await?;
        let done = export::export(unit.db(), sink).await;
        unit.finish(done).await
    }

    async fn import(
        &self,
        source: &mut dyn RecordSource,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("import an archive").await?;
        let done = import::import(unit.db(), &mut FittingRecords::new(source), by).await;
        unit.finish(done).await
    }
}
