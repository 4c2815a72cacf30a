//! Delivering events to a receiver outside.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::{ErrorKind, PortError};
use crate::event::SequencedEvent;

/// What the caller of a notifier should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotifyErrorKind {
    /// The receiver cannot be reached now, or is busy. Retry with backoff.
    Unavailable,
    /// The receiver will not take this event, so a retry alone is pointless. Check the receiver or
    /// its configuration; the event stays due until it is taken.
    Refused,
}

impl ErrorKind for NotifyErrorKind {}

/// A failed delivery. The event stays due; the caller that drains the events names it.
pub type NotifyError = PortError<NotifyErrorKind>;

impl NotifyError {
    /// The receiver cannot be reached now: retry with backoff.
    pub fn unavailable(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(NotifyErrorKind::Unavailable, operation, detail)
    }

    /// The receiver refuses the event: a retry alone is pointless.
    pub fn refused(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(NotifyErrorKind::Refused, operation, detail)
    }
}

/// Delivers events to the outside. A [`Dispatcher`](crate::notify::Dispatcher) calls it with one
/// event after the other, in the order of their sequence numbers, each until it is taken.
///
/// # Contract
/// - `Ok` means that the receiver has the whole event with its sequence number; any error leaves it
///   due.
/// - Events reach the receiver in the order of the calls.
/// - The same event may come again, after a crash or from a second dispatcher. It then has the same
///   sequence number, by which the receiver drops the duplicate.
/// - A call whose future is dropped may or may not have delivered its event; later calls still
///   work.
///
/// ```
/// use async_trait::async_trait;
/// use pledge_core::event::{Event, EventSeq, SequencedEvent};
/// use pledge_core::ports::{Notifier, NotifyError};
/// use pledge_core::types::ChainId;
/// use tokio::sync::mpsc;
///
/// /// Passes events to another task of this process, which drops duplicates.
/// #[derive(Debug)]
/// struct Channel(mpsc::Sender<SequencedEvent>);
///
/// #[async_trait]
/// impl Notifier for Channel {
///     async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError> {
///         let sent = self.0.send(event.clone()).await;
///         sent.map_err(|_| NotifyError::refused("hand over an event", "nobody listens any more"))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (sender, mut receiver) = mpsc::channel(16);
/// let halted = Event::ChainHalted { chain: ChainId::new(1), reason: "an example".to_owned() };
/// let event = SequencedEvent { sequence: EventSeq::new(7), event: halted.into() };
/// let channel = Channel(sender);
/// channel.notify(&event).await?;
/// assert_eq!(receiver.recv().await, Some(event.clone()));
/// drop(receiver);
/// assert!(channel.notify(&event).await.is_err());
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Notifier: Debug + Send + Sync + 'static {
    /// Delivers one event.
    async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError>;
}
