//! Laws of [`SessionStore`](pledge_office::access::SessionStore): how sessions begin and end.

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::types::ChainId;
use pledge_office::access::{
    ContractSignature, NewSession, NewUser, Permission, Position, RefreshTimes, Refreshed, Refused,
    Session, SessionEnd, Shown, SignedInBy, UserAgent, UserId,
};

use super::access::{
    actions, again, attribution, by, contract_wallet, everywhere, failed, hash, key_wallet,
    machine, made, new_session, new_user, password, records, refused, session, session_id,
    signed_in, user_id, with_managers,
};
use crate::OfficeFixture;

laws! {
    __access_sessions of access_sessions(OfficeFixture):
    a_session_comes_back_as_it_began
    each_way_to_sign_in_begins_a_session
    what_is_not_the_users_begins_no_session
    a_user_that_may_not_sign_in_begins_no_session
    a_session_or_token_that_is_there_is_a_conflict
    of_a_ban_and_a_sign_in_at_once_no_session_is_left
    a_session_lasts_as_long_as_it_was_meant_to
    one_session_too_many_ends_the_one_unused_for_longest
    of_sign_ins_at_once_no_more_than_the_bound_are_left
    a_session_ends_once
    what_ends_no_session_of_the_user_changes_nothing
    every_session_but_the_one_to_keep_ends
    the_sessions_of_a_user_that_last_are_paged_the_newest_first
    ending_the_sessions_of_another_user_needs_the_permission
    ending_the_sessions_of_another_user_leaves_one_record
}

const ANNA: UserId = user_id(1);

async fn begin(
    office: &OfficeFixture,
    new: &NewSession,
) -> Result<Session, pledge_office::access::AccessError> {
    office.access.begin_session(new, &RefreshTimes::USUAL).await
}

fn by_contract(byte: u8, chain: u64) -> ContractSignature {
    let (address, chain) = (Address::repeat_byte(byte), ChainId::new(chain));
    let signature = Bytes::from(vec![7; 3_000]);
    ContractSignature::new(address, chain, B256::repeat_byte(9), signature).expect("short enough")
}

async fn a_session_comes_back_as_it_began(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let new = NewSession {
        address: Some("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().expect("an address")),
        user_agent: Some(UserAgent::new(&"Mozilla 火狐 ".repeat(50))),
        ..new_session(1, ANNA, "anna")
    };
    let begun = begin(&office, &new).await.expect("sign in");
    let expected = Session {
        id: new.id,
        user: ANNA,
        signed_in_by: SignedInBy::Password,
        signed_in: begun.signed_in,
        refreshed: begun.signed_in,
        until: begun.signed_in.checked_add(RefreshTimes::USUAL.whole).expect("an end"),
        address: new.address,
        user_agent: new.user_agent,
        ended: None,
    };
    assert_eq!(begun, expected);
    assert_eq!(session(&office, 1).await, expected);
    let of_token =
        async |token: &str| office.access.session_of_token(&hash(token)).await.expect("read");
    assert_eq!((of_token("1").await, of_token("2").await), (Some(expected), None));
    assert_eq!(office.access.session(session_id(2)).await.expect("read"), None);
}

/// A contract's signature comes back whole.
async fn each_way_to_sign_in_begins_a_session(office: OfficeFixture) {
    let wallets = vec![key_wallet(1), contract_wallet(2, 56)];
    let new = NewUser { wallets, ..new_user(1, "anna") };
    office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("create");
    let key = Address::repeat_byte(1);
    for (number, shown, expected) in [
        (1, Shown::Password(password("anna")), SignedInBy::Password),
        (2, Shown::Key(key), SignedInBy::Key(key)),
        (3, Shown::Contract(by_contract(2, 56)), SignedInBy::Contract(by_contract(2, 56))),
    ] {
        let new = NewSession { shown, ..new_session(number, ANNA, "anna") };
        begin(&office, &new).await.expect("sign in");
        assert_eq!(session(&office, number).await.signed_in_by, expected);
    }
}

/// A password that was changed since, a wallet of another user, a contract at the address of a key.
async fn what_is_not_the_users_begins_no_session(office: OfficeFixture) {
    let new = NewUser { wallets: vec![key_wallet(1)], ..new_user(1, "anna") };
    office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("create");
    for shown in [
        Shown::Password(password("before")),
        Shown::Key(Address::repeat_byte(2)),
        Shown::Contract(by_contract(1, 1)),
    ] {
        let new = NewSession { shown, ..new_session(1, ANNA, "anna") };
        assert_eq!(refused(begin(&office, &new).await), Refused::CredentialChanged);
    }
    assert_eq!(office.access.session(session_id(1)).await.expect("read"), None);
    assert_eq!(office.access.session_of_token(&hash("1")).await.expect("read"), None);
}

async fn a_user_that_may_not_sign_in_begins_no_session(office: OfficeFixture) {
    for (number, name) in [(1, "anna"), (2, "berta")] {
        made(&office, number, name, "member").await;
    }
    office.access.ban_user(ANNA, &machine()).await.expect("ban");
    office.access.remove_user(user_id(2), &machine()).await.expect("remove");
    for (number, name) in [(1, "anna"), (2, "berta"), (3, "carla")] {
        let new = new_session(number, user_id(number), name);
        assert_eq!(refused(begin(&office, &new).await), Refused::NotActive);
    }
}

async fn a_session_or_token_that_is_there_is_a_conflict(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let first = new_session(1, ANNA, "anna");
    begin(&office, &first).await.expect("sign in");
    let same_id = NewSession { token: hash("2"), ..first.clone() };
    let same_token = NewSession { id: session_id(2), ..first };
    for new in [same_id, same_token] {
        assert_eq!(failed(begin(&office, &new).await), StoreErrorKind::Conflict);
    }
}

/// Either the sign-in is refused, or the ban ends its session.
async fn of_a_ban_and_a_sign_in_at_once_no_session_is_left(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in 1..=8 {
        let new = new_session(number, ANNA, "anna");
        let machine = machine();
        let ban = again(async || office.access.ban_user(ANNA, &machine).await);
        let sign_in = again(async || begin(&office, &new).await);
        let (banned, begun) = tokio::join!(ban, sign_in);
        banned.expect("ban");
        if let Ok(begun) = begun {
            assert!(session(&office, number).await.ended.is_some(), "{begun:?}");
        }
        let left = office.access.sessions(ANNA, None, 10).await.expect("read");
        assert_eq!(left, [], "round {number}");
        office.access.lift_ban(ANNA, &machine).await.expect("lift");
    }
}

/// Whatever the times are later.
async fn a_session_lasts_as_long_as_it_was_meant_to(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let hour = Duration::from_secs(3_600);
    let times = RefreshTimes { whole: hour, ..RefreshTimes::USUAL };
    let new = new_session(1, ANNA, "anna");
    office.access.begin_session(&new, &times).await.expect("sign in");
    let lasts =
        async || office.access.caller_of_session(session_id(1)).await.expect("read").is_some();
    office.advance(hour - Duration::from_secs(60));
    assert!(lasts().await);
    office.advance(Duration::from_secs(60));
    assert!(!lasts().await);
    assert_eq!(office.access.sessions(ANNA, None, 10).await.expect("read"), []);
}

/// Signs a user in as often as it may be signed in, a second apart.
async fn with_all_sessions(office: &OfficeFixture) {
    made(office, 1, "anna", "member").await;
    for number in (1_u8..).take(Session::PER_USER_MAX) {
        signed_in(office, number, ANNA, "anna").await;
        office.advance(Duration::from_secs(1));
    }
}

async fn lasting(office: &OfficeFixture) -> usize {
    office.access.sessions(ANNA, None, 1_000).await.expect("read").len()
}

/// A refresh is a use, and other users keep theirs.
async fn one_session_too_many_ends_the_one_unused_for_longest(office: OfficeFixture) {
    made(&office, 2, "berta", "member").await;
    signed_in(&office, 200, user_id(2), "berta").await;
    with_all_sessions(&office).await;
    let (by, times) = (attribution("sweeper"), RefreshTimes::USUAL);
    let refreshed = office.access.refresh(&hash("1"), &[hash("next")], &times, &by).await;
    assert!(matches!(refreshed, Ok(Refreshed::Successor { .. })), "{refreshed:?}");
    assert_eq!(lasting(&office).await, Session::PER_USER_MAX);
    signed_in(&office, 101, ANNA, "anna").await;
    assert_eq!(lasting(&office).await, Session::PER_USER_MAX);
    let ended = session(&office, 2).await.ended.map(|(_, end)| end);
    assert_eq!(ended, Some(SessionEnd::Displaced));
    for kept in [1, 3, 101, 200] {
        assert_eq!(session(&office, kept).await.ended, None, "session {kept}");
    }
}

async fn of_sign_ins_at_once_no_more_than_the_bound_are_left(office: OfficeFixture) {
    with_all_sessions(&office).await;
    let sign_in = async |number| {
        let new = new_session(number, ANNA, "anna");
        again(async || begin(&office, &new).await).await.expect("sign in")
    };
    tokio::join!(sign_in(101), sign_in(102), sign_in(103));
    assert_eq!(lasting(&office).await, Session::PER_USER_MAX);
    for new in [101, 102, 103] {
        assert_eq!(session(&office, new).await.ended, None, "session {new}");
    }
}

/// Its time and its reason stay.
async fn a_session_ends_once(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    signed_in(&office, 1, ANNA, "anna").await;
    let end = async |end| {
        office.access.end_session(ANNA, session_id(1), end).await.expect("end");
    };
    end(SessionEnd::Logout).await;
    let ended = session(&office, 1).await;
    assert_eq!(ended.ended.map(|(_, end)| end), Some(SessionEnd::Logout));
    office.advance(Duration::from_secs(60));
    end(SessionEnd::EndedByUser).await;
    office.access.ban_user(ANNA, &machine()).await.expect("ban");
    assert_eq!(session(&office, 1).await, ended);
}

async fn what_ends_no_session_of_the_user_changes_nothing(office: OfficeFixture) {
    for (number, name) in [(1, "anna"), (2, "berta")] {
        made(&office, number, name, "member").await;
    }
    let before = signed_in(&office, 1, ANNA, "anna").await;
    let logout = SessionEnd::Logout;
    office.access.end_session(user_id(2), session_id(1), logout).await.expect("no error");
    office.access.end_session(ANNA, session_id(9), logout).await.expect("no error");
    let ended = office.access.end_sessions(user_id(2), None, logout).await.expect("no error");
    assert_eq!((ended, session(&office, 1).await), (0, before));
}

async fn every_session_but_the_one_to_keep_ends(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in [1, 2, 3] {
        signed_in(&office, number, ANNA, "anna").await;
    }
    let end = async |keep| {
        office.access.end_sessions(ANNA, keep, SessionEnd::EndedByUser).await.expect("end")
    };
    assert_eq!(end(Some(session_id(2))).await, 2);
    let left = office.access.sessions(ANNA, None, 10).await.expect("read");
    assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [session_id(2)]);
    assert_eq!((end(None).await, end(None).await), (1, 0));
}

async fn the_sessions_of_a_user_that_last_are_paged_the_newest_first(office: OfficeFixture) {
    for (number, name) in [(1, "anna"), (2, "berta")] {
        made(&office, number, name, "member").await;
    }
    for number in [5, 3, 8, 1, 6] {
        signed_in(&office, number, ANNA, "anna").await;
        office.advance(Duration::from_secs(1));
    }
    signed_in(&office, 9, user_id(2), "berta").await;
    let logout = SessionEnd::Logout;
    office.access.end_session(ANNA, session_id(8), logout).await.expect("end");
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = office.access.sessions(ANNA, after, 3).await.expect("read");
        let Some(last) = page.last() else { break };
        after = Some(Position { at: last.signed_in, id: last.id });
        all.extend(page.iter().map(|one| one.id.to_bytes()[0]));
    }
    assert_eq!(all, [6, 1, 3, 5]);
}

async fn ending_the_sessions_of_another_user_needs_the_permission(office: OfficeFixture) {
    with_managers(&office).await;
    made(&office, 1, "anna", "operator").await;
    made(&office, 2, "berta", "viewer").await;
    made(&office, 3, "manager", "manager").await;
    signed_in(&office, 1, ANNA, "anna").await;
    let end = async |by| refused(office.access.end_sessions_by(ANNA, &by).await);
    assert_eq!(end(by(user_id(2))).await, Refused::NotAllowed(Permission::ChangeUsers));
    assert_eq!(end(by(user_id(3))).await, Refused::Outranked(Permission::PauseChains));
    assert_eq!(session(&office, 1).await.ended, None);
}

/// Unless there are none.
async fn ending_the_sessions_of_another_user_leaves_one_record(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in [1, 2] {
        signed_in(&office, number, ANNA, "anna").await;
    }
    for expected in [2, 0] {
        let ended = office.access.end_sessions_by(ANNA, &machine()).await.expect("end");
        assert_eq!(ended, expected);
    }
    let ended = session(&office, 1).await.ended;
    assert_eq!(ended.map(|(_, end)| end), Some(SessionEnd::EndedByOther));
    assert_eq!(actions(&office).await, ["create_user", "end_sessions"]);
    let record = &records(&office).await[0].act;
    assert_eq!(record.object.to_string(), format!("user:{ANNA}"));
}
