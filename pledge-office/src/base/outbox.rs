//! The port of the outbox.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use super::{
    Attempt, AttemptEnd, BegunAttempt, ChannelName, Claim, Message, MessageId, MessageState,
    RetrySchedule,
};

/// Messages until their channel has them, and every attempt to send one.
///
/// A domain adds a message in the transaction that moves what fires it, so there is no fact without its
/// message, and none twice. The holder of a channel's claim sends what is due.
///
/// # Contract
/// - A message is due from the moment of its writing. One whose id is there already is no second message,
///   whatever became of the first; one of the same id and another text is `Invalid`, and nothing of the
///   call is written.
/// - Due messages of a channel are returned by the time since which they are due, then by id. Those that a
///   clock which was ahead left due later than any wait ends follow
///   ([`MessageStatus::is_due`](super::MessageStatus::is_due)).
/// - An attempt is written before it is made, and the message is then due after
///   [`RetrySchedule::wait_without_end`]: where an instance dies meanwhile, the attempt stays without an end,
///   and the message is sent again.
/// - An attempt begins only for a message that is due. One that has no attempt left by a schedule of fewer,
///   counting those with an end, is given up instead. So no message is given up that was not once answered
///   by its channel: an attempt without an end is no answer.
/// - An end is written once, for the attempt that began last. What follows from it for the message is
///   written with it. A second end, and one for another attempt, is a `Conflict`. A wait longer than
///   [`RetrySchedule::WAIT_MAX`] is `Invalid`.
/// - Both need the claim of the message's channel (see [`Claims`](super::Claims)): without it they are a
///   `Conflict`, and nothing is written. A claim of another name is `Invalid`, as is an id that is not
///   there.
/// - Messages that are due are never removed; others are, with their attempts, once they ended long enough
///   ago. Then their id may be used again.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Outbox: Debug + Send + Sync + 'static {
    /// Adds messages, in one write of their own.
    async fn enqueue(&self, messages: &[Message]) -> Result<(), StoreError>;

    /// Messages of a channel that are due now, at most `limit`.
    async fn due(
        &self,
        channel: &ChannelName,
        limit: usize,
    ) -> Result<Vec<MessageState>, StoreError>;

    /// Begins an attempt and returns it; `None` if the message was given up instead.
    async fn begin_attempt(
        &self,
        claim: &Claim,
        id: MessageId,
        retry: &RetrySchedule,
    ) -> Result<Option<BegunAttempt>, StoreError>;

    /// Ends an attempt that began.
    async fn end_attempt(
        &self,
        claim: &Claim,
        id: MessageId,
        number: u32,
        end: &AttemptEnd,
    ) -> Result<(), StoreError>;

    /// A message and what became of it.
    async fn message(&self, id: MessageId) -> Result<Option<MessageState>, StoreError>;

    /// The attempts to send a message behind that of a number, in their order, at most `limit`. From 0 on they
    /// are all.
    async fn attempts(
        &self,
        id: MessageId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError>;

    /// Removes messages that ended `kept` ago or longer, at most `limit`, the oldest first, and returns how
    /// many.
    async fn prune_messages(&self, kept: Duration, limit: usize) -> Result<u64, StoreError>;
}
