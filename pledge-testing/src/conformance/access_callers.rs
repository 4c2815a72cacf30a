//! Laws of who a request is from: [`SessionStore`](pledge_office::access::SessionStore) and
//! [`ApiKeyStore`](pledge_office::access::ApiKeyStore).

use std::time::Duration;

use pledge_core::types::ChainId;
use pledge_office::access::{
    Caller, GivenGrants, Identity, NewApiKey, NewSession, Object, Permission, RefreshTimes,
    SessionEnd, Shown, UserId,
};

use super::access::{
    by, everywhere, hash, key_id, key_prefix, key_wallet, keyed, machine, made, new_key,
    new_session, on_chain, session_id, signed_in, user_id, wallet_user,
};
use crate::OfficeFixture;

laws! {
    __access_callers of access_callers(OfficeFixture):
    the_caller_of_a_session_is_its_user
    a_user_without_a_name_is_called_by_its_wallet
    another_role_is_in_force_at_once
    a_role_is_in_force_where_it_was_given
    there_is_no_caller_of_a_session_that_has_ended
    there_is_no_caller_of_a_banned_or_removed_user
    the_caller_of_a_key_is_a_program_of_its_owner
    a_key_may_do_what_both_it_and_its_owner_may
    a_key_of_an_owner_that_was_demoted_may_do_less_at_once
    there_is_no_caller_of_a_key_that_is_over_or_revoked
    there_is_no_caller_of_a_key_of_a_banned_owner_until_it_may_sign_in_again
    another_hash_under_the_prefix_is_no_key
    a_use_of_a_key_is_noted_once_a_minute
}

const ANNA: UserId = user_id(1);

async fn of_session(office: &OfficeFixture, number: u8) -> Option<Caller> {
    office.access.caller_of_session(session_id(number)).await.expect("read")
}

/// By what it shows, and by its id: the same.
async fn of_key(office: &OfficeFixture, number: u8) -> Option<Caller> {
    let shown = hash(&format!("key {number}"));
    let shown = office.access.caller_of_key(&key_prefix(number), &shown).await.expect("read");
    let by_id = office.access.caller_of_key_id(key_id(number)).await.expect("read");
    assert_eq!(shown, by_id);
    shown.map(|key| key.caller)
}

async fn the_caller_of_a_session_is_its_user(office: OfficeFixture) {
    made(&office, 1, "anna", "viewer").await;
    let session = signed_in(&office, 1, ANNA, "anna").await;
    let caller = of_session(&office, 1).await.expect("it lasts");
    let identity = Identity::User { user: ANNA, name: "anna".to_owned(), session: session.id };
    assert_eq!((&caller.identity, caller.until), (&identity, Some(session.until)));
    assert!(caller.may(Permission::ReadAll, Object::General));
    assert!(!caller.may(Permission::PauseChains, Object::General));
    assert_eq!(of_session(&office, 2).await, None);
}

async fn a_user_without_a_name_is_called_by_its_wallet(office: OfficeFixture) {
    let new = wallet_user(1, key_wallet(7));
    office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("create");
    let shown = Shown::Key(key_wallet(7).address);
    let new = NewSession { shown, ..new_session(1, ANNA, "none") };
    office.access.begin_session(&new, &RefreshTimes::USUAL).await.expect("sign in");
    let Some(Identity::User { name, .. }) = of_session(&office, 1).await.map(|it| it.identity)
    else {
        panic!("no user");
    };
    assert_eq!(name, key_wallet(7).address.to_string());
}

async fn another_role_is_in_force_at_once(office: OfficeFixture) {
    made(&office, 1, "anna", "operator").await;
    signed_in(&office, 1, ANNA, "anna").await;
    let may_pause = async || {
        let caller = of_session(&office, 1).await.expect("it lasts");
        caller.may(Permission::PauseChains, Object::General)
    };
    assert!(may_pause().await);
    office.access.change_grants(ANNA, &everywhere("viewer"), &machine()).await.expect("demote");
    assert!(!may_pause().await);
}

async fn a_role_is_in_force_where_it_was_given(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    office.access.change_grants(ANNA, &on_chain("operator", 56), &machine()).await.expect("give");
    signed_in(&office, 1, ANNA, "anna").await;
    let caller = of_session(&office, 1).await.expect("it lasts");
    let may = |object| caller.may(Permission::PauseChains, object);
    assert!(may(Object::Chain(ChainId::new(56))));
    assert!(!may(Object::Chain(ChainId::new(1))) && !may(Object::General));
}

async fn there_is_no_caller_of_a_session_that_has_ended(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in [1, 2] {
        signed_in(&office, number, ANNA, "anna").await;
    }
    let end = SessionEnd::Logout;
    office.access.end_session(ANNA, session_id(1), end).await.expect("end");
    assert_eq!(of_session(&office, 1).await, None);
    assert!(of_session(&office, 2).await.is_some());
    office.advance(RefreshTimes::USUAL.whole);
    assert_eq!(of_session(&office, 2).await, None);
}

async fn there_is_no_caller_of_a_banned_or_removed_user(office: OfficeFixture) {
    for (number, name) in [(1, "anna"), (2, "berta")] {
        made(&office, number, name, "member").await;
        signed_in(&office, number, user_id(number), name).await;
    }
    office.access.ban_user(ANNA, &machine()).await.expect("ban");
    office.access.remove_user(user_id(2), &machine()).await.expect("remove");
    assert_eq!([of_session(&office, 1).await, of_session(&office, 2).await], [None, None]);
}

async fn the_caller_of_a_key_is_a_program_of_its_owner(office: OfficeFixture) {
    made(&office, 1, "anna", "viewer").await;
    let (owner, name) = (ANNA, "anna/key-1".to_owned());
    let made = keyed(&office, 1, ANNA, everywhere("viewer")).await;
    let until = made.created.checked_add(Duration::from_secs(60));
    let second = NewApiKey { until, ..new_key(2, ANNA, GivenGrants::NONE) };
    office.access.add_api_key(&second, &by(ANNA)).await.expect("make a key");
    let caller = of_key(&office, 1).await.expect("it is in force");
    assert_eq!(caller.identity, Identity::ApiKey { key: key_id(1), name, owner });
    assert!(caller.may(Permission::ReadAll, Object::General) && caller.until.is_none());
    let caller = of_key(&office, 2).await.expect("it is in force");
    assert_eq!(caller.until, until);
    assert!(!caller.may(Permission::ReadAll, Object::General));
}

async fn a_key_may_do_what_both_it_and_its_owner_may(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let on_56 = on_chain("operator", 56);
    office.access.change_grants(ANNA, &on_56, &machine()).await.expect("give");
    // An admin's key for another user: its grants may be wider than the owner's.
    let new = new_key(1, ANNA, everywhere("viewer"));
    office.access.add_api_key(&new, &machine()).await.expect("make a key");
    let caller = of_key(&office, 1).await.expect("it is in force");
    let (here, there) = (Object::Chain(ChainId::new(56)), Object::Chain(ChainId::new(1)));
    assert!(caller.may(Permission::ReadAll, here) && !caller.may(Permission::ReadAll, there));
    assert!(!caller.may(Permission::PauseChains, here));
}

async fn a_key_of_an_owner_that_was_demoted_may_do_less_at_once(office: OfficeFixture) {
    made(&office, 1, "anna", "operator").await;
    keyed(&office, 1, ANNA, everywhere("operator")).await;
    let may = async |permission| {
        let caller = of_key(&office, 1).await.expect("it is in force");
        caller.may(permission, Object::General)
    };
    assert!(may(Permission::PauseChains).await);
    office.access.change_grants(ANNA, &everywhere("viewer"), &machine()).await.expect("demote");
    assert!(!may(Permission::PauseChains).await && may(Permission::ReadAll).await);
}

async fn there_is_no_caller_of_a_key_that_is_over_or_revoked(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let first = keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    let until = first.created.checked_add(Duration::from_secs(60));
    let second = NewApiKey { until, ..new_key(2, ANNA, GivenGrants::NONE) };
    office.access.add_api_key(&second, &by(ANNA)).await.expect("make a key");
    office.access.revoke_api_key(key_id(1), &by(ANNA)).await.expect("revoke");
    assert_eq!(of_key(&office, 1).await, None);
    assert!(of_key(&office, 2).await.is_some());
    office.advance(Duration::from_secs(60));
    assert_eq!(of_key(&office, 2).await, None);
}

async fn there_is_no_caller_of_a_key_of_a_banned_owner_until_it_may_sign_in_again(
    office: OfficeFixture,
) {
    made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    office.access.ban_user(ANNA, &machine()).await.expect("ban");
    assert_eq!(of_key(&office, 1).await, None);
    office.access.lift_ban(ANNA, &machine()).await.expect("lift");
    assert!(of_key(&office, 1).await.is_some());
}

async fn another_hash_under_the_prefix_is_no_key(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    for (prefix, shown) in [(1, "key 2"), (2, "key 1"), (2, "key 2")] {
        let caller = office.access.caller_of_key(&key_prefix(prefix), &hash(shown)).await;
        assert_eq!(caller.expect("read"), None, "{prefix} {shown}");
    }
}

async fn a_use_of_a_key_is_noted_once_a_minute(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    let notes_use = async || {
        let key = office.access.caller_of_key_id(key_id(1)).await.expect("read");
        key.expect("it is in force").notes_use
    };
    let noted = async || {
        office.access.note_key_use(key_id(1)).await.expect("note");
        office.access.api_key(key_id(1)).await.expect("read").expect("it is there").last_used
    };
    assert!(notes_use().await);
    let first = noted().await;
    assert!(first.is_some() && !notes_use().await);
    office.advance(Duration::from_secs(30));
    assert_eq!((noted().await, notes_use().await), (first, false));
    office.advance(Duration::from_secs(30));
    assert!(notes_use().await);
    assert!(noted().await > first);
    office.access.note_key_use(key_id(9)).await.expect("no key is no error");
}
