//! The events' port.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, EventSeq, SequencedEvent};
use pledge_core::ports::{EventReads, EventRetention, EventStore, KeptEvents, Pruning};
use pledge_core::types::Timestamp;

use crate::database::Database;
use crate::events;
use crate::retention;
use crate::store::SqlStore;

#[async_trait]
impl<D: Database> EventReads for SqlStore<D> {
    async fn events(
        &self,
        after: EventSeq,
        limit: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError> {
        let mut unit = self.read_once("read events").await?;
        let read = events::after(unit.db(), after, limit).await;
        unit.finish(read).await
    }

    async fn kept_events(&self) -> Result<KeptEvents, StoreError> {
        let mut unit = self.read_once("read which events are kept").await?;
        let read = events::kept(unit.db()).await;
        unit.finish(read).await
    }
}

#[async_trait]
impl<D: Database> EventStore for SqlStore<D> {
    async fn delivered(&self, consumer: &Consumer) -> Result<EventSeq, StoreError> {
        let mut unit = self.read_once("read a delivery").await?;
        let read = events::delivered(unit.db(), consumer).await;
        unit.finish(read).await
    }

    async fn record_delivered(
        &self,
        consumer: &Consumer,
        from: EventSeq,
        to: EventSeq,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("record a delivery").await?;
        let done = events::record_delivered(unit.db(), consumer, from, to).await;
        unit.finish(done).await
    }

    async fn prune_events(
        &self,
        retention: &EventRetention,
        now: Timestamp,
    ) -> Result<Pruning, StoreError> {
        let mut unit = self.write("prune events").await?;
        let pruned = retention::prune(unit.db(), retention, now).await;
        unit.finish(pruned).await
    }
}
