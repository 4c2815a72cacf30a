//! Laws of [`ApiKeyStore`](pledge_office::access::ApiKeyStore): how keys are made and revoked.

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_office::access::{
    ApiKey, GivenGrants, KeyName, NewApiKey, Permission, Position, Refused, UserId,
};

use super::access::{
    actions, by, everywhere, failed, key_id, key_prefix, keyed, machine, made, new_key, on_chain,
    records, refused, role, role_name, user_id,
};
use crate::OfficeFixture;

laws! {
    __access_api_keys of access_api_keys(OfficeFixture):
    a_key_comes_back_as_it_was_made
    a_user_makes_and_revokes_its_own_keys_without_a_permission
    a_key_of_another_user_needs_the_permission
    a_key_of_a_user_that_may_do_more_is_neither_made_nor_revoked
    a_key_gets_no_permission_that_the_actor_lacks
    a_key_with_a_role_that_is_missing_is_refused
    a_key_is_made_for_an_owner_that_may_sign_in
    a_key_has_an_end_that_lies_ahead
    a_name_is_of_one_key_of_the_owner_that_was_not_revoked
    an_owner_has_few_keys
    a_key_or_prefix_that_is_there_is_a_conflict
    a_key_that_was_revoked_stays_so
    a_key_that_is_none_is_not_revoked
    keys_are_paged_the_newest_first
    each_act_on_a_key_leaves_one_record
}

const ANNA: UserId = user_id(1);
const BERTA: UserId = user_id(2);

async fn a_key_comes_back_as_it_was_made(office: OfficeFixture) {
    made(&office, 1, "anna", "operator").await;
    let made = keyed(&office, 1, ANNA, on_chain("operator", 56)).await;
    let new = new_key(1, ANNA, on_chain("operator", 56));
    let expected = ApiKey {
        id: new.id,
        prefix: new.prefix,
        name: new.name,
        owner: ANNA,
        grants: new.grants,
        created: made.created,
        until: None,
        last_used: None,
        revoked: None,
    };
    assert_eq!(made, expected);
    assert_eq!(office.access.api_key(key_id(1)).await.expect("read"), Some(expected));
    assert_eq!(office.access.api_key(key_id(2)).await.expect("read"), None);
}

async fn a_user_makes_and_revokes_its_own_keys_without_a_permission(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, everywhere("member")).await;
    let revoked = office.access.revoke_api_key(key_id(1), &by(ANNA)).await.expect("revoke");
    assert!(revoked.revoked.is_some());
}

async fn a_key_of_another_user_needs_the_permission(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    made(&office, 2, "berta", "operator").await;
    made(&office, 3, "admin", "admin").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    let new = new_key(2, ANNA, GivenGrants::NONE);
    let expected = Refused::NotAllowed(Permission::ChangeApiKeys);
    let by_berta = office.access.add_api_key(&new, &by(BERTA)).await;
    assert_eq!(refused(by_berta), expected);
    let by_berta = office.access.revoke_api_key(key_id(1), &by(BERTA)).await;
    assert_eq!(refused(by_berta), expected);
    office.access.add_api_key(&new, &by(user_id(3))).await.expect("an admin may");
    office.access.revoke_api_key(key_id(1), &by(user_id(3))).await.expect("an admin may");
}

async fn a_key_of_a_user_that_may_do_more_is_neither_made_nor_revoked(office: OfficeFixture) {
    let keeper = role("keeper", &[Permission::ChangeApiKeys]);
    office.access.add_role(&keeper, &machine()).await.expect("add");
    made(&office, 1, "anna", "viewer").await;
    made(&office, 2, "berta", "keeper").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    let new = new_key(2, ANNA, GivenGrants::NONE);
    let outcomes = [
        office.access.add_api_key(&new, &by(BERTA)).await,
        office.access.revoke_api_key(key_id(1), &by(BERTA)).await,
    ];
    for outcome in outcomes {
        assert_eq!(refused(outcome), Refused::Outranked(Permission::ReadAll));
    }
}

async fn a_key_gets_no_permission_that_the_actor_lacks(office: OfficeFixture) {
    made(&office, 1, "anna", "viewer").await;
    let new = new_key(1, ANNA, everywhere("operator"));
    let outcome = office.access.add_api_key(&new, &by(ANNA)).await;
    assert_eq!(refused(outcome), Refused::Gives(Permission::PauseChains));
    assert_eq!(office.access.api_key(key_id(1)).await.expect("read"), None);
}

async fn a_key_with_a_role_that_is_missing_is_refused(office: OfficeFixture) {
    made(&office, 1, "anna", "viewer").await;
    let new = new_key(1, ANNA, everywhere("auditor"));
    let outcome = office.access.add_api_key(&new, &by(ANNA)).await;
    assert_eq!(refused(outcome), Refused::NoRole(role_name("auditor")));
}

async fn a_key_is_made_for_an_owner_that_may_sign_in(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    office.access.ban_user(ANNA, &machine()).await.expect("ban");
    let add = async |owner| {
        let new = new_key(1, owner, GivenGrants::NONE);
        refused(office.access.add_api_key(&new, &machine()).await)
    };
    assert_eq!((add(ANNA).await, add(BERTA).await), (Refused::NotActive, Refused::NoUser));
}

async fn a_key_has_an_end_that_lies_ahead(office: OfficeFixture) {
    let anna = made(&office, 1, "anna", "member").await;
    let until = Some(anna.created);
    let new = NewApiKey { until, ..new_key(1, ANNA, GivenGrants::NONE) };
    office.advance(Duration::from_secs(1));
    let outcome = office.access.add_api_key(&new, &by(ANNA)).await;
    assert_eq!(refused(outcome), Refused::EndHasPassed);
}

async fn a_name_is_of_one_key_of_the_owner_that_was_not_revoked(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    made(&office, 2, "berta", "member").await;
    let name = KeyName::new("nightly").expect("a name of a test");
    let add = async |number, owner| {
        let new = NewApiKey { name: name.clone(), ..new_key(number, owner, GivenGrants::NONE) };
        office.access.add_api_key(&new, &by(owner)).await
    };
    add(1, ANNA).await.expect("it is free");
    add(2, BERTA).await.expect("of another owner");
    assert_eq!(refused(add(3, ANNA).await), Refused::KeyNameTaken);
    office.access.revoke_api_key(key_id(1), &by(ANNA)).await.expect("revoke");
    add(3, ANNA).await.expect("it is free again");
}

/// That are in force.
async fn an_owner_has_few_keys(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let most = ApiKey::OF_USER_MAX;
    let last = u8::try_from(most).expect("few");
    for number in 1..=last {
        keyed(&office, number, ANNA, GivenGrants::NONE).await;
    }
    let one_more = new_key(last + 1, ANNA, GivenGrants::NONE);
    let outcome = office.access.add_api_key(&one_more, &by(ANNA)).await;
    assert_eq!(refused(outcome), Refused::TooMany { what: "API keys", most });
    office.access.revoke_api_key(key_id(1), &by(ANNA)).await.expect("revoke");
    office.access.add_api_key(&one_more, &by(ANNA)).await.expect("there is room");
}

async fn a_key_or_prefix_that_is_there_is_a_conflict(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    let other = new_key(2, ANNA, GivenGrants::NONE);
    let same_id = NewApiKey { id: key_id(1), ..other.clone() };
    let same_prefix = NewApiKey { prefix: key_prefix(1), ..other };
    for new in [same_id, same_prefix] {
        let again = office.access.add_api_key(&new, &by(ANNA)).await;
        assert_eq!(failed(again), StoreErrorKind::Conflict);
    }
}

async fn a_key_that_was_revoked_stays_so(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    let revoke = async || office.access.revoke_api_key(key_id(1), &by(ANNA)).await;
    let revoked = revoke().await.expect("revoke");
    office.advance(Duration::from_secs(60));
    assert_eq!(revoke().await.expect("no error"), revoked);
    assert_eq!(office.access.api_key(key_id(1)).await.expect("read"), Some(revoked));
}

async fn a_key_that_is_none_is_not_revoked(office: OfficeFixture) {
    let outcome = office.access.revoke_api_key(key_id(1), &machine()).await;
    assert_eq!(refused(outcome), Refused::NoApiKey);
}

/// Of all users, and of one.
async fn keys_are_paged_the_newest_first(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    made(&office, 2, "berta", "member").await;
    for (number, owner) in [(4, ANNA), (2, BERTA), (5, ANNA), (1, ANNA), (3, BERTA)] {
        keyed(&office, number, owner, GivenGrants::NONE).await;
        office.advance(Duration::from_secs(1));
    }
    office.access.revoke_api_key(key_id(5), &by(ANNA)).await.expect("revoke");
    let paged = async |owner| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = office.access.api_keys(owner, after, 2).await.expect("read");
            let Some(last) = page.last() else { return all };
            after = Some(Position { at: last.created, id: last.id });
            all.extend(page.iter().map(|key| key.id.to_bytes()[0]));
        }
    };
    assert_eq!(paged(None).await, [3, 1, 5, 2, 4]);
    assert_eq!(paged(Some(ANNA)).await, [1, 5, 4]);
    assert_eq!(paged(Some(user_id(9))).await, [0u8; 0]);
}

/// Without its hash.
async fn each_act_on_a_key_leaves_one_record(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, everywhere("member")).await;
    for _ in 0..2 {
        office.access.revoke_api_key(key_id(1), &by(ANNA)).await.expect("revoke");
    }
    assert_eq!(actions(&office).await, ["create_user", "add_api_key", "revoke_api_key"]);
    let records = records(&office).await;
    assert_eq!(records[1].act.object.to_string(), format!("api_key:{}", key_id(1)));
    let text = serde_json::to_string(&records).expect("records are JSON");
    let hash = new_key(1, ANNA, GivenGrants::NONE).hash;
    let hash: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!text.contains(&hash), "{text}");
}
