//! Laws of [`AccessUpkeep`](pledge_office::access::AccessUpkeep).

use std::time::Duration;

use pledge_core::primitives::B256;
use pledge_core::types::Timestamp;
use pledge_office::access::{
    Begun, IdempotencyKey, InvitationId, KeptAnswer, NewInvitation, NonceId, Principal,
    RefreshTimes, RequestKey, SessionEnd, TicketHolder, UserId,
};

use super::access::{everywhere, hash, machine, made, session_id, signed_in, user_id};
use crate::OfficeFixture;

laws! {
    __access_upkeep of access_upkeep(OfficeFixture):
    nothing_is_removed_that_is_not_over
    a_session_goes_with_its_tokens_a_month_after_its_end
    an_invitation_goes_a_month_after_its_end
    a_nonce_goes_a_day_after_no_instance_takes_it
    tickets_failures_and_requests_go_when_they_are_over
    what_is_removed_at_once_has_a_bound
}

const ANNA: UserId = user_id(1);
const DAY: Duration = Duration::from_secs(86_400);

async fn prune(office: &OfficeFixture) -> u64 {
    office.access.prune_access(100).await.expect("prune")
}

/// The nonce is over a while from the database's time now.
async fn nonce(office: &OfficeFixture) -> NonceId {
    let anna = office.access.user(ANNA).await.expect("read").expect("it is there");
    let over_at = Timestamp::new(anna.created.get() / 1_000 + 660).expect("a time");
    NonceId { random: [7; 16], over_at }
}

fn request() -> RequestKey {
    let key = IdempotencyKey::new("request-1").expect("a key of a test");
    RequestKey { principal: Principal::User(ANNA), key }
}

/// Of users, roles and keys there is nothing that is ever over.
async fn nothing_is_removed_that_is_not_over(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    made(&office, 2, "berta", "member").await;
    office.access.remove_user(user_id(2), &machine()).await.expect("remove");
    signed_in(&office, 1, ANNA, "anna").await;
    office.access.use_nonce(&nonce(&office).await).await.expect("use");
    let holder = TicketHolder::Session(session_id(1));
    office.access.add_ticket(&hash("ticket"), holder).await.expect("add");
    office.access.begin_request(&request(), B256::ZERO).await.expect("begin");
    assert_eq!(prune(&office).await, 0);
    assert_eq!(office.access.take_ticket(&hash("ticket")).await.expect("take"), Some(holder));
    assert!(!office.access.use_nonce(&nonce(&office).await).await.expect("use"));
    office.advance(DAY * 365 * 5);
    prune(&office).await;
    assert_eq!(office.access.users(None, 10).await.expect("read").len(), 2);
}

/// Whether it ended or was over.
async fn a_session_goes_with_its_tokens_a_month_after_its_end(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in [1, 2] {
        signed_in(&office, number, ANNA, "anna").await;
    }
    let end = SessionEnd::Logout;
    office.access.end_session(ANNA, session_id(1), end).await.expect("end");
    office.advance(DAY * 30 - Duration::from_secs(60));
    assert_eq!(prune(&office).await, 0);
    office.advance(Duration::from_secs(60));
    assert_eq!(prune(&office).await, 1);
    let read = async |number| office.access.session(session_id(number)).await.expect("read");
    assert!(read(1).await.is_none() && read(2).await.is_some());
    assert_eq!(office.access.session_of_token(&hash("1")).await.expect("read"), None);
    office.advance(RefreshTimes::USUAL.whole);
    assert_eq!(prune(&office).await, 1);
    assert!(read(2).await.is_none());
    // Its token may be used again: nothing of it is left.
    signed_in(&office, 1, ANNA, "anna").await;
}

/// And its code may be used again.
async fn an_invitation_goes_a_month_after_its_end(office: OfficeFixture) {
    let new = NewInvitation {
        id: InvitationId::from_bytes([1; 16]),
        hash: hash("code"),
        grants: everywhere("viewer"),
        lasts: DAY,
        note: None,
    };
    office.access.invite(&new, &machine()).await.expect("invite");
    office.advance(DAY * 31 - Duration::from_secs(60));
    assert_eq!(prune(&office).await, 0);
    office.advance(Duration::from_secs(60));
    assert_eq!(prune(&office).await, 1);
    assert_eq!(office.access.invitations(None, 10).await.expect("read"), []);
    office.access.invite(&new, &machine()).await.expect("nothing is left of the first");
}

/// By the database's clock, which may be ahead of theirs.
async fn a_nonce_goes_a_day_after_no_instance_takes_it(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let nonce = nonce(&office).await;
    assert!(office.access.use_nonce(&nonce).await.expect("use"));
    office.advance(DAY);
    assert_eq!(prune(&office).await, 0);
    office.advance(Duration::from_secs(661));
    assert_eq!(prune(&office).await, 1);
}

async fn tickets_failures_and_requests_go_when_they_are_over(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let holder = TicketHolder::Session(session_id(1));
    office.access.add_ticket(&hash("ticket"), holder).await.expect("add");
    let account =
        pledge_office::access::FailureKey::new("anna", "::1".parse().expect("an address"));
    office.access.attempt(account).await.expect("attempt");
    office.access.begin_request(&request(), B256::ZERO).await.expect("begin");
    office.advance(Duration::from_secs(60));
    assert_eq!(prune(&office).await, 1, "the ticket");
    office.advance(KeptAnswer::KEPT);
    assert_eq!(prune(&office).await, 2, "failures and request");
    assert_eq!(prune(&office).await, 0);
    let begun = office.access.begin_request(&request(), B256::ZERO).await.expect("begin");
    assert!(matches!(begun, Begun::New(turn) if turn.number == 1));
}

/// The oldest go first.
async fn what_is_removed_at_once_has_a_bound(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in 1..=5 {
        signed_in(&office, number, ANNA, "anna").await;
        let end = SessionEnd::Logout;
        office.access.end_session(ANNA, session_id(number), end).await.expect("end");
        office.advance(Duration::from_secs(1));
    }
    office.advance(DAY * 30);
    let mut pruned = Vec::new();
    for _ in 0..4 {
        pruned.push(office.access.prune_access(2).await.expect("prune"));
    }
    assert_eq!(pruned, [2, 2, 1, 0]);
}
