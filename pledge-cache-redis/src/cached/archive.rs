//! The archive's port: nothing of it is kept.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;
use pledge_core::ports::{Archive, RecordSink, RecordSource};

use super::Cached;

#[async_trait]
impl<S: Archive> Archive for Cached<S> {
    async fn export(&self, sink: &mut dyn RecordSink) -> Result<(), StoreError> {
        self.store.export(sink).await
    }

    async fn import(
        &self,
        source: &mut dyn RecordSource,
        by: &Attribution,
    ) -> Result<(), StoreError> {
        self.store.import(source, by).await
    }
}
