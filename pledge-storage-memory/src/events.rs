//! The events' port.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, EventSeq, SequencedEvent};
use pledge_core::ports::{EventStore, check_delivery};

use crate::MemoryStore;
use crate::state::State;

#[async_trait]
impl EventStore for MemoryStore {
    async fn events(
        &self,
        after: EventSeq,
        limit: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError> {
        let state = self.lock();
        let passed = state.events.partition_point(|event| event.sequence <= after);
        Ok(state.events[passed..].iter().take(limit).cloned().collect())
    }

    async fn delivered(&self, consumer: &Consumer) -> Result<EventSeq, StoreError> {
        Ok(delivered(&self.lock(), consumer))
    }

    async fn record_delivered(
        &self,
        consumer: &Consumer,
        from: EventSeq,
        to: EventSeq,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let stands = delivered(&state, consumer);
        check_delivery(consumer, (stands, state.newest_event()), (from, to))?;
        state.delivered.insert(consumer.clone(), to);
        Ok(())
    }
}

fn delivered(state: &State, consumer: &Consumer) -> EventSeq {
    state.delivered.get(consumer).copied().unwrap_or_default()
}
