//! Events in order, and each consumer's position in them.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{EventRetention, Pruning};
use crate::error::StoreError;
use crate::event::{Consumer, EventSeq, SequencedEvent};
use crate::types::Timestamp;

/// The events that a store keeps: the reading half of [`EventStore`].
///
/// # Contract
/// - Events are returned in the order of their sequence numbers, which begin above
///   [`EventSeq::START`].
/// - Once an event was read, no later read returns a new one below it. So a reader that continues
///   after the last event it read misses none, whatever is written meanwhile.
/// - An event of a domain or a kind that is not known is kept, returned and archived as any other, its
///   body the same to the byte.
/// - An event never changes: what a reorg takes back is one more event. Only
///   [`EventStore::prune_events`] removes events; the newest always stays.
/// - The oldest event that is kept is of the state of the call, and none comes below it later. So a reader
///   that was away reads a page first and what is kept afterwards: where its position does not
///   [continue](KeptEvents::continue_after) there, events that it has not read may be gone.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait EventReads: Debug + Send + Sync + 'static {
    /// Events after a position, ascending, at most `limit`.
    async fn events(
        &self,
        after: EventSeq,
        limit: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError>;

    /// The oldest and the newest event that is kept.
    async fn kept_events(&self) -> Result<KeptEvents, StoreError>;
}

/// Which events a store keeps: these two, and all between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptEvents {
    /// The oldest; [`EventSeq::START`] where nothing has happened yet.
    pub oldest: EventSeq,
    /// The newest; [`EventSeq::START`] likewise.
    pub newest: EventSeq,
}

impl KeptEvents {
    /// Whether a reader misses none that reads on after a position: whether every event after it is kept, and
    /// it is not beyond the newest, as one of another database or of before a backup was restored may be.
    pub fn continue_after(&self, position: EventSeq) -> bool {
        position <= self.newest && self.oldest <= position.next()
    }
}

/// The events written by a [`BalanceStore`](super::BalanceStore) and a
/// [`PointsStore`](super::PointsStore), and a position in them for each consumer. One database
/// holds all three: an event is written in the transaction that it describes. Domains around the engine
/// write theirs into the same log, so what is read is an
/// [`EventEnvelope`](crate::event::EventEnvelope).
///
/// # Contract
/// - What is read is that of [`EventReads`]. Events are removed once every consumer has them.
/// - A write of a position names the position it starts from. If the consumer is at another one,
///   the store returns `Conflict` and writes nothing. So two may deliver for one consumer without a
///   lock.
/// - A position never goes back and never passes the newest event: `Invalid`, and nothing is
///   written.
/// - Positions of consumers are independent of each other, and durable once the call returns `Ok`.
///
/// ```
/// use pledge_core::event::{Consumer, EventSeq};
/// use pledge_core::indexer::ChainStatus;
/// use pledge_core::ports::{ChainReport, EventReads, EventStore, Registry};
/// use pledge_core::types::ChainId;
/// use pledge_storage_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let chain = ChainId::new(1);
/// store.register_chain(chain, "ethereum").await?;
/// let status = ChainStatus::Halted("an example".to_owned());
/// let report = ChainReport { chain, status, head: None, head_time: None, processed: None };
/// store.report_chain(&report).await?;
///
/// let mail = Consumer::new("mail")?;
/// let position = store.delivered(&mail).await?;
/// assert_eq!(position, EventSeq::START);
/// let due = store.events(position, 100).await?;
/// assert_eq!(due[0].event.kind(), "chain_halted");
/// store.record_delivered(&mail, position, due[0].sequence).await?;
/// assert!(store.events(store.delivered(&mail).await?, 100).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait EventStore: EventReads {
    /// The last event delivered to a consumer; [`EventSeq::START`] for a new one.
    async fn delivered(&self, consumer: &Consumer) -> Result<EventSeq, StoreError>;

    /// Moves a consumer's position, if [`check_delivery`] allows it.
    async fn record_delivered(
        &self,
        consumer: &Consumer,
        from: EventSeq,
        to: EventSeq,
    ) -> Result<(), StoreError>;

    /// Removes what [`EventRetention::plan`] selects at the time `now`, in one write. A dropped
    /// consumer is at the start again, so the oldest event kept is its next; the drop itself writes
    /// an event. Call again while more is due.
    async fn prune_events(
        &self,
        retention: &EventRetention,
        now: Timestamp,
    ) -> Result<Pruning, StoreError>;
}

/// Whether a consumer's position may move, where it is `at` and the newest event is `newest`.
pub fn check_delivery(
    consumer: &Consumer,
    (at, newest): (EventSeq, EventSeq),
    (from, to): (EventSeq, EventSeq),
) -> Result<(), StoreError> {
    const OPERATION: &str = "record a delivery";
    if to < from {
        let detail = format!("consumer {consumer} cannot go back from event {from} to {to}");
        return Err(StoreError::invalid(OPERATION, detail));
    }
    if at != from {
        let detail = format!("consumer {consumer} is at event {at}, not at {from}");
        return Err(StoreError::conflict(OPERATION, detail));
    }
    if to > newest {
        let detail = format!("consumer {consumer} cannot be at event {to}: {newest} is the newest");
        return Err(StoreError::invalid(OPERATION, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_misses_events_that_are_gone_and_those_of_another_store() {
        let kept = |oldest, newest| KeptEvents {
            oldest: EventSeq::new(oldest),
            newest: EventSeq::new(newest),
        };
        for (kept, position, misses_none) in [
            (kept(0, 0), 0, true),
            (kept(0, 0), 1, false),
            (kept(1, 9), 0, true),
            (kept(5, 9), 3, false),
            (kept(5, 9), 4, true),
            (kept(5, 9), 9, true),
            (kept(5, 9), 10, false),
            (kept(5, 9), u64::MAX, false),
        ] {
            let position = EventSeq::new(position);
            assert_eq!(kept.continue_after(position), misses_none, "{position} of {kept:?}");
        }
    }
}
