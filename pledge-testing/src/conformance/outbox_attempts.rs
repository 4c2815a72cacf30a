//! Laws of [`Outbox`](pledge_office::base::Outbox): attempts, and who may make them.

use std::num::NonZeroU32;
use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_office::base::{
    Attempt, AttemptEnd, AttemptOutcome, BegunAttempt, Claim, Delivery, Detail, Message,
    MessageStatus, RetrySchedule,
};

use super::claims::{HOUR, MINUTE, ONE, TWO, kind};
use super::outbox::{ended, message};
use crate::OfficeFixture;

laws! {
    __outbox_attempts of outbox_attempts(OfficeFixture):
    an_attempt_is_written_before_it_is_made
    every_attempt_is_kept_with_its_end
    a_failed_attempt_is_made_again_after_its_wait
    a_message_that_is_not_due_has_no_attempt
    an_attempt_without_an_end_is_followed_by_another
    a_message_is_not_due_while_an_attempt_may_be_under_way
    a_message_that_was_never_answered_is_not_given_up
    an_attempt_without_an_end_is_not_counted
    a_message_that_had_more_attempts_than_a_new_schedule_is_given_up
    attempts_come_in_pages
    an_end_is_written_once
    an_end_is_of_the_attempt_that_began_last
    a_holder_whose_claim_is_over_writes_nothing
    a_holder_that_was_taken_over_writes_nothing
    a_claim_of_another_name_is_refused
    a_wait_that_is_longer_than_any_is_refused
}

const DELIVERED: AttemptOutcome = AttemptOutcome::Delivered;
const RETRY: RetrySchedule = RetrySchedule::USUAL;

/// A schedule of one attempt.
fn once() -> RetrySchedule {
    let second = Duration::from_secs(1);
    RetrySchedule::new(second, second, NonZeroU32::MIN).expect("a schedule")
}

/// An outbox with one message, and the claim of its channel.
async fn one_message(office: &OfficeFixture) -> (Message, Claim) {
    let message = message(1, "ops");
    office.enqueue(std::slice::from_ref(&message)).await;
    (message, office.take("outbox:ops", ONE, 5).await.expect("it is free"))
}

impl OfficeFixture {
    async fn begin(&self, claim: &Claim, message: &Message) -> Option<u32> {
        self.begin_by(&RETRY, claim, message).await.map(|begun| begun.number)
    }

    async fn begin_by(
        &self,
        retry: &RetrySchedule,
        claim: &Claim,
        message: &Message,
    ) -> Option<BegunAttempt> {
        self.outbox.begin_attempt(claim, message.id(), retry).await.expect("begin an attempt")
    }

    async fn end(&self, claim: &Claim, message: &Message, number: u32, end: &AttemptEnd) {
        self.outbox.end_attempt(claim, message.id(), number, end).await.expect("end an attempt");
    }

    pub(super) async fn attempts(&self, message: &Message) -> Vec<Attempt> {
        self.outbox.attempts(message.id(), 0, usize::MAX).await.expect("read attempts")
    }
}

/// From then on the message is due after the wait of its schedule, whatever becomes of the instance.
async fn an_attempt_is_written_before_it_is_made(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    assert_eq!(office.begin(&claim, &message).await, Some(1));
    let attempts = office.attempts(&message).await;
    let [Attempt { number: 1, began, end: None }] = attempts[..] else { panic!("{attempts:?}") };
    let state = office.state(&message).await;
    let due = began.checked_add(RETRY.wait_without_end(1)).expect("in our time");
    assert_eq!((state.attempts, state.status), (1, MessageStatus::Due(due)));
    assert_eq!(office.due("ops").await, []);
    office.advance(RETRY.wait_without_end(1));
    assert_eq!(office.due("ops").await, [message.id()]);
}

/// In order, each with what it came to.
async fn every_attempt_is_kept_with_its_end(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let again = |seconds| AttemptOutcome::Again { after: Duration::from_secs(seconds) };
    let ends = [
        AttemptEnd { outcome: again(20), detail: Detail::new("503 \u{0}ü\nretry") },
        AttemptEnd { outcome: again(40), detail: Detail::new("") },
        AttemptEnd { outcome: DELIVERED, detail: Detail::new(&"x".repeat(2_000)) },
    ];
    for (number, end) in (1..).zip(&ends) {
        assert_eq!(office.begin(&claim, &message).await, Some(number));
        office.end(&claim, &message, number, end).await;
        office.advance(MINUTE);
    }
    let attempts = office.attempts(&message).await;
    for (number, (attempt, expected)) in (1..).zip(attempts.iter().zip(&ends)) {
        let (at, end) = attempt.end.as_ref().expect("each has ended");
        assert_eq!((attempt.number, end), (number, expected));
        assert!(attempt.began <= *at);
    }
    let state = office.state(&message).await;
    let at = attempts[2].end.as_ref().expect("it has ended").0;
    assert_eq!((state.attempts, state.status), (3, MessageStatus::Delivered(at)));
}

/// Counted from its end, and no sooner.
async fn a_failed_attempt_is_made_again_after_its_wait(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let number = office.begin(&claim, &message).await.expect("the first");
    office.advance(MINUTE);
    let after = MINUTE * 2;
    office.end(&claim, &message, number, &ended(AttemptOutcome::Again { after })).await;
    office.advance(MINUTE);
    assert_eq!(office.due("ops").await, []);
    office.advance(MINUTE);
    assert_eq!(office.due("ops").await, [message.id()]);
}

/// Neither before its time, nor after its end.
async fn a_message_that_is_not_due_has_no_attempt(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let number = office.begin(&claim, &message).await.expect("the first");
    let early = office.outbox.begin_attempt(&claim, message.id(), &RETRY).await;
    assert_eq!(kind(early), StoreErrorKind::Conflict);
    office.end(&claim, &message, number, &ended(DELIVERED)).await;
    office.advance(MINUTE);
    let late = office.outbox.begin_attempt(&claim, message.id(), &RETRY).await;
    assert_eq!(kind(late), StoreErrorKind::Conflict);
    assert_eq!(office.attempts(&message).await.len(), 1);
}

/// Its instance died between the sending and its record: the next sends the same message again.
async fn an_attempt_without_an_end_is_followed_by_another(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    office.begin(&claim, &message).await;
    office.advance(HOUR);
    let next = office.take("outbox:ops", TWO, 5).await.expect("it is over");
    assert_eq!(office.begin(&next, &message).await, Some(2));
    office.end(&next, &message, 2, &ended(DELIVERED)).await;
    let attempts = office.attempts(&message).await;
    assert_eq!((attempts.len(), &attempts[0].end), (2, &None));
    let state = office.state(&message).await;
    assert_eq!((&state.message, state.attempts), (&message, 2));
}

/// Neither by the wait of a short schedule nor for another instance, so its receiver does not get it twice at
/// once.
async fn a_message_is_not_due_while_an_attempt_may_be_under_way(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    assert!(office.begin_by(&once(), &claim, &message).await.is_some());
    office.claims.release(&claim).await.expect("release");
    let other = office.take("outbox:ops", TWO, 5).await.expect("it was released");
    office.advance(Delivery::SEND_TIME_MAX + Duration::from_secs(20));
    assert_eq!(office.due("ops").await, []);
    let begun = office.outbox.begin_attempt(&other, message.id(), &once()).await;
    assert_eq!(kind(begun), StoreErrorKind::Conflict);
    office.advance(Delivery::ATTEMPT_TIME_MAX);
    assert_eq!(office.due("ops").await, [message.id()]);
}

/// However often its instance died meanwhile, by a schedule of any length.
async fn a_message_that_was_never_answered_is_not_given_up(office: OfficeFixture) {
    let message = message(1, "ops");
    office.enqueue(std::slice::from_ref(&message)).await;
    for retry in [once(), RETRY] {
        for _ in 0..=retry.attempts_max().get() {
            let claim = office.take("outbox:ops", ONE, 5).await.expect("it is free or its own");
            let begun = office.begin_by(&retry, &claim, &message).await.expect("it is sent again");
            assert_eq!(begun.ended_before, 0);
            office.advance(HOUR);
        }
    }
    assert_eq!(office.due("ops").await, [message.id()]);
}

/// Those with an end are, wherever they are among the others.
async fn an_attempt_without_an_end_is_not_counted(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let again = ended(AttemptOutcome::Again { after: MINUTE });
    for (number, ended_before) in [(1, 0), (2, 0), (3, 1), (4, 1)] {
        let begun = office.begin_by(&RETRY, &claim, &message).await;
        assert_eq!(begun, Some(BegunAttempt { number, ended_before }));
        if number % 2 == 0 {
            office.end(&claim, &message, number, &again).await;
        }
        office.advance(MINUTE);
    }
}

/// Of any length, from any number on.
async fn attempts_come_in_pages(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    for number in 1..=4 {
        assert_eq!(office.begin(&claim, &message).await, Some(number));
        office.advance(RETRY.wait_without_end(number));
        office.claims.renew(&claim, MINUTE * 5).await.expect("it is held");
    }
    let all = office.attempts(&message).await;
    assert_eq!(all.len(), 4);
    for (after, from) in [(0, 0), (1, 1), (3, 3), (4, 4), (u32::MAX, 4)] {
        for limit in 0..5 {
            let page = office.outbox.attempts(message.id(), after, limit).await.expect("read");
            let end = (from + limit).min(4);
            assert_eq!(page, all[from..end], "{limit} after {after}");
        }
    }
}

/// The end of its last attempt stays as it was.
async fn a_message_that_had_more_attempts_than_a_new_schedule_is_given_up(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let end = ended(AttemptOutcome::Again { after: MINUTE });
    for number in 1..=2 {
        assert_eq!(office.begin(&claim, &message).await, Some(number));
        office.end(&claim, &message, number, &end).await;
        office.advance(MINUTE);
    }
    assert_eq!(office.begin_by(&once(), &claim, &message).await, None);
    let status = office.state(&message).await.status;
    assert!(matches!(status, MessageStatus::GivenUp(_)), "{status:?}");
    let attempts = office.attempts(&message).await;
    assert_eq!(attempts[1].end.as_ref().map(|(_, last)| last), Some(&end));
    assert_eq!(office.due("ops").await, []);
}

/// A repeat changes nothing, as another end does.
async fn an_end_is_written_once(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let number = office.begin(&claim, &message).await.expect("the first");
    office.end(&claim, &message, number, &ended(AttemptOutcome::GivenUp)).await;
    let (state, attempts) = (office.state(&message).await, office.attempts(&message).await);
    for outcome in [AttemptOutcome::GivenUp, DELIVERED, AttemptOutcome::Again { after: MINUTE }] {
        let end = ended(outcome);
        let repeated = office.outbox.end_attempt(&claim, message.id(), number, &end).await;
        assert_eq!(kind(repeated), StoreErrorKind::Conflict);
    }
    assert_eq!(office.state(&message).await, state);
    assert_eq!(office.attempts(&message).await, attempts);
}

/// Not of one before it, nor of one that did not begin.
async fn an_end_is_of_the_attempt_that_began_last(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    office.begin(&claim, &message).await;
    office.advance(MINUTE);
    office.begin(&claim, &message).await;
    let before = (office.state(&message).await, office.attempts(&message).await);
    for number in [0, 1, 3, u32::MAX] {
        let end = ended(DELIVERED);
        let other = office.outbox.end_attempt(&claim, message.id(), number, &end).await;
        assert_eq!(kind(other), StoreErrorKind::Conflict, "{number}");
    }
    assert_eq!((office.state(&message).await, office.attempts(&message).await), before);
}

/// Though nobody has taken it over yet: the next may have done so by the commit.
async fn a_holder_whose_claim_is_over_writes_nothing(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let number = office.begin(&claim, &message).await.expect("the first");
    let before = (office.state(&message).await, office.attempts(&message).await);
    office.advance(HOUR);
    let end = ended(DELIVERED);
    let late = office.outbox.end_attempt(&claim, message.id(), number, &end).await;
    assert_eq!(kind(late), StoreErrorKind::Conflict);
    let begun = office.outbox.begin_attempt(&claim, message.id(), &RETRY).await;
    assert_eq!(kind(begun), StoreErrorKind::Conflict);
    assert_eq!((office.state(&message).await, office.attempts(&message).await), before);
}

/// It was paused, and does not know that another instance goes on for it.
async fn a_holder_that_was_taken_over_writes_nothing(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let number = office.begin(&claim, &message).await.expect("the first");
    office.advance(HOUR);
    let next = office.take("outbox:ops", TWO, 5).await.expect("it is over");
    assert_eq!(office.begin(&next, &message).await, Some(2));
    let before = (office.state(&message).await, office.attempts(&message).await);
    for number in [number, 2] {
        let end = ended(AttemptOutcome::GivenUp);
        let late = office.outbox.end_attempt(&claim, message.id(), number, &end).await;
        assert_eq!(kind(late), StoreErrorKind::Conflict);
    }
    assert_eq!((office.state(&message).await, office.attempts(&message).await), before);
    office.end(&next, &message, 2, &ended(DELIVERED)).await;
}

/// Such as that of another channel, though it is held.
async fn a_claim_of_another_name_is_refused(office: OfficeFixture) {
    let (message, _) = one_message(&office).await;
    let other = office.take("outbox:op", ONE, 5).await.expect("it is free");
    let begun = office.outbox.begin_attempt(&other, message.id(), &RETRY).await;
    assert_eq!(kind(begun), StoreErrorKind::Invalid);
    let recorded = office.outbox.end_attempt(&other, message.id(), 1, &ended(DELIVERED)).await;
    assert_eq!(kind(recorded), StoreErrorKind::Invalid);
    assert_eq!(office.state(&message).await.attempts, 0);
}

/// The attempt stays open. A message due later than that would be taken for one of a clock that was ahead.
async fn a_wait_that_is_longer_than_any_is_refused(office: OfficeFixture) {
    let (message, claim) = one_message(&office).await;
    let number = office.begin(&claim, &message).await.expect("the first");
    let before = (office.state(&message).await, office.attempts(&message).await);
    let longer = RetrySchedule::WAIT_MAX + Duration::from_millis(1);
    for after in [Duration::MAX, Duration::from_secs(1 << 40), longer] {
        let end = ended(AttemptOutcome::Again { after });
        let recorded = office.outbox.end_attempt(&claim, message.id(), number, &end).await;
        assert_eq!(kind(recorded), StoreErrorKind::Invalid);
    }
    assert_eq!((office.state(&message).await, office.attempts(&message).await), before);
}
