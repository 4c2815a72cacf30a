//! The driver of the outbox: claim a channel, send what is due, record each attempt.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::sharing::InstanceId;
use pledge_core::stop::Stop;

use super::{
    AttemptEnd, AttemptOutcome, Channel, Claim, ClaimName, Claims, Detail, Message, MessageState,
    Outbox, RetrySchedule, SendError, SendErrorKind, Timer,
};

/// What a drain of a channel did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// The number of messages that the channel took.
    pub delivered: u64,
    /// The number of attempts that failed and are made again.
    pub failed: u64,
    /// The number of messages that were given up.
    pub given_up: u64,
    /// Whether messages may still be due: a stop came, the bound of a drain was reached, or another
    /// instance has the channel.
    pub more_due: bool,
}

/// Sends what is due to channels: each message at least once, with the same id each time.
///
/// Holds no state: a drain may end at any instant. Only the instance with the channel's claim sends, and
/// an attempt is recorded only under that claim, so an instance that was thought dead records nothing.
/// Within an instance a channel is drained by one at a time: a second drain takes the claim from the first,
/// which then stops, and what it was sending comes twice.
///
/// A message that is sent again is not sent by two instances at once: a send begins within
/// [`Delivery::BEGIN_TIME_MAX`] of the attempt and is dropped after [`Delivery::SEND_TIME_MAX`], and the message
/// is not due again before both are over. A process that is suspended in the middle of a send may break that.
#[derive(Debug, Clone)]
pub struct Delivery {
    claims: Arc<dyn Claims>,
    outbox: Arc<dyn Outbox>,
    instance: InstanceId,
    retry: RetrySchedule,
    timer: Arc<dyn Timer>,
}

impl Delivery {
    /// The time within which a channel answers. A send that takes longer is dropped, and is `Unavailable`.
    pub const SEND_TIME_MAX: Duration = Duration::from_secs(30);
    /// The time within which the store answers that an attempt has begun. Nothing is sent after a later answer:
    /// the rest of the attempt's time is shorter than a send may take.
    pub const BEGIN_TIME_MAX: Duration = Self::ATTEMPT_TIME_MAX
        .checked_sub(Self::SEND_TIME_MAX)
        .expect("a send is a part of an attempt");
    /// The time within which an attempt ends, its records included. One without an end may be under way until
    /// then, and is not repeated before.
    pub const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(60);
    /// How long a message stays, with its attempts, after it has ended.
    pub const KEPT: Duration = Duration::from_secs(30 * 86_400);
    /// Messages sent under one taking or renewal of the claim.
    const BATCH_MESSAGES: usize = 8;
    /// Longer than the messages of a batch take. So long does a channel wait for another instance where
    /// this one dies.
    const CLAIM_LASTS: Duration = Duration::from_secs(300);
    /// Batches of one drain: other channels are served too.
    const BATCHES_MAX: usize = 16;
    /// Messages removed by one write.
    const PRUNED_MESSAGES: usize = 1_000;

    /// Sends for an instance, again by a schedule; the timer measures what an attempt takes.
    pub fn new(
        claims: Arc<dyn Claims>,
        outbox: Arc<dyn Outbox>,
        instance: InstanceId,
        retry: RetrySchedule,
        timer: Arc<dyn Timer>,
    ) -> Self {
        Self { claims, outbox, instance, retry, timer }
    }

    /// Sends the messages of one channel that are due, until none is, `stop` is requested, or the bound of
    /// a drain is reached. `stop` is asked before each message.
    ///
    /// Another instance that has the channel is no error, nor is one that takes it meanwhile. A channel
    /// that does not take a message holds up no other message.
    pub async fn drain(
        &self,
        name: &super::ChannelName,
        channel: &dyn Channel,
        stop: &Stop,
    ) -> Result<Drained, StoreError> {
        let mut drained = Drained::default();
        let claimed = ClaimName::of_channel(name);
        let taken = self.claims.take(&claimed, self.instance, Self::CLAIM_LASTS).await?;
        let Some(claim) = taken else {
            drained.more_due = true;
            return Ok(drained);
        };
        match self.send_batches(&claim, name, channel, stop, &mut drained).await {
            Err(error) if error.kind() == StoreErrorKind::Conflict => {
                tracing::debug!(channel = %name, %error, "the channel was taken by another instance");
                drained.more_due = true;
            }
            sent => sent?,
        }
        self.claims.release(&claim).await?;
        Ok(drained)
    }

    /// Removes the messages that ended [`Delivery::KEPT`] ago or longer, of every channel, and returns how many.
    /// `stop` is asked before each write.
    pub async fn prune(&self, stop: &Stop) -> Result<u64, StoreError> {
        let mut removed = 0;
        while !stop.is_requested() {
            let of_write = self.outbox.prune_messages(Self::KEPT, Self::PRUNED_MESSAGES).await?;
            if of_write == 0 {
                break;
            }
            removed += of_write;
        }
        Ok(removed)
    }

    async fn send_batches(
        &self,
        claim: &Claim,
        name: &super::ChannelName,
        channel: &dyn Channel,
        stop: &Stop,
        drained: &mut Drained,
    ) -> Result<(), StoreError> {
        for _ in 0..Self::BATCHES_MAX {
            let due = self.outbox.due(name, Self::BATCH_MESSAGES).await?;
            if due.is_empty() {
                return Ok(());
            }
            // Renewed by the batch, so that the claim outlasts every answer in it.
            self.claims.renew(claim, Self::CLAIM_LASTS).await?;
            for MessageState { message, .. } in &due {
                if stop.is_requested() {
                    drained.more_due = true;
                    return Ok(());
                }
                self.send(claim, message, channel, drained).await?;
            }
        }
        drained.more_due = true;
        Ok(())
    }

    /// Makes one attempt and records it, before and after.
    async fn send(
        &self,
        claim: &Claim,
        message: &Message,
        channel: &dyn Channel,
        drained: &mut Drained,
    ) -> Result<(), StoreError> {
        let (id, asked) = (message.id(), self.timer.elapsed());
        let Some(begun) = self.outbox.begin_attempt(claim, id, &self.retry).await? else {
            drained.given_up += 1;
            return Ok(());
        };
        // The store may have begun the attempt as soon as it was asked, and others may send once its time is
        // over. Without an end it is no answer of the channel, so it is not counted as one.
        if self.timer.elapsed() > asked + Self::BEGIN_TIME_MAX {
            tracing::warn!(message = %id, "the store answered too late to send a message, which is sent later");
            drained.failed += 1;
            return Ok(());
        }
        let sent = self.send_in_time(message, channel).await;
        let outcome = self.retry.outcome(begun, sent.as_ref().map(drop));
        let end = AttemptEnd { outcome, detail: sent.unwrap_or_else(|error| detail_of(&error)) };
        self.outbox.end_attempt(claim, id, begun.number, &end).await?;
        *match outcome {
            AttemptOutcome::Delivered => &mut drained.delivered,
            AttemptOutcome::Again { .. } => &mut drained.failed,
            AttemptOutcome::GivenUp => &mut drained.given_up,
        } += 1;
        Ok(())
    }

    /// What the channel answers within [`Delivery::SEND_TIME_MAX`]. Its send is dropped then.
    async fn send_in_time(
        &self,
        message: &Message,
        channel: &dyn Channel,
    ) -> Result<Detail, SendError> {
        // Biased, so that an answer that came in time counts.
        tokio::select! {
            biased;
            sent = channel.send(message) => sent,
            () = self.timer.sleep(Self::SEND_TIME_MAX) => {
                let kind = SendErrorKind::Unavailable { retry_after: None };
                let seconds = Self::SEND_TIME_MAX.as_secs();
                Err(SendError::new(kind, "send", format!("no answer within {seconds} seconds")))
            }
        }
    }
}

/// An error with the errors below it, as one line.
fn detail_of(error: &SendError) -> Detail {
    let mut text = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(source) = below {
        text = format!("{text}: {source}");
        below = source.source();
    }
    Detail::new(&text)
}
