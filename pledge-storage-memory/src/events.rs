//! The events' port.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::event::{Consumer, EventSeq, SequencedEvent};
use pledge_core::ports::{
    EventReads, EventRetention, EventStore, KeptEvents, Pruning, check_delivery,
};
use pledge_core::types::Timestamp;

use crate::MemoryStore;
use crate::state::State;

#[async_trait]
impl EventReads for MemoryStore {
    async fn events(
        &self,
        after: EventSeq,
        limit: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError> {
        let state = self.lock();
        let passed = state.events.partition_point(|event| event.sequence <= after);
        Ok(state.events[passed..].iter().take(limit).cloned().collect())
    }

    async fn kept_events(&self) -> Result<KeptEvents, StoreError> {
        Ok(kept(&self.lock()))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
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
        let current = delivered(&state, consumer);
        check_delivery(consumer, (current, state.newest_event()), (from, to))?;
        state.set_delivered(consumer, to);
        Ok(())
    }

    async fn prune_events(
        &self,
        retention: &EventRetention,
        now: Timestamp,
    ) -> Result<Pruning, StoreError> {
        let mut state = self.lock();
        let consumers: Vec<_> = state.consumers.values().cloned().collect();
        let KeptEvents { oldest, newest } = kept(&state);
        let pruning = retention.plan(&consumers, (oldest, newest), now);
        for consumer in &pruning.silent {
            if let Some(known) = state.consumers.get_mut(consumer) {
                known.silent_since = Some(now);
            }
        }
        pruning.dropped.iter().for_each(|known| drop(state.consumers.remove(&known.consumer)));
        let gone = state.events.partition_point(|event| event.sequence <= pruning.through);
        state.events.drain(..gone);
        pruning.events().for_each(|event| state.record(event));
        Ok(pruning)
    }
}

fn kept(state: &State) -> KeptEvents {
    let oldest = state.events.first().map_or(EventSeq::START, |first| first.sequence);
    KeptEvents { oldest, newest: state.newest_event() }
}

fn delivered(state: &State, consumer: &Consumer) -> EventSeq {
    state.consumers.get(consumer).map_or(EventSeq::START, |known| known.delivered)
}
