//! Laws of [`Delivery`] over a store and a channel that take their time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::stop::Stop;
use pledge_office::base::{
    Attempt, AttemptEnd, AttemptOutcome, BegunAttempt, ChannelName, Claim, Delivery, Drained,
    Message, MessageId, MessageState, Outbox, RetrySchedule,
};

use super::claims::{ONE, TWO};
use super::outbox::{channel, message};
use crate::{MessageChannel, OfficeFixture, Sent};

laws! {
    __outbox_lateness of outbox_lateness(OfficeFixture):
    an_attempt_whose_beginning_was_answered_too_late_is_not_sent
    an_attempt_whose_beginning_was_answered_too_late_is_not_counted
    an_attempt_whose_beginning_was_answered_just_in_time_is_sent
    a_channel_that_does_not_answer_in_time_is_asked_again
}

const SECOND: Duration = Duration::from_secs(1);

/// An outbox whose answers to the beginning of an attempt take a while.
#[derive(Debug)]
struct LateOutbox {
    office: OfficeFixture,
    takes: Duration,
}

#[async_trait]
impl Outbox for LateOutbox {
    async fn begin_attempt(
        &self,
        claim: &Claim,
        id: MessageId,
        retry: &RetrySchedule,
    ) -> Result<Option<BegunAttempt>, StoreError> {
        let begun = self.office.outbox.begin_attempt(claim, id, retry).await;
        self.office.elapse(self.takes);
        begun
    }

    async fn enqueue(&self, messages: &[Message]) -> Result<(), StoreError> {
        self.office.outbox.enqueue(messages).await
    }

    async fn due(
        &self,
        channel: &ChannelName,
        limit: usize,
    ) -> Result<Vec<MessageState>, StoreError> {
        self.office.outbox.due(channel, limit).await
    }

    async fn end_attempt(
        &self,
        claim: &Claim,
        id: MessageId,
        number: u32,
        end: &AttemptEnd,
    ) -> Result<(), StoreError> {
        self.office.outbox.end_attempt(claim, id, number, end).await
    }

    async fn message(&self, id: MessageId) -> Result<Option<MessageState>, StoreError> {
        self.office.outbox.message(id).await
    }

    async fn attempts(
        &self,
        id: MessageId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.office.outbox.attempts(id, after, limit).await
    }

    async fn prune_messages(&self, kept: Duration, limit: usize) -> Result<u64, StoreError> {
        self.office.outbox.prune_messages(kept, limit).await
    }
}

impl OfficeFixture {
    /// A drain by one instance, over a store whose answers to the beginning of an attempt take so long.
    async fn drain_late(&self, takes: Duration, to: &MessageChannel) -> Drained {
        let outbox = Arc::new(LateOutbox { office: self.clone(), takes });
        let (claims, timer) = (self.claims.clone(), self.timer.clone());
        let delivery = Delivery::new(claims, outbox, ONE, RetrySchedule::USUAL, timer);
        delivery.drain(&channel("ops"), to, &Stop::never()).await.expect("the store is there")
    }
}

/// An outbox with one message.
async fn one_message(office: &OfficeFixture) -> Message {
    let message = message(1, "ops");
    office.enqueue(std::slice::from_ref(&message)).await;
    message
}

/// Its time would be over before a send is, and another instance may send then.
async fn an_attempt_whose_beginning_was_answered_too_late_is_not_sent(office: OfficeFixture) {
    let (message, to) = (one_message(&office).await, MessageChannel::new(&[]));
    let drained = office.drain_late(Delivery::BEGIN_TIME_MAX + SECOND, &to).await;
    assert_eq!(drained, Drained { failed: 1, ..Drained::default() });
    assert_eq!(to.arrived(), []);
    office.elapse(Delivery::ATTEMPT_TIME_MAX);
    assert_eq!(office.drain(TWO, &to).await.delivered, 1);
    assert_eq!(to.arrived(), [message]);
}

/// The channel answered nothing, so the message is not given up for it.
async fn an_attempt_whose_beginning_was_answered_too_late_is_not_counted(office: OfficeFixture) {
    let (message, to) = (one_message(&office).await, MessageChannel::new(&[]));
    office.drain_late(Delivery::BEGIN_TIME_MAX + SECOND, &to).await;
    let attempts = office.attempts(&message).await;
    let ends: Vec<_> = attempts.iter().map(|attempt| &attempt.end).collect();
    assert_eq!(ends, [&None]);
}

/// The time that is left is that of a send.
async fn an_attempt_whose_beginning_was_answered_just_in_time_is_sent(office: OfficeFixture) {
    let (message, to) = (one_message(&office).await, MessageChannel::new(&[]));
    let drained = office.drain_late(Delivery::BEGIN_TIME_MAX, &to).await;
    assert_eq!(drained, Drained { delivered: 1, ..Drained::default() });
    assert_eq!(to.arrived(), [message]);
}

/// As if it were busy: with an end, after the wait of the schedule.
async fn a_channel_that_does_not_answer_in_time_is_asked_again(office: OfficeFixture) {
    let (message, to) =
        (one_message(&office).await, MessageChannel::new(&[Sent::TakenWithoutAnswer]));
    let silence = async {
        to.next_arrived().await;
        office.elapse(Delivery::SEND_TIME_MAX);
    };
    let (drained, ()) = tokio::join!(office.drain(ONE, &to), silence);
    assert_eq!(drained, Drained { failed: 1, ..Drained::default() });
    let attempts = office.attempts(&message).await;
    let (_, end) = attempts[0].end.as_ref().expect("it has an end");
    let after = RetrySchedule::USUAL.wait(1);
    assert_eq!(end.outcome, AttemptOutcome::Again { after });
    assert_eq!(end.detail.as_str(), "send: no answer within 30 seconds");
    office.elapse(after);
    assert_eq!(office.drain(ONE, &to).await.delivered, 1);
    assert_eq!(to.arrived(), [message.clone(), message]);
}
