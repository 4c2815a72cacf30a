//! The port of a channel: where messages go.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::{ErrorKind, PortError};

use super::{Detail, Message};

/// What the caller of a channel does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendErrorKind {
    /// The receiver cannot be reached now, or is busy. Send again later.
    Unavailable {
        /// How long the receiver asks to wait (`Retry-After`), if it does.
        retry_after: Option<Duration>,
    },
    /// The receiver will never take this message: sending it again is pointless.
    Refused,
}

impl ErrorKind for SendErrorKind {}

/// Why a message was not sent, or it is unknown whether it was.
pub type SendError = PortError<SendErrorKind>;

/// Sends messages to one place outside, such as a mail server or a webhook.
///
/// # Contract
/// - `Ok` means that the receiver has the whole message with its id; its detail is what the receiver
///   answered, for people.
/// - The same message may come again, after a crash or a lost answer. It then has the same id and the same
///   text, and the channel passes the id on wherever the receiver can drop duplicates by it.
/// - A call ends within [`Delivery::SEND_TIME_MAX`](super::Delivery::SEND_TIME_MAX); what takes longer is
///   dropped, and counts as `Unavailable`.
/// - A call whose future is dropped may or may not have sent its message; later calls still work.
/// - No error and no detail contains a secret.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Channel: Debug + Send + Sync + 'static {
    /// Sends one message.
    async fn send(&self, message: &Message) -> Result<Detail, SendError>;
}
