//! Who is told what happened.

use std::error::Error as StdError;
use std::fmt::Debug;

use async_trait::async_trait;

use crate::event::SequencedEvent;

/// A delivery that did not happen. The event stays due.
#[derive(Debug, thiserror::Error)]
#[error("event {sequence} was not delivered: {detail}")]
pub struct NotifyError {
    /// Which event.
    pub sequence: u64,
    /// What to do about it.
    pub detail: String,
    /// The error below.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Delivers events to the outside.
///
/// # Contract
/// - `Ok` means that the receiver has the event; anything else leaves it due.
/// - Delivery is at least once: a receiver drops repeats by the event's sequence number.
/// - Events arrive in the order of their sequence numbers.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Notifier: Debug + Send + Sync + 'static {
    /// Delivers one event.
    async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError>;
}
