//! Laws of [`SessionStore`](pledge_office::access::SessionStore): what refresh tokens give.

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_office::access::{RefreshTimes, Refreshed, SessionEnd, TokenHash, UserId};

use super::access::{
    actions, attribution, hash, machine, made, records, session, session_id, signed_in, user_id,
};
use crate::OfficeFixture;

laws! {
    __access_refresh of access_refresh(OfficeFixture):
    a_token_gives_the_first_of_its_successors
    a_session_is_refreshed_by_token_after_token
    a_lost_answer_is_given_again
    a_successor_that_is_not_named_is_not_given_again
    a_token_that_is_used_again_ends_its_session
    a_token_that_is_used_again_after_its_successor_ends_its_session_at_once
    a_reuse_is_recorded_once
    of_two_that_present_a_token_at_once_both_get_the_same_successor
    of_many_that_present_a_stolen_token_at_once_none_gets_a_second_family
    a_token_of_a_session_that_has_ended_is_over
    a_token_of_a_user_that_may_not_sign_in_is_over
    a_token_that_was_idle_too_long_is_over
    a_token_of_a_session_that_lasted_too_long_is_over
    a_token_that_is_none_is_over
    a_token_needs_a_successor
}

const ANNA: UserId = user_id(1);
const DAY: Duration = Duration::from_secs(86_400);

async fn with_session(office: &OfficeFixture) {
    made(office, 1, "anna", "member").await;
    signed_in(office, 1, ANNA, "anna").await;
}

async fn present(office: &OfficeFixture, token: &str, successors: &[&str]) -> Refreshed {
    let successors: Vec<TokenHash> = successors.iter().map(|text| hash(text)).collect();
    let (by, token, times) = (attribution("sign-in"), hash(token), RefreshTimes::USUAL);
    // A server may take back one of two writers that wait for each other.
    loop {
        match office.access.refresh(&token, &successors, &times, &by).await {
            Ok(refreshed) => return refreshed,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
}

/// The token that was given.
fn given(refreshed: &Refreshed) -> Option<TokenHash> {
    match refreshed {
        Refreshed::Successor { token, .. } => Some(*token),
        Refreshed::Reused | Refreshed::Over => None,
    }
}

async fn a_token_gives_the_first_of_its_successors(office: OfficeFixture) {
    with_session(&office).await;
    let refreshed = present(&office, "1", &["2", "2 by another key"]).await;
    assert_eq!(given(&refreshed), Some(hash("2")));
    let of_token = async |token: &str| {
        office.access.session_of_token(&hash(token)).await.expect("read").map(|one| one.id)
    };
    assert_eq!(of_token("2").await, Some(session_id(1)));
    assert_eq!(of_token("2 by another key").await, None);
}

/// Its own facts stay, but for the time of the newest token.
async fn a_session_is_refreshed_by_token_after_token(office: OfficeFixture) {
    with_session(&office).await;
    let before = session(&office, 1).await;
    for number in 1..=6 {
        office.advance(DAY * 13);
        let (token, next) = (number.to_string(), (number + 1).to_string());
        let refreshed = present(&office, &token, &[&next]).await;
        let Refreshed::Successor { session: seen, .. } = refreshed else {
            panic!("token {number} gives {refreshed:?}");
        };
        let after = session(&office, 1).await;
        assert_eq!(seen, after);
        assert!(after.refreshed > before.refreshed);
        assert_eq!((after.signed_in, after.until), (before.signed_in, before.until));
    }
}

/// For the time of the grace.
async fn a_lost_answer_is_given_again(office: OfficeFixture) {
    with_session(&office).await;
    present(&office, "1", &["2"]).await;
    office.advance(Duration::from_secs(5));
    let again = present(&office, "1", &["2 by a new key", "2"]).await;
    assert_eq!(given(&again), Some(hash("2")));
    assert_eq!(given(&present(&office, "2", &["3"]).await), Some(hash("3")));
}

/// The key that it was derived by is gone. The session stays.
async fn a_successor_that_is_not_named_is_not_given_again(office: OfficeFixture) {
    with_session(&office).await;
    present(&office, "1", &["2"]).await;
    assert_eq!(present(&office, "1", &["other"]).await, Refreshed::Over);
    assert_eq!(session(&office, 1).await.ended, None);
}

async fn a_token_that_is_used_again_ends_its_session(office: OfficeFixture) {
    with_session(&office).await;
    present(&office, "1", &["2"]).await;
    office.advance(Duration::from_secs(60));
    assert_eq!(present(&office, "1", &["2"]).await, Refreshed::Reused);
    let ended = session(&office, 1).await.ended;
    assert_eq!(ended.map(|(_, end)| end), Some(SessionEnd::TokenReused));
    assert_eq!(office.access.caller_of_session(session_id(1)).await.expect("read"), None);
    assert_eq!(present(&office, "2", &["3"]).await, Refreshed::Over);
}

/// The answer has arrived: there is no grace.
async fn a_token_that_is_used_again_after_its_successor_ends_its_session_at_once(
    office: OfficeFixture,
) {
    with_session(&office).await;
    present(&office, "1", &["2"]).await;
    present(&office, "2", &["3"]).await;
    assert_eq!(present(&office, "1", &["2"]).await, Refreshed::Reused);
}

/// Under the attribution that is given. Then every token is over.
async fn a_reuse_is_recorded_once(office: OfficeFixture) {
    with_session(&office).await;
    present(&office, "1", &["2"]).await;
    present(&office, "2", &["3"]).await;
    for expected in [Refreshed::Reused, Refreshed::Over, Refreshed::Over] {
        assert_eq!(present(&office, "1", &["2"]).await, expected);
    }
    assert_eq!(actions(&office).await, ["create_user", "reuse_token"]);
    let record = &records(&office).await[0];
    assert_eq!(record.by, attribution("sign-in"));
    assert_eq!(record.act.object.to_string(), format!("session:{}", session_id(1)));
    let after = serde_json::to_string(&record.act.after).expect("a snapshot is JSON");
    assert!(after.contains("token_reused") && after.contains(&ANNA.to_string()), "{after}");
}

/// One rotates it, the other repeats the answer.
async fn of_two_that_present_a_token_at_once_both_get_the_same_successor(office: OfficeFixture) {
    with_session(&office).await;
    for number in 1..=8 {
        let (token, next) = (number.to_string(), (number + 1).to_string());
        let expected = Some(hash(&next));
        let successors = [&*next];
        let present = async || present(&office, &token, &successors).await;
        let (one, two) = tokio::join!(present(), present());
        assert_eq!((given(&one), given(&two)), (expected, expected), "{one:?} {two:?}");
    }
    assert_eq!(session(&office, 1).await.ended, None);
}

/// Callers with keys of their own name other successors: one of them is given, to one.
async fn of_many_that_present_a_stolen_token_at_once_none_gets_a_second_family(
    office: OfficeFixture,
) {
    with_session(&office).await;
    let present = async |name: &str| given(&present(&office, "1", &[name]).await);
    let (a, b, c, d) = tokio::join!(present("a"), present("b"), present("c"), present("d"));
    let given: Vec<_> = [a, b, c, d].into_iter().flatten().collect();
    assert_eq!(given.len(), 1, "{given:?}");
    let of_token = office.access.session_of_token(&given[0]).await.expect("read");
    assert_eq!(of_token.map(|one| one.id), Some(session_id(1)));
}

async fn a_token_of_a_session_that_has_ended_is_over(office: OfficeFixture) {
    with_session(&office).await;
    let logout = SessionEnd::Logout;
    office.access.end_session(ANNA, session_id(1), logout).await.expect("end");
    assert_eq!(present(&office, "1", &["2"]).await, Refreshed::Over);
    assert_eq!(session(&office, 1).await.ended.map(|(_, end)| end), Some(logout));
}

async fn a_token_of_a_user_that_may_not_sign_in_is_over(office: OfficeFixture) {
    with_session(&office).await;
    office.access.ban_user(ANNA, &machine()).await.expect("ban");
    assert_eq!(present(&office, "1", &["2"]).await, Refreshed::Over);
    office.access.lift_ban(ANNA, &machine()).await.expect("lift");
    assert_eq!(present(&office, "1", &["2"]).await, Refreshed::Over);
}

async fn a_token_that_was_idle_too_long_is_over(office: OfficeFixture) {
    with_session(&office).await;
    office.advance(DAY * 14);
    assert_eq!(present(&office, "1", &["2"]).await, Refreshed::Over);
}

async fn a_token_of_a_session_that_lasted_too_long_is_over(office: OfficeFixture) {
    with_session(&office).await;
    for number in 1..=9 {
        office.advance(DAY * 9 + Duration::from_secs(86_000));
        let (token, next) = (number.to_string(), (number + 1).to_string());
        assert!(given(&present(&office, &token, &[&next]).await).is_some(), "{number}");
    }
    office.advance(DAY);
    assert_eq!(present(&office, "10", &["11"]).await, Refreshed::Over);
}

async fn a_token_that_is_none_is_over(office: OfficeFixture) {
    with_session(&office).await;
    assert_eq!(present(&office, "7", &["8"]).await, Refreshed::Over);
}

async fn a_token_needs_a_successor(office: OfficeFixture) {
    with_session(&office).await;
    let by = attribution("sign-in");
    let presented = office.access.refresh(&hash("1"), &[], &RefreshTimes::USUAL, &by).await;
    assert_eq!(presented.expect_err("it is wrong").kind(), StoreErrorKind::Invalid);
    assert_eq!(given(&present(&office, "1", &["2"]).await), Some(hash("2")));
}
