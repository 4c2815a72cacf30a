//! What happened, in order, and how far each consumer was told.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{EventRetention, Pruning};
use crate::error::StoreError;
use crate::event::{Consumer, EventSeq, SequencedEvent};
use crate::types::Timestamp;

/// The events that the writes of a [`BalanceStore`](super::BalanceStore) and a
/// [`PointsStore`](super::PointsStore) left, and a position in them for each consumer. One database
/// holds all three: an event is written in the transaction that it describes.
///
/// # Contract
/// - Events come in the order of their sequence numbers, which begin above [`EventSeq::START`].
/// - Once an event was read, no later read shows a new one below it. So who reads on from the last
///   event read misses none, whoever writes meanwhile.
/// - An event never changes: what a reorg takes back is one more event. It goes only by
///   [`EventStore::prune_events`], once every consumer has it; the newest never goes.
/// - A position moves only from where the writer says that it stands; else the answer is `Conflict`
///   and nothing is written. So two may deliver for one consumer without a lock.
/// - A position never goes back and never passes the newest event: `Invalid`, and nothing is written.
/// - Positions of consumers do not see each other, and are durable once the call returns `Ok`.
///
/// ```
/// use pledge_core::event::{Consumer, EventSeq};
/// use pledge_core::indexer::ChainStatus;
/// use pledge_core::ports::{BalanceStore, ChainReport, EventStore};
/// use pledge_core::types::ChainId;
/// use pledge_storage_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let chain = ChainId::new(1);
/// store.register_chain(chain, "ethereum").await?;
/// let status = ChainStatus::Halted("an example".to_owned());
/// store.report_chain(&ChainReport { chain, status, head: None, head_time: None, processed: None }).await?;
///
/// let mail = Consumer::new("mail")?;
/// let stands = store.delivered(&mail).await?;
/// assert_eq!(stands, EventSeq::START);
/// let due = store.events(stands, 100).await?;
/// assert_eq!(due[0].event.name(), "chain_halted");
/// store.record_delivered(&mail, stands, due[0].sequence).await?;
/// assert!(store.events(store.delivered(&mail).await?, 100).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait EventStore: Debug + Send + Sync + 'static {
    /// Events after a place, ascending, at most `limit`.
    async fn events(
        &self,
        after: EventSeq,
        limit: usize,
    ) -> Result<Vec<SequencedEvent>, StoreError>;

    /// The last event that a consumer was told; [`EventSeq::START`] for a new one.
    async fn delivered(&self, consumer: &Consumer) -> Result<EventSeq, StoreError>;

    /// Moves a consumer's position, as [`check_delivery`] allows.
    async fn record_delivered(
        &self,
        consumer: &Consumer,
        from: EventSeq,
        to: EventSeq,
    ) -> Result<(), StoreError>;

    /// Removes what [`EventRetention::plan`] says at the time `now`, as one write. A consumer that is
    /// dropped is at the start again, and the oldest event that is kept is its next; that it was dropped
    /// is an event. Call again while more is due.
    async fn prune_events(
        &self,
        retention: &EventRetention,
        now: Timestamp,
    ) -> Result<Pruning, StoreError>;
}

/// Why no store may move a position that stands at `stands` while its newest event is `newest`.
pub fn check_delivery(
    consumer: &Consumer,
    (stands, newest): (EventSeq, EventSeq),
    (from, to): (EventSeq, EventSeq),
) -> Result<(), StoreError> {
    const OPERATION: &str = "record a delivery";
    if to < from {
        let detail = format!("consumer {consumer} cannot go back from event {from} to {to}");
        return Err(StoreError::invalid(OPERATION, detail));
    }
    if stands != from {
        let detail = format!("consumer {consumer} is at event {stands}, not at {from}");
        return Err(StoreError::conflict(OPERATION, detail));
    }
    if to > newest {
        let detail = format!("consumer {consumer} cannot be at event {to}: {newest} is the newest");
        return Err(StoreError::invalid(OPERATION, detail));
    }
    Ok(())
}
