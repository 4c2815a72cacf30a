//! Laws of [`Delivery`] over an outbox.

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use pledge_core::sharing::InstanceId;
use pledge_core::stop::Stop;
use pledge_office::base::{
    AttemptOutcome, Delivery, Drained, Message, MessageStatus, RetrySchedule,
};

use super::claims::{HOUR, MINUTE, ONE, TWO};
use super::outbox::{channel, message};
use crate::{MessageChannel, OfficeFixture, Sent};

laws! {
    __outbox_delivery of outbox_delivery(OfficeFixture):
    every_due_message_arrives_once
    a_channel_that_takes_nothing_is_asked_again_by_the_schedule
    a_wait_that_the_receiver_asks_for_is_kept
    what_is_refused_for_good_is_given_up_at_once
    a_message_that_is_not_taken_holds_up_no_other
    a_stop_ends_a_drain_before_the_next_message
    a_drain_is_bounded_and_the_next_goes_on
    a_drain_that_takes_longer_than_a_claim_keeps_it
    of_two_instances_at_once_one_sends
    a_channel_that_was_drained_is_free_for_another_instance
    a_message_is_sent_again_after_a_crash_with_the_same_id
    a_drain_that_ends_anywhere_loses_no_message
    an_instance_that_was_taken_over_records_nothing
    a_message_written_twice_arrives_once
    a_message_of_one_attempt_is_answered_before_it_is_given_up
    messages_are_removed_once_they_were_kept_for_long_enough
}

const RETRY: RetrySchedule = RetrySchedule::USUAL;

fn messages(count: u32) -> Vec<Message> {
    (0..count).map(|number| message(number, "ops")).collect()
}

/// Messages in the order in which they are sent when all are due at once.
fn sorted(messages: &[Message]) -> Vec<Message> {
    let mut sorted = messages.to_vec();
    sorted.sort_by_key(Message::id);
    sorted
}

impl OfficeFixture {
    fn delivery(&self, by: InstanceId) -> Delivery {
        self.delivery_by(by, RETRY)
    }

    fn delivery_by(&self, by: InstanceId, retry: RetrySchedule) -> Delivery {
        let (claims, outbox) = (self.claims.clone(), self.outbox.clone());
        Delivery::new(claims, outbox, by, retry, self.timer.clone())
    }

    pub(super) async fn drain(&self, by: InstanceId, to: &MessageChannel) -> Drained {
        let drained = self.delivery(by).drain(&channel("ops"), to, &Stop::never()).await;
        drained.expect("the store is there")
    }
}

/// Nothing is left, and each attempt is recorded.
async fn every_due_message_arrives_once(office: OfficeFixture) {
    let (messages, to) = (messages(20), MessageChannel::new(&[]));
    office.enqueue(&messages).await;
    let drained = office.drain(ONE, &to).await;
    assert_eq!(drained, Drained { delivered: 20, ..Drained::default() });
    assert_eq!(to.arrived(), sorted(&messages));
    for message in &messages {
        let attempts = office.attempts(message).await;
        let ends: Vec<_> = attempts.iter().filter_map(|attempt| attempt.end.as_ref()).collect();
        let [(_, end)] = ends[..] else { panic!("one attempt: {attempts:?}") };
        assert_eq!((end.outcome, end.detail.as_str()), (AttemptOutcome::Delivered, "taken"));
    }
    assert_eq!(office.drain(ONE, &to).await, Drained::default());
}

/// Each time after the wait of its attempt, until the last.
async fn a_channel_that_takes_nothing_is_asked_again_by_the_schedule(office: OfficeFixture) {
    let message = message(1, "ops");
    office.enqueue(std::slice::from_ref(&message)).await;
    let most = RETRY.attempts_max().get();
    let to = MessageChannel::new(&vec![Sent::Busy(None); most as usize]);
    for attempt in 1..most {
        let failed = Drained { failed: 1, ..Drained::default() };
        assert_eq!(office.drain(ONE, &to).await, failed, "attempt {attempt}");
        office.advance(RETRY.wait(attempt) - Duration::from_secs(5));
        assert_eq!(office.drain(ONE, &to).await, Drained::default(), "after {attempt}");
        office.advance(Duration::from_secs(5));
    }
    assert_eq!(office.drain(ONE, &to).await, Drained { given_up: 1, ..Drained::default() });
    let status = office.state(&message).await.status;
    assert!(matches!(status, MessageStatus::GivenUp(_)), "{status:?}");
    let attempts = office.attempts(&message).await;
    assert_eq!(attempts.len(), most as usize);
    let detail = attempts[0].end.as_ref().map(|(_, end)| end.detail.as_str());
    assert_eq!(detail, Some("send: busy"));
}

/// It is longer than that of the schedule.
async fn a_wait_that_the_receiver_asks_for_is_kept(office: OfficeFixture) {
    office.enqueue(&messages(1)).await;
    let to = MessageChannel::new(&[Sent::Busy(Some(HOUR))]);
    office.drain(ONE, &to).await;
    office.advance(HOUR - Duration::from_secs(30));
    assert_eq!(office.drain(ONE, &to).await, Drained::default());
    office.advance(Duration::from_secs(30));
    assert_eq!(office.drain(ONE, &to).await.delivered, 1);
}

/// Its one attempt has the reason.
async fn what_is_refused_for_good_is_given_up_at_once(office: OfficeFixture) {
    let message = message(1, "ops");
    office.enqueue(std::slice::from_ref(&message)).await;
    let to = MessageChannel::new(&[Sent::Refused]);
    assert_eq!(office.drain(ONE, &to).await, Drained { given_up: 1, ..Drained::default() });
    office.advance(HOUR * 24);
    assert_eq!(office.drain(ONE, &to).await, Drained::default());
    let attempts = office.attempts(&message).await;
    let (_, end) = attempts[0].end.as_ref().expect("it has ended");
    assert_eq!(end.outcome, AttemptOutcome::GivenUp);
    assert!(end.detail.as_str().contains("no such address"), "{end:?}");
}

/// Messages have no order among each other.
async fn a_message_that_is_not_taken_holds_up_no_other(office: OfficeFixture) {
    let (messages, to) = (messages(5), MessageChannel::new(&[Sent::Busy(None), Sent::Refused]));
    office.enqueue(&messages).await;
    let drained = office.drain(ONE, &to).await;
    assert_eq!(drained, Drained { delivered: 3, failed: 1, given_up: 1, more_due: false });
    assert_eq!(to.arrived(), sorted(&messages)[2..]);
}

/// What is under way is ended first.
async fn a_stop_ends_a_drain_before_the_next_message(office: OfficeFixture) {
    office.enqueue(&messages(5)).await;
    let (stop, sent) = (Stop::never(), AtomicUsize::new(0));
    let asked = stop.clone();
    let to = MessageChannel::new(&[]).before(move || {
        if sent.fetch_add(1, Ordering::SeqCst) == 1 {
            asked.request();
        }
    });
    let drained = office.delivery(ONE).drain(&channel("ops"), &to, &stop).await.expect("drain");
    assert_eq!(drained, Drained { delivered: 2, more_due: true, ..Drained::default() });
    assert_eq!(office.due("ops").await.len(), 3);
    assert_eq!(office.drain(TWO, &to).await.delivered, 3, "the claim was released");
}

/// Other channels wait for it.
async fn a_drain_is_bounded_and_the_next_goes_on(office: OfficeFixture) {
    let (messages, to) = (messages(130), MessageChannel::new(&[]));
    office.enqueue(&messages).await;
    let first = office.drain(ONE, &to).await;
    assert_eq!(first, Drained { delivered: 128, more_due: true, ..Drained::default() });
    let second = office.drain(ONE, &to).await;
    assert_eq!(second, Drained { delivered: 2, ..Drained::default() });
    assert_eq!(to.arrived(), sorted(&messages));
}

/// Each message takes as long as a channel may.
async fn a_drain_that_takes_longer_than_a_claim_keeps_it(office: OfficeFixture) {
    office.enqueue(&messages(20)).await;
    let slow = office.clone();
    let to = MessageChannel::new(&[]).before(move || slow.elapse(Delivery::SEND_TIME_MAX));
    let drained = office.drain(ONE, &to).await;
    assert_eq!(drained, Drained { delivered: 20, ..Drained::default() });
}

/// The other one sees that messages may be due.
async fn of_two_instances_at_once_one_sends(office: OfficeFixture) {
    office.enqueue(&messages(5)).await;
    let to = MessageChannel::new(&[]);
    let claim = office.take("outbox:ops", TWO, 5).await.expect("it is free");
    let waits = office.drain(ONE, &to).await;
    assert_eq!(waits, Drained { more_due: true, ..Drained::default() });
    office.claims.release(&claim).await.expect("release");
    let (one, two) = tokio::join!(office.drain(ONE, &to), office.drain(TWO, &to));
    assert_eq!(one.delivered + two.delivered, 5);
    assert_eq!(to.arrived().len(), 5);
}

/// It need not wait for the claim to end.
async fn a_channel_that_was_drained_is_free_for_another_instance(office: OfficeFixture) {
    let to = MessageChannel::new(&[]);
    for (by, number) in [(ONE, 1), (TWO, 2), (ONE, 3)] {
        office.enqueue(&[message(number, "ops")]).await;
        assert_eq!(office.drain(by, &to).await.delivered, 1);
    }
}

/// The instance died when the receiver had the message and nobody had written it down.
async fn a_message_is_sent_again_after_a_crash_with_the_same_id(office: OfficeFixture) {
    let message = message(1, "ops");
    office.enqueue(std::slice::from_ref(&message)).await;
    let to = MessageChannel::new(&[Sent::TakenWithoutAnswer]);
    tokio::select! {
        drained = office.drain(ONE, &to) => panic!("the receiver does not answer: {drained:?}"),
        () = to.next_arrived() => {}
    }
    assert_eq!(office.drain(TWO, &to).await, Drained { more_due: true, ..Drained::default() });
    office.advance(HOUR);
    assert_eq!(office.drain(TWO, &to).await.delivered, 1);
    assert_eq!(to.arrived(), [message.clone(), message.clone()]);
    let attempts = office.attempts(&message).await;
    let has_end: Vec<_> = attempts.iter().map(|attempt| attempt.end.is_some()).collect();
    assert_eq!(has_end, [false, true]);
}

/// Between two of its steps, or within one. The next instance sends what is left, so a message arrives once, or
/// twice where the end of its attempt was not written. How many steps there are depends on how fast the database
/// answers; the end between a send and its record is a law of its own, above.
async fn a_drain_that_ends_anywhere_loses_no_message(office: OfficeFixture) {
    let (ops, to) = (channel("ops"), MessageChannel::new(&[]));
    for polls in 1..2_000 {
        let message = message(polls, "ops");
        office.enqueue(std::slice::from_ref(&message)).await;
        let (delivery, stop) = (office.delivery(ONE), Stop::never());
        let drained = killed_after(polls, delivery.drain(&ops, &to, &stop)).await;
        office.advance(HOUR);
        assert!(!office.drain(TWO, &to).await.more_due, "after {polls} polls");
        let status = office.state(&message).await.status;
        assert!(matches!(status, MessageStatus::Delivered(_)), "after {polls} polls: {status:?}");
        let times = to.arrived().iter().filter(|arrived| **arrived == message).count();
        assert!((1..=2).contains(&times), "after {polls} polls it arrived {times} times");
        if let Some(drained) = drained {
            drained.expect("the store is there");
            return;
        }
    }
    panic!("a drain of one message has fewer steps");
}

/// What a call returns, unless it is dropped before, as by the end of its process.
async fn killed_after<T>(polls: u32, call: impl Future<Output = T>) -> Option<T> {
    let (mut call, mut left) = (pin!(call), polls);
    poll_fn(|context| {
        left -= 1;
        match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// It was paused while it sent, for longer than its claim.
async fn an_instance_that_was_taken_over_records_nothing(office: OfficeFixture) {
    let messages = messages(2);
    office.enqueue(&messages).await;
    let paused = office.clone();
    let to = MessageChannel::new(&[]).before(move || paused.elapse(HOUR));
    assert_eq!(office.drain(ONE, &to).await, Drained { more_due: true, ..Drained::default() });
    assert_eq!(to.arrived().len(), 1);
    let attempts = office.attempts(&to.arrived()[0]).await;
    assert_eq!(attempts.iter().map(|attempt| &attempt.end).collect::<Vec<_>>(), [&None]);
    let other = MessageChannel::new(&[]);
    assert_eq!(office.drain(TWO, &other).await.delivered, 2);
}

/// Also where the second comes after the first was sent.
async fn a_message_written_twice_arrives_once(office: OfficeFixture) {
    let (messages, to) = (messages(3), Arc::new(MessageChannel::new(&[])));
    for _ in 0..2 {
        office.enqueue(&messages).await;
        office.enqueue(&messages).await;
        office.drain(ONE, &to).await;
    }
    assert_eq!(to.arrived(), sorted(&messages));
}

/// The instance died in the first, so the second is the one that counts.
async fn a_message_of_one_attempt_is_answered_before_it_is_given_up(office: OfficeFixture) {
    let message = message(1, "ops");
    office.enqueue(std::slice::from_ref(&message)).await;
    let second = Duration::from_secs(1);
    let once = RetrySchedule::new(second, second, NonZeroU32::MIN).expect("a schedule");
    let delivery = |by| office.delivery_by(by, once);
    let (ops, stop) = (channel("ops"), Stop::never());
    let to = MessageChannel::new(&[Sent::TakenWithoutAnswer, Sent::Busy(None)]);
    let first = delivery(ONE);
    tokio::select! {
        drained = first.drain(&ops, &to, &stop) => panic!("no answer comes: {drained:?}"),
        () = to.next_arrived() => {}
    }
    office.advance(HOUR);
    let drained = delivery(TWO).drain(&ops, &to, &stop).await.expect("the store is there");
    assert_eq!(drained, Drained { given_up: 1, ..Drained::default() });
    let attempts = office.attempts(&message).await;
    let has_end: Vec<_> = attempts.iter().map(|attempt| attempt.end.is_some()).collect();
    assert_eq!(has_end, [false, true]);
}

/// Those that ended: what is due stays, however old it is.
async fn messages_are_removed_once_they_were_kept_for_long_enough(office: OfficeFixture) {
    let (messages, to) = (messages(3), MessageChannel::new(&[Sent::Busy(None)]));
    office.enqueue(&messages).await;
    office.drain(ONE, &to).await;
    let prune = async || office.delivery(ONE).prune(&Stop::never()).await.expect("prune");
    office.advance(Delivery::KEPT - MINUTE);
    assert_eq!(prune().await, 0);
    office.advance(MINUTE);
    let stopped = Stop::never();
    stopped.request();
    assert_eq!(office.delivery(ONE).prune(&stopped).await.expect("prune"), 0);
    assert_eq!(prune().await, 2);
    assert_eq!(office.due("ops").await, [sorted(&messages)[0].id()]);
}
