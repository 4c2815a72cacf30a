//! The driver of deliveries: read a batch, deliver its events one by one, record, check for a stop.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::error::{StoreError, StoreErrorKind};
use crate::event::{Consumer, EventSeq, SequencedEvent};
use crate::ports::{EventStore, Notifier, NotifyError};
use crate::stop::Stop;

/// Why a drain ended early. Deliveries before it are recorded; the rest stays due.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The store failed: drain again later.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The receiver did not take an event. It and all after it stay due.
    #[error("event {sequence} was not delivered")]
    Notify {
        /// The event that was not delivered.
        sequence: EventSeq,
        /// Why the receiver did not take it.
        source: NotifyError,
    },
}

/// What a drain did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// The number of events that the receiver took, duplicates included.
    pub delivered: u64,
    /// Whether a stop came while events were due.
    pub more_due: bool,
}

/// Delivers every event of a store to one consumer: at least once, in order, each with its sequence
/// number.
///
/// Holds no state: the consumer's position is in the store, so a drain may end at any instant, and
/// another instance may continue or deliver at the same time. The position is recorded after each
/// batch, and before an error is returned. A crash in between costs at most a batch of duplicates,
/// never a loss.
///
/// ```
/// use std::sync::Arc;
///
/// use pledge_core::event::Consumer;
/// use pledge_core::indexer::ChainStatus;
/// use pledge_core::notify::{Dispatcher, LogNotifier};
/// use pledge_core::ports::{ChainReport, Registry};
/// use pledge_core::stop::Stop;
/// use pledge_core::types::ChainId;
/// use pledge_storage_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let chain = ChainId::new(1);
/// store.register_chain(chain, "ethereum").await?;
/// let status = ChainStatus::Halted("an example".to_owned());
/// let report = ChainReport { chain, status, head: None, head_time: None, processed: None };
/// store.report_chain(&report).await?;
///
/// let notifier = Arc::new(LogNotifier);                      // or one of your own
/// let dispatcher = Dispatcher::new(store, notifier, Consumer::new("log")?);
/// let stop = Stop::never();
/// assert_eq!(dispatcher.drain(&stop).await?.delivered, 1);
/// assert_eq!(dispatcher.drain(&stop).await?.delivered, 0);   // each once, unless it crashed
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Dispatcher {
    events: Arc<dyn EventStore>,
    notifier: Arc<dyn Notifier>,
    consumer: Consumer,
    batch_events_max: NonZeroUsize,
}

impl Dispatcher {
    /// Events delivered between two records. A crash may repeat them; each record is one durable
    /// write.
    pub const BATCH_EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(100).expect("not zero");

    /// A dispatcher that records after every [`Self::BATCH_EVENTS_MAX`] events.
    pub fn new(
        events: Arc<dyn EventStore>,
        notifier: Arc<dyn Notifier>,
        consumer: Consumer,
    ) -> Self {
        Self { events, notifier, consumer, batch_events_max: Self::BATCH_EVENTS_MAX }
    }

    /// With another bound; use 1 for a receiver to whom duplicates are expensive.
    #[must_use]
    pub fn with_batch_events_max(self, batch_events_max: NonZeroUsize) -> Self {
        Self { batch_events_max, ..self }
    }

    /// The name under which the position is recorded.
    pub const fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Delivers until no event is due or `stop` is requested, which is checked before each event.
    ///
    /// Another dispatcher of the same consumer is no error: if it was first, the position is read
    /// again. The first event that is not taken ends the drain with an error that names it.
    pub async fn drain(&self, stop: &Stop) -> Result<Drained, DispatchError> {
        let mut drained = Drained::default();
        let mut before = None;
        loop {
            let from = self.events.delivered(&self.consumer).await?;
            let due = self.events.events(from, self.batch_events_max.get()).await?;
            if due.is_empty() {
                return Ok(drained);
            }
            if stop.is_requested() {
                drained.more_due = true;
                return Ok(drained);
            }
            // The position moves, by this dispatcher or another one; otherwise this loop would
            // never end.
            if before.replace(from).is_some_and(|before| from <= before) {
                return Err(self.stuck(from).into());
            }
            match self.deliver(from, &due, stop, &mut drained).await {
                Err(DispatchError::Store(error)) if error.kind() == StoreErrorKind::Conflict => {
                    tracing::debug!(consumer = %self.consumer, %error, "another dispatcher was first, reading again");
                }
                ended => ended?,
            }
        }
    }

    fn stuck(&self, at: EventSeq) -> StoreError {
        let consumer = &self.consumer;
        let detail = format!("the position of {consumer} stays at {at} although it was moved");
        StoreError::corrupt("deliver events", detail)
    }

    /// Delivers a batch until its end, a failure or a stop, and records the events taken.
    async fn deliver(
        &self,
        from: EventSeq,
        due: &[SequencedEvent],
        stop: &Stop,
        drained: &mut Drained,
    ) -> Result<(), DispatchError> {
        let mut to = from;
        let mut outcome = Ok(());
        for event in due {
            if stop.is_requested() {
                break;
            }
            let sequence = event.sequence;
            if let Err(source) = self.notifier.notify(event).await {
                outcome = Err(DispatchError::Notify { sequence, source });
                break;
            }
            to = sequence;
            drained.delivered += 1;
        }
        // Recorded before the error is returned, so that the events taken are not delivered again.
        if to > from {
            self.events.record_delivered(&self.consumer, from, to).await?;
        }
        outcome
    }
}
