//! Laws of [`Outbox`](pledge_office::base::Outbox): which messages there are, and which are due.

use std::collections::BTreeSet;
use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_office::base::{
    AttemptEnd, AttemptOutcome, ChannelName, Detail, Message, MessageId, MessageState,
    MessageStatus, RetrySchedule,
};

use super::claims::{HOUR, MINUTE, ONE, kind};
use crate::OfficeFixture;

laws! {
    __outbox of outbox(OfficeFixture):
    a_message_is_due_from_its_writing_and_comes_back_whole
    a_message_that_is_there_is_no_second_one
    a_message_that_has_ended_does_not_come_again
    another_text_under_an_id_is_refused_with_all_of_its_write
    of_writers_of_one_message_at_once_both_succeed
    due_messages_come_by_their_time_and_id
    messages_of_other_channels_are_not_due
    a_clock_that_is_set_back_delays_and_loses_nothing
    a_clock_that_was_far_ahead_hides_no_message
    messages_that_ended_are_removed_in_their_time
    messages_that_are_due_are_never_removed
    what_is_not_there_is_none
}

pub(super) fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).expect("a name of a test")
}

/// The message of a number to a channel.
pub(super) fn message(number: u32, to: &str) -> Message {
    let id = MessageId::of(&["test", &number.to_string(), to]);
    let (subject, body) = (format!("message {number}"), format!("the text of {number}"));
    Message::new(id, channel(to), subject, body).expect("a message of a test")
}

pub(super) fn ended(outcome: AttemptOutcome) -> AttemptEnd {
    AttemptEnd { outcome, detail: Detail::new("a test") }
}

impl OfficeFixture {
    pub(super) async fn enqueue(&self, messages: &[Message]) {
        self.outbox.enqueue(messages).await.expect("enqueue");
    }

    /// The ids of the messages that are due.
    pub(super) async fn due(&self, to: &str) -> Vec<MessageId> {
        let due = self.outbox.due(&channel(to), 1_000).await.expect("read due messages");
        due.iter().map(|state| state.message.id()).collect()
    }

    pub(super) async fn state(&self, message: &Message) -> MessageState {
        let state = self.outbox.message(message.id()).await.expect("read a message");
        state.expect("the message is there")
    }

    /// Makes one attempt, under a claim of its own.
    pub(super) async fn attempt(&self, message: &Message, outcome: AttemptOutcome) {
        let claimed = format!("outbox:{}", message.channel());
        let claim = self.take(&claimed, ONE, 5).await.expect("nobody else has it");
        let (id, retry) = (message.id(), RetrySchedule::USUAL);
        let begun = self.outbox.begin_attempt(&claim, id, &retry).await.expect("begin");
        let number = begun.expect("it has attempts left").number;
        self.outbox.end_attempt(&claim, id, number, &ended(outcome)).await.expect("end");
    }
}

/// Each text is what it was, to the longest.
async fn a_message_is_due_from_its_writing_and_comes_back_whole(office: OfficeFixture) {
    let subject = format!("{} ü\u{1f600}\"'", "s".repeat(238));
    let body = format!("ä\r\n\t\u{1f600}{{}}\\{}", "b".repeat((256 << 10) - 14));
    let whole = Message::new(MessageId::from_bytes([0xff; 16]), channel("ops"), subject, body);
    let empty = Message::new(MessageId::from_bytes([0; 16]), channel("ops"), "s", "");
    for message in [whole, empty].map(|message| message.expect("within its bounds")) {
        office.enqueue(std::slice::from_ref(&message)).await;
        let state = office.state(&message).await;
        assert_eq!((&state.message, state.attempts), (&message, 0));
        assert_eq!(state.status, MessageStatus::Due(state.enqueued));
        let due = office.outbox.due(&channel("ops"), 10).await.expect("read");
        assert!(due.contains(&state));
    }
}

/// What fires twice is one message, as it was written first.
async fn a_message_that_is_there_is_no_second_one(office: OfficeFixture) {
    let messages = [message(1, "ops"), message(2, "ops")];
    office.enqueue(&messages).await;
    let before = office.state(&messages[0]).await;
    office.advance(MINUTE);
    office.enqueue(&messages[..1]).await;
    office.enqueue(&[messages[0].clone(), message(3, "ops"), messages[0].clone()]).await;
    assert_eq!(office.state(&messages[0]).await, before);
    assert_eq!(office.due("ops").await.len(), 3);
}

/// Neither one that was delivered nor one that was given up.
async fn a_message_that_has_ended_does_not_come_again(office: OfficeFixture) {
    let messages = [message(1, "ops"), message(2, "ops")];
    office.enqueue(&messages).await;
    office.attempt(&messages[0], AttemptOutcome::Delivered).await;
    office.attempt(&messages[1], AttemptOutcome::GivenUp).await;
    office.enqueue(&messages).await;
    assert_eq!(office.due("ops").await, []);
    let delivered = office.state(&messages[0]).await.status;
    assert!(matches!(delivered, MessageStatus::Delivered(_)), "{delivered:?}");
    let given_up = office.state(&messages[1]).await.status;
    assert!(matches!(given_up, MessageStatus::GivenUp(_)), "{given_up:?}");
}

/// Another channel, subject or body is another text.
async fn another_text_under_an_id_is_refused_with_all_of_its_write(office: OfficeFixture) {
    let known = message(1, "ops");
    office.enqueue(std::slice::from_ref(&known)).await;
    let before = office.state(&known).await;
    for (to, subject, body) in [
        ("mail", known.subject(), known.body()),
        ("ops", "another", known.body()),
        ("ops", known.subject(), "another"),
    ] {
        let other = Message::new(known.id(), channel(to), subject, body).expect("a message");
        let written = office.outbox.enqueue(&[message(2, "ops"), other, message(3, "ops")]).await;
        assert_eq!(kind(written), StoreErrorKind::Invalid);
    }
    assert_eq!(office.state(&known).await, before);
    assert_eq!(office.due("ops").await, [known.id()]);
    assert_eq!(office.due("mail").await, []);
}

/// In any order: neither waits for the other for ever, and each message is there once.
async fn of_writers_of_one_message_at_once_both_succeed(office: OfficeFixture) {
    let messages: Vec<_> = (0..20).map(|number| message(number, "ops")).collect();
    let reversed: Vec<_> = messages.iter().rev().cloned().collect();
    let (one, other) =
        tokio::join!(office.outbox.enqueue(&messages), office.outbox.enqueue(&reversed));
    one.and(other).expect("both enqueue");
    assert_eq!(office.due("ops").await.len(), 20);
}

/// Those that are due for longer come first, in pages of any length.
async fn due_messages_come_by_their_time_and_id(office: OfficeFixture) {
    let mut expected = Vec::new();
    for minute in 0..3 {
        let messages: Vec<_> = (0..3).map(|number| message(10 * minute + number, "ops")).collect();
        office.enqueue(&messages).await;
        let mut ids: Vec<_> = messages.iter().map(Message::id).collect();
        ids.sort_unstable();
        expected.extend(ids);
        office.advance(MINUTE);
    }
    assert_eq!(office.due("ops").await, expected);
    for limit in 0..=10 {
        let page = office.outbox.due(&channel("ops"), limit).await.expect("read");
        let ids: Vec<_> = page.iter().map(|state| state.message.id()).collect();
        assert_eq!(ids, expected[..limit.min(9)], "a page of {limit}");
    }
}

/// Names are compared whole.
async fn messages_of_other_channels_are_not_due(office: OfficeFixture) {
    let names = ["ops", "op", "ops2"];
    for (name, number) in names.into_iter().zip(0..) {
        office.enqueue(&[message(number, name)]).await;
    }
    for (name, number) in names.into_iter().zip(0..) {
        assert_eq!(office.due(name).await, [message(number, name).id()]);
    }
    assert_eq!(office.due("other").await, []);
}

/// What was due is due again once the clock is where it was.
async fn a_clock_that_is_set_back_delays_and_loses_nothing(office: OfficeFixture) {
    let (first, second) = (message(1, "ops"), message(2, "ops"));
    office.enqueue(std::slice::from_ref(&first)).await;
    office.set_back(HOUR);
    office.enqueue(std::slice::from_ref(&second)).await;
    assert_eq!(office.due("ops").await, [second.id()]);
    office.attempt(&second, AttemptOutcome::Delivered).await;
    office.advance(HOUR);
    assert_eq!(office.due("ops").await, [first.id()]);
}

/// It was ahead by more than any wait, when one was written, one waited and one was sent. They come behind the
/// others, in pages of any length, and each is sent.
async fn a_clock_that_was_far_ahead_hides_no_message(office: OfficeFixture) {
    let (hidden, usual): (Vec<_>, Vec<_>) =
        ((0..3).map(|n| message(n, "ops")).collect(), (3..5).map(|n| message(n, "ops")).collect());
    let year = HOUR * 24 * 365;
    office.advance(year);
    office.enqueue(&hidden).await;
    office.attempt(&hidden[1], AttemptOutcome::Again { after: HOUR }).await;
    let claim = office.take("outbox:ops", ONE, 5).await.expect("it is its own");
    let begun = office.outbox.begin_attempt(&claim, hidden[2].id(), &RetrySchedule::USUAL).await;
    assert!(begun.expect("begin").is_some());
    office.set_back(year);
    office.enqueue(&usual).await;
    let all = office.due("ops").await;
    let ids = |messages: &[Message]| messages.iter().map(Message::id).collect::<BTreeSet<_>>();
    assert_eq!(all.iter().take(2).copied().collect::<BTreeSet<_>>(), ids(&usual));
    assert_eq!(all.iter().skip(2).copied().collect::<BTreeSet<_>>(), ids(&hidden));
    for limit in 0..=6 {
        let page = office.outbox.due(&channel("ops"), limit).await.expect("read");
        let page: Vec<_> = page.iter().map(|state| state.message.id()).collect();
        assert_eq!(page, all[..limit.min(5)], "a page of {limit}");
    }
    for message in &hidden {
        office.attempt(message, AttemptOutcome::Delivered).await;
    }
    assert_eq!(office.due("ops").await.len(), 2);
}

/// With their attempts, the oldest first, no more than asked for. Then the id is a new message.
async fn messages_that_ended_are_removed_in_their_time(office: OfficeFixture) {
    let messages: Vec<_> = (0..5).map(|number| message(number, "ops")).collect();
    office.enqueue(&messages).await;
    for message in &messages {
        office.attempt(message, AttemptOutcome::Delivered).await;
        office.advance(MINUTE);
    }
    let prune = async |kept, limit| office.outbox.prune_messages(kept, limit).await.expect("prune");
    assert_eq!(prune(HOUR, 100).await, 0);
    assert_eq!(prune(MINUTE * 4, 100).await, 2);
    assert_eq!(prune(MINUTE, 2).await, 2);
    let left = async |message: &Message| {
        let state = office.outbox.message(message.id()).await.expect("read");
        let attempts = office.attempts(message).await;
        (state.is_some(), attempts.len())
    };
    for gone in &messages[..4] {
        assert_eq!(left(gone).await, (false, 0));
    }
    assert_eq!(left(&messages[4]).await, (true, 1));
    office.enqueue(&messages[..1]).await;
    assert_eq!(office.state(&messages[0]).await.attempts, 0);
}

/// However old they are.
async fn messages_that_are_due_are_never_removed(office: OfficeFixture) {
    let messages = [message(1, "ops"), message(2, "ops")];
    office.enqueue(&messages).await;
    let after = Duration::from_secs(20);
    office.attempt(&messages[1], AttemptOutcome::Again { after }).await;
    office.advance(HOUR * 24 * 365);
    let pruned = office.outbox.prune_messages(Duration::ZERO, 100).await.expect("prune");
    assert_eq!((pruned, office.due("ops").await.len()), (0, 2));
    let before_all_times = office.outbox.prune_messages(Duration::MAX, 100).await;
    assert_eq!(before_all_times.expect("nothing is so old"), 0);
}

/// Reading it is no error; an attempt at it is.
async fn what_is_not_there_is_none(office: OfficeFixture) {
    let id = message(1, "ops").id();
    assert_eq!(office.outbox.message(id).await.expect("read"), None);
    assert_eq!(office.outbox.attempts(id, 0, 10).await.expect("read"), []);
    let claim = office.take("outbox:ops", ONE, 5).await.expect("it is free");
    let begun = office.outbox.begin_attempt(&claim, id, &RetrySchedule::USUAL).await;
    assert_eq!(kind(begun), StoreErrorKind::Invalid);
    let end = ended(AttemptOutcome::Delivered);
    let recorded = office.outbox.end_attempt(&claim, id, 1, &end).await;
    assert_eq!(kind(recorded), StoreErrorKind::Invalid);
}
