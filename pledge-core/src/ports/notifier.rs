//! Who is told what happened.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::{ErrorKind, PortError};
use crate::event::SequencedEvent;

/// What the caller of a notifier does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotifyErrorKind {
    /// The receiver cannot be reached now, or is busy. Retry with backoff.
    Unavailable,
    /// The receiver will not take this event: retrying alone is pointless. Look at the receiver or at
    /// its configuration; the event stays due until it is taken.
    Refused,
}

impl ErrorKind for NotifyErrorKind {}

/// A delivery that did not happen. The event stays due; whoever drains names it.
pub type NotifyError = PortError<NotifyErrorKind>;

impl NotifyError {
    /// Retry with backoff.
    pub fn unavailable(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(NotifyErrorKind::Unavailable, operation, detail)
    }

    /// Retrying alone is pointless.
    pub fn refused(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(NotifyErrorKind::Refused, operation, detail)
    }
}

/// Delivers events to the outside. A [`Dispatcher`](crate::notify::Dispatcher) calls it: one event
/// after the other, in the order of their sequence numbers, each until it is taken.
///
/// # Contract
/// - `Ok` means that the receiver has the event, whole and with its sequence number; anything else
///   leaves it due.
/// - Events reach the receiver in the order of the calls.
/// - The same event may come again, after a crash or from a second dispatcher. That is no error: it
///   is delivered with the same sequence number, by which the receiver drops it.
/// - A call whose future is dropped may have delivered its event or not; later calls are not harmed.
///
/// ```
/// use async_trait::async_trait;
/// use pledge_core::event::{Event, EventSeq, SequencedEvent};
/// use pledge_core::ports::{Notifier, NotifyError};
/// use pledge_core::types::ChainId;
/// use tokio::sync::mpsc;
///
/// /// Hands events to another task of this process, which drops repeats.
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
/// let event = SequencedEvent { sequence: EventSeq::new(7), event: halted };
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
