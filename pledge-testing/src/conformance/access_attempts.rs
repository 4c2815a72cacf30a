//! Laws of [`AttemptStore`](pledge_office::access::AttemptStore).

use std::time::Duration;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::types::Timestamp;
use pledge_office::access::{Attempted, FailureKey, NonceId, TICKET_LASTS, TicketHolder};

use super::access::{hash, key_id, session_id};
use crate::OfficeFixture;

laws! {
    __access_attempts of access_attempts(OfficeFixture):
    a_nonce_is_used_once
    of_two_that_use_a_nonce_at_once_one_does
    a_ticket_is_taken_once
    of_two_that_take_a_ticket_at_once_one_gets_it
    a_ticket_is_over_after_half_a_minute
    a_clock_that_is_set_back_keeps_no_ticket
    a_ticket_that_is_there_is_a_conflict
    attempts_that_fail_wait_longer_and_longer
    an_attempt_that_has_to_wait_counts_for_nothing
    an_attempt_that_is_taken_back_counts_for_nothing
    failures_of_other_accounts_and_networks_delay_nobody
    a_sign_in_that_succeeds_forgets_the_failures
    a_clock_that_is_set_back_makes_nobody_wait_until_it_is_there_again
    attempts_at_once_count_each
    failures_are_forgotten_after_a_day
}

fn nonce(byte: u8) -> NonceId {
    let over_at = Timestamp::new(1_767_279_600).expect("a time of a test");
    NonceId { random: [byte; 16], over_at }
}

/// Repeats a call that a server takes back because another write was in the way.
async fn again<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
}

fn account(name: &str, address: &str) -> FailureKey {
    FailureKey::new(name, address.parse().expect("an address of a test"))
}

fn root() -> FailureKey {
    account("root", "198.51.100.7")
}

async fn attempt(office: &OfficeFixture, key: FailureKey) -> Attempted {
    again(async || office.access.attempt(key).await).await
}

async fn a_nonce_is_used_once(office: OfficeFixture) {
    for byte in [1, 2] {
        let uses = async || office.access.use_nonce(&nonce(byte)).await.expect("use");
        assert_eq!([uses().await, uses().await, uses().await], [true, false, false]);
    }
}

async fn of_two_that_use_a_nonce_at_once_one_does(office: OfficeFixture) {
    for byte in 1..=8 {
        let nonce = nonce(byte);
        let uses = async || again(async || office.access.use_nonce(&nonce).await).await;
        let (a, b, c) = tokio::join!(uses(), uses(), uses());
        assert_eq!([a, b, c].into_iter().filter(|is_first| *is_first).count(), 1);
    }
}

/// It carries its holder.
async fn a_ticket_is_taken_once(office: OfficeFixture) {
    let holders = [TicketHolder::Session(session_id(1)), TicketHolder::ApiKey(key_id(1))];
    for (holder, text) in holders.into_iter().zip(["a", "b"]) {
        office.access.add_ticket(&hash(text), holder).await.expect("add");
        let take = async || office.access.take_ticket(&hash(text)).await.expect("take");
        assert_eq!([take().await, take().await], [Some(holder), None]);
    }
    assert_eq!(office.access.take_ticket(&hash("c")).await.expect("take"), None);
}

async fn of_two_that_take_a_ticket_at_once_one_gets_it(office: OfficeFixture) {
    let holder = TicketHolder::Session(session_id(1));
    for round in 0..8 {
        let ticket = hash(&format!("ticket {round}"));
        office.access.add_ticket(&ticket, holder).await.expect("add");
        let take = async || again(async || office.access.take_ticket(&ticket).await).await;
        let (a, b, c) = tokio::join!(take(), take(), take());
        let taken: Vec<_> = [a, b, c].into_iter().flatten().collect();
        assert_eq!(taken, [holder]);
    }
}

async fn a_ticket_is_over_after_half_a_minute(office: OfficeFixture) {
    let holder = TicketHolder::Session(session_id(1));
    for text in ["early", "late"] {
        office.access.add_ticket(&hash(text), holder).await.expect("add");
    }
    let take = async |text| office.access.take_ticket(&hash(text)).await.expect("take");
    office.advance(TICKET_LASTS - Duration::from_secs(10));
    assert_eq!(take("early").await, Some(holder));
    office.advance(Duration::from_secs(10));
    assert_eq!(take("late").await, None);
}

/// It would last for longer than any is meant to.
async fn a_clock_that_is_set_back_keeps_no_ticket(office: OfficeFixture) {
    let holder = TicketHolder::Session(session_id(1));
    office.access.add_ticket(&hash("a"), holder).await.expect("add");
    office.set_back(Duration::from_secs(3_600));
    assert_eq!(office.access.take_ticket(&hash("a")).await.expect("take"), None);
}

async fn a_ticket_that_is_there_is_a_conflict(office: OfficeFixture) {
    let holder = TicketHolder::Session(session_id(1));
    office.access.add_ticket(&hash("a"), holder).await.expect("add");
    let other = TicketHolder::ApiKey(key_id(1));
    let error = office.access.add_ticket(&hash("a"), other).await.expect_err("it is there");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(office.access.take_ticket(&hash("a")).await.expect("take"), Some(holder));
}

/// The first three cost nothing.
async fn attempts_that_fail_wait_longer_and_longer(office: OfficeFixture) {
    for _ in 0..3 {
        assert_eq!(attempt(&office, root()).await, Attempted::May);
    }
    for wait in [1, 2, 4, 8] {
        let wait = Duration::from_secs(wait);
        let Attempted::Wait(left) = attempt(&office, root()).await else {
            panic!("no wait of {wait:?}");
        };
        assert!(left <= wait && left + Duration::from_millis(900) > wait, "{left:?} of {wait:?}");
        office.advance(wait);
        assert_eq!(attempt(&office, root()).await, Attempted::May);
    }
}

async fn an_attempt_that_has_to_wait_counts_for_nothing(office: OfficeFixture) {
    for _ in 0..3 {
        attempt(&office, root()).await;
    }
    for _ in 0..20 {
        assert!(matches!(attempt(&office, root()).await, Attempted::Wait(_)));
    }
    office.advance(Duration::from_secs(1));
    assert_eq!(attempt(&office, root()).await, Attempted::May);
}

/// And no other one: what is taken back once too often leaves nothing.
async fn an_attempt_that_is_taken_back_counts_for_nothing(office: OfficeFixture) {
    let take_back = async || office.access.take_back(root()).await.expect("take back");
    take_back().await;
    for _ in 0..10 {
        assert_eq!(attempt(&office, root()).await, Attempted::May);
        take_back().await;
    }
    take_back().await;
    for _ in 0..3 {
        assert_eq!(attempt(&office, root()).await, Attempted::May);
    }
    assert!(matches!(attempt(&office, root()).await, Attempted::Wait(_)));
}

async fn failures_of_other_accounts_and_networks_delay_nobody(office: OfficeFixture) {
    for _ in 0..4 {
        attempt(&office, root()).await;
    }
    for other in [account("boot", "198.51.100.7"), account("root", "203.0.113.7")] {
        assert_eq!(attempt(&office, other).await, Attempted::May);
    }
}

async fn a_sign_in_that_succeeds_forgets_the_failures(office: OfficeFixture) {
    for _ in 0..20 {
        assert_eq!(attempt(&office, root()).await, Attempted::May);
        office.access.forget_failures(root()).await.expect("forget");
    }
    office.access.forget_failures(account("none", "::1")).await.expect("nothing is no error");
}

/// The wait begins again, and is no longer than it was.
async fn a_clock_that_is_set_back_makes_nobody_wait_until_it_is_there_again(office: OfficeFixture) {
    for _ in 0..3 {
        attempt(&office, root()).await;
    }
    office.set_back(Duration::from_secs(86_400));
    let Attempted::Wait(left) = attempt(&office, root()).await else { panic!("no wait") };
    assert!(left <= Duration::from_secs(1), "{left:?}");
    office.advance(Duration::from_secs(1));
    assert_eq!(attempt(&office, root()).await, Attempted::May);
}

/// So that no more than the free ones look at a password.
async fn attempts_at_once_count_each(office: OfficeFixture) {
    let attempt = async || attempt(&office, root()).await == Attempted::May;
    let (a, b, c, d, e, f) =
        tokio::join!(attempt(), attempt(), attempt(), attempt(), attempt(), attempt());
    assert_eq!([a, b, c, d, e, f].into_iter().filter(|may| *may).count(), 3);
}

async fn failures_are_forgotten_after_a_day(office: OfficeFixture) {
    for _ in 0..3 {
        attempt(&office, root()).await;
    }
    office.advance(Duration::from_secs(86_400));
    for _ in 0..3 {
        assert_eq!(attempt(&office, root()).await, Attempted::May);
    }
    assert!(matches!(attempt(&office, root()).await, Attempted::Wait(_)));
}
