//! The events' port: nothing of it is kept.

use async_trait::async_trait;
use pledge_core::audit::AuditRecord;
use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, EventSeq, SequencedEvent};
use pledge_core::ports::{
    AuditQuery, AuditReads, EventReads, EventRetention, EventStore, KeptEvents, Pruning,
};
use pledge_core::types::Timestamp;

use super::Cached;

#[async_trait]
impl<S: AuditReads> AuditReads for Cached<S> {
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        self.store.audit(query).await
    }
}

#[async_trait]
impl<S: EventReads> EventReads for Cached<S> {
    async fn events(
        &self,
        after: EventSeq,
        limit: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError> {
        self.store.events(after, limit).await
    }

    async fn kept_events(&self) -> Result<KeptEvents, StoreError> {
        self.store.kept_events().await
    }
}

#[async_trait]
impl<S: EventStore> EventStore for Cached<S> {
    async fn delivered(&self, consumer: &Consumer) -> Result<EventSeq, StoreError> {
        self.store.delivered(consumer).await
    }

    async fn record_delivered(
        &self,
        consumer: &Consumer,
        from: EventSeq,
        to: EventSeq,
    ) -> Result<(), StoreError> {
        self.store.record_delivered(consumer, from, to).await
    }

    async fn prune_events(
        &self,
        retention: &EventRetention,
        now: Timestamp,
    ) -> Result<Pruning, StoreError> {
        self.store.prune_events(retention, now).await
    }
}
