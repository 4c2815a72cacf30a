//! Laws of [`RequestStore`](pledge_office::access::RequestStore).

use std::time::Duration;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::primitives::B256;
use pledge_office::access::{
    Begun, IdempotencyKey, KeptAnswer, Principal, RequestKey, Turn, UNDER_WAY_FOR,
};

use super::access::{key_id, user_id};
use crate::OfficeFixture;

laws! {
    __access_requests of access_requests(OfficeFixture):
    a_request_begins_once_and_is_answered_by_its_answer
    of_two_that_begin_a_request_at_once_one_gets_the_turn
    another_digest_under_the_key_is_another_request
    keys_of_other_principals_are_others
    a_request_whose_turn_is_old_begins_again
    a_request_that_takes_long_stays_under_way
    a_turn_that_is_over_does_not_last_longer
    the_turn_of_before_keeps_no_answer
    an_answer_is_kept_once
    a_turn_that_is_given_back_lets_the_request_begin_at_once
    a_turn_that_is_over_gives_nothing_back
    a_request_is_known_for_a_day
    a_clock_that_is_set_back_lets_a_request_begin
}

const DIGEST: B256 = B256::repeat_byte(1);

fn request(principal: Principal, key: &str) -> RequestKey {
    RequestKey { principal, key: IdempotencyKey::new(key).expect("a key of a test") }
}

fn one() -> RequestKey {
    request(Principal::User(user_id(1)), "request-1")
}

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer::new(200, body).expect("a short answer")
}

async fn begin(office: &OfficeFixture, request: &RequestKey) -> Begun {
    office.access.begin_request(request, DIGEST).await.expect("begin")
}

async fn turn(office: &OfficeFixture, request: &RequestKey) -> Turn {
    match begin(office, request).await {
        Begun::New(turn) => turn,
        other => panic!("no turn: {other:?}"),
    }
}

fn kind(ended: Result<(), StoreError>) -> StoreErrorKind {
    ended.expect_err("the turn is over").kind()
}

/// Also an empty one, and one of another alphabet.
async fn a_request_begins_once_and_is_answered_by_its_answer(office: OfficeFixture) {
    for (number, body) in ["", "{\"id\":\"安娜\"}", &"x".repeat(60_000)].into_iter().enumerate() {
        let request = request(Principal::User(user_id(1)), &format!("request-{number}"));
        let turn = turn(&office, &request).await;
        assert_eq!(begin(&office, &request).await, Begun::UnderWay);
        let answer = KeptAnswer::new(409, body).expect("an answer of a test");
        office.access.end_request(&turn, &answer).await.expect("end");
        for _ in 0..2 {
            assert_eq!(begin(&office, &request).await, Begun::Done(answer.clone()));
        }
    }
}

async fn of_two_that_begin_a_request_at_once_one_gets_the_turn(office: OfficeFixture) {
    for round in 0..8 {
        let request = request(Principal::User(user_id(1)), &format!("request-{round}"));
        let begin = async || loop {
            match office.access.begin_request(&request, DIGEST).await {
                Ok(begun) => return begun,
                // A server may take back one of two writers that wait for each other.
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        };
        let (a, b, c) = tokio::join!(begin(), begin(), begin());
        let all = [a, b, c];
        let turns = all.iter().filter(|begun| matches!(begun, Begun::New(_))).count();
        let waiting = all.iter().filter(|begun| **begun == Begun::UnderWay).count();
        assert_eq!((turns, waiting), (1, 2), "{all:?}");
    }
}

/// While it is under way, and once it is done.
async fn another_digest_under_the_key_is_another_request(office: OfficeFixture) {
    let other = async || {
        let digest = B256::repeat_byte(2);
        office.access.begin_request(&one(), digest).await.expect("begin")
    };
    let turn = turn(&office, &one()).await;
    assert_eq!(other().await, Begun::Other);
    office.access.end_request(&turn, &answer("done")).await.expect("end");
    assert_eq!(other().await, Begun::Other);
    assert_eq!(begin(&office, &one()).await, Begun::Done(answer("done")));
}

/// Of a key with the id of a user too.
async fn keys_of_other_principals_are_others(office: OfficeFixture) {
    let principals =
        [Principal::User(user_id(1)), Principal::User(user_id(2)), Principal::ApiKey(key_id(1))];
    for principal in principals {
        turn(&office, &request(principal, "request-1")).await;
    }
    turn(&office, &request(principals[0], "Request-1")).await;
}

/// Its holder has died.
async fn a_request_whose_turn_is_old_begins_again(office: OfficeFixture) {
    let first = turn(&office, &one()).await;
    office.advance(UNDER_WAY_FOR - Duration::from_secs(10));
    assert_eq!(begin(&office, &one()).await, Begun::UnderWay);
    office.advance(Duration::from_secs(10));
    let second = turn(&office, &one()).await;
    assert!(second.number > first.number);
    assert_eq!(begin(&office, &one()).await, Begun::UnderWay);
}

/// And its answer is that of the one turn.
async fn a_request_that_takes_long_stays_under_way(office: OfficeFixture) {
    let turn = turn(&office, &one()).await;
    for _ in 0..3 {
        office.advance(UNDER_WAY_FOR - Duration::from_secs(10));
        office.access.keep_turn(&turn).await.expect("it is being done");
        assert_eq!(begin(&office, &one()).await, Begun::UnderWay);
    }
    office.access.end_request(&turn, &answer("done")).await.expect("end");
    assert_eq!(begin(&office, &one()).await, Begun::Done(answer("done")));
}

async fn a_turn_that_is_over_does_not_last_longer(office: OfficeFixture) {
    let first = turn(&office, &one()).await;
    office.advance(UNDER_WAY_FOR);
    let second = turn(&office, &one()).await;
    assert_eq!(kind(office.access.keep_turn(&first).await), StoreErrorKind::Conflict);
    office.access.give_back(&second).await.expect("give back");
    assert_eq!(kind(office.access.keep_turn(&second).await), StoreErrorKind::Conflict);
    let third = turn(&office, &one()).await;
    office.access.end_request(&third, &answer("done")).await.expect("end");
    assert_eq!(kind(office.access.keep_turn(&third).await), StoreErrorKind::Conflict);
}

async fn the_turn_of_before_keeps_no_answer(office: OfficeFixture) {
    let first = turn(&office, &one()).await;
    office.advance(UNDER_WAY_FOR);
    let second = turn(&office, &one()).await;
    let late = office.access.end_request(&first, &answer("first")).await;
    assert_eq!(kind(late), StoreErrorKind::Conflict);
    office.access.end_request(&second, &answer("second")).await.expect("end");
    assert_eq!(begin(&office, &one()).await, Begun::Done(answer("second")));
}

async fn an_answer_is_kept_once(office: OfficeFixture) {
    let turn = turn(&office, &one()).await;
    office.access.end_request(&turn, &answer("first")).await.expect("end");
    let second = office.access.end_request(&turn, &answer("second")).await;
    assert_eq!(kind(second), StoreErrorKind::Conflict);
    assert_eq!(begin(&office, &one()).await, Begun::Done(answer("first")));
    let none = Turn { request: request(Principal::User(user_id(9)), "request-1"), number: 1 };
    let ended = office.access.end_request(&none, &answer("none")).await;
    assert_eq!(kind(ended), StoreErrorKind::Conflict);
}

async fn a_turn_that_is_given_back_lets_the_request_begin_at_once(office: OfficeFixture) {
    let first = turn(&office, &one()).await;
    office.access.give_back(&first).await.expect("give back");
    let late = office.access.end_request(&first, &answer("late")).await;
    assert_eq!(kind(late), StoreErrorKind::Conflict);
    let second = turn(&office, &one()).await;
    assert!(second.number > first.number);
}

/// Neither that of another, nor an answer.
async fn a_turn_that_is_over_gives_nothing_back(office: OfficeFixture) {
    let first = turn(&office, &one()).await;
    office.advance(UNDER_WAY_FOR);
    let second = turn(&office, &one()).await;
    office.access.give_back(&first).await.expect("no error");
    assert_eq!(begin(&office, &one()).await, Begun::UnderWay);
    office.access.end_request(&second, &answer("done")).await.expect("end");
    office.access.give_back(&second).await.expect("no error");
    assert_eq!(begin(&office, &one()).await, Begun::Done(answer("done")));
}

/// From its first beginning. Then its key is that of another request.
async fn a_request_is_known_for_a_day(office: OfficeFixture) {
    let turn = turn(&office, &one()).await;
    office.access.end_request(&turn, &answer("done")).await.expect("end");
    office.advance(KeptAnswer::KEPT - Duration::from_secs(60));
    assert_eq!(begin(&office, &one()).await, Begun::Done(answer("done")));
    office.advance(Duration::from_secs(60));
    let digest = B256::repeat_byte(2);
    let begun = office.access.begin_request(&one(), digest).await.expect("begin");
    assert!(matches!(begun, Begun::New(_)), "{begun:?}");
    assert_eq!(begin(&office, &one()).await, Begun::Other);
}

/// What began later than now is of a clock that was ahead: nobody waits for it.
async fn a_clock_that_is_set_back_lets_a_request_begin(office: OfficeFixture) {
    turn(&office, &one()).await;
    office.set_back(Duration::from_secs(3_600));
    turn(&office, &one()).await;
}
