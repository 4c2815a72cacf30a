//! Laws of [`Profiles`](pledge_office::access::Profiles).

use pledge_core::primitives::{Address, B256, Bytes};
use pledge_core::types::ChainId;
use pledge_office::access::{
    ContractSignature, DisplayName, GivenGrants, LanguageTag, NewSession, NewUser, Permission,
    Profile, ProfileChange, RefreshTimes, Refused, SessionEnd, Shown, TimeZoneName, UserId,
};

use super::access::{
    actions, again, by, by_key, contract_wallet, everywhere, key_id, key_wallet, keyed, machine,
    made, new_session, new_user, password, refused, session, signed_in, user, user_id, user_name,
};
use crate::OfficeFixture;

laws! {
    __access_profiles of access_profiles(OfficeFixture):
    a_user_changes_its_own_without_a_permission
    a_key_of_a_user_is_not_the_user
    another_user_needs_the_permission
    what_a_change_of_a_profile_does_not_name_stays
    changes_of_other_fields_at_once_are_all_kept
    a_user_keeps_a_way_in
    a_password_needs_a_name
    another_password_ends_every_session_but_the_one_to_keep
    a_password_that_is_removed_lets_nobody_in
    a_removed_wallet_ends_the_sessions_that_began_with_it
    a_wallet_that_is_there_or_missing_changes_nothing
    a_password_hashed_again_replaces_the_hash_that_is_named_alone
}

const ANNA: UserId = user_id(1);

fn profile() -> Profile {
    let display_name = Some(DisplayName::new("Anna").expect("a name of a test"));
    Profile { name: Some(user_name("anna2")), display_name, ..Profile::default() }
}

async fn a_user_changes_its_own_without_a_permission(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let by = by(ANNA);
    office.access.change_profile(ANNA, &profile().into(), &by).await.expect("profile");
    office.access.change_password(ANNA, Some(&password("x")), None, &by).await.expect("password");
    office.access.add_wallet(ANNA, &key_wallet(1), &by).await.expect("add");
    let changed = office.access.add_wallet(ANNA, &contract_wallet(1, 5), &by).await.expect("add");
    assert_eq!(changed.wallets, [key_wallet(1), contract_wallet(1, 5)]);
    let changed = office.access.remove_wallet(ANNA, &key_wallet(1), &by).await.expect("remove");
    assert_eq!(changed.wallets, [contract_wallet(1, 5)]);
    assert_eq!((&changed.profile, &changed), (&profile(), &user(&office, ANNA).await));
    let signed_in = office.access.password_of(&user_name("anna2")).await.expect("read");
    assert_eq!(signed_in.and_then(|known| known.password), Some(password("x")));
}

/// It may be allowed less, and would get all by another password.
async fn a_key_of_a_user_is_not_the_user(office: OfficeFixture) {
    let before = made(&office, 1, "anna", "member").await;
    keyed(&office, 1, ANNA, GivenGrants::NONE).await;
    let by = by_key(key_id(1));
    for outcome in [
        office.access.change_profile(ANNA, &profile().into(), &by).await,
        office.access.change_password(ANNA, Some(&password("x")), None, &by).await,
        office.access.add_wallet(ANNA, &key_wallet(1), &by).await,
        office.access.remove_user(ANNA, &by).await,
    ] {
        assert_eq!(refused(outcome), Refused::NotAllowed(Permission::ChangeUsers));
    }
    assert_eq!(user(&office, ANNA).await, before);
}

async fn another_user_needs_the_permission(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    made(&office, 2, "berta", "operator").await;
    made(&office, 3, "admin", "admin").await;
    let change = async |by| office.access.change_profile(ANNA, &profile().into(), &by).await;
    let expected = Refused::NotAllowed(Permission::ChangeUsers);
    assert_eq!(refused(change(by(user_id(2))).await), expected);
    change(by(user_id(3))).await.expect("an admin may");
}

/// `Some(None)` removes, and names no other field.
async fn what_a_change_of_a_profile_does_not_name_stays(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    office.access.change_profile(ANNA, &profile().into(), &by(ANNA)).await.expect("profile");
    let language = LanguageTag::new("en").expect("a tag of a test");
    let change = ProfileChange {
        display_name: Some(None),
        language: Some(Some(language.clone())),
        ..ProfileChange::default()
    };
    let changed = office.access.change_profile(ANNA, &change, &by(ANNA)).await.expect("change");
    let expected = Profile { display_name: None, language: Some(language), ..profile() };
    assert_eq!((&changed.profile, &changed), (&expected, &user(&office, ANNA).await));
}

/// Whichever is first, the other is made of what it left.
async fn changes_of_other_fields_at_once_are_all_kept(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for round in 0..8 {
        let display_name = DisplayName::new(&format!("Anna {round}")).expect("a name of a test");
        let zones = ["Europe/Zurich", "Asia/Shanghai"];
        let time_zone = TimeZoneName::new(zones[round % 2]).expect("a zone of a test");
        let renamed = Some(Some(display_name.clone()));
        let renamed = ProfileChange { display_name: renamed, ..ProfileChange::default() };
        let moved = Some(Some(time_zone.clone()));
        let moved = ProfileChange { time_zone: moved, ..ProfileChange::default() };
        let by = by(ANNA);
        let change = async |change: &ProfileChange| {
            again(async || office.access.change_profile(ANNA, change, &by).await).await
        };
        let (one, other) = tokio::join!(change(&renamed), change(&moved));
        one.and(other).expect("change");
        let kept = user(&office, ANNA).await.profile;
        assert_eq!((kept.display_name, kept.time_zone), (Some(display_name), Some(time_zone)));
    }
}

async fn a_user_keeps_a_way_in(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let by = by(ANNA);
    let without_password = async || office.access.change_password(ANNA, None, None, &by).await;
    assert_eq!(refused(without_password().await), Refused::LastWayIn);
    office.access.add_wallet(ANNA, &key_wallet(1), &by).await.expect("add");
    without_password().await.expect("a wallet is left");
    let removed = office.access.remove_wallet(ANNA, &key_wallet(1), &by).await;
    assert_eq!(refused(removed), Refused::LastWayIn);
}

async fn a_password_needs_a_name(office: OfficeFixture) {
    let new = NewUser { wallets: vec![key_wallet(1)], ..new_user(1, "anna") };
    office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("create");
    let by = by(ANNA);
    let nameless =
        async || office.access.change_profile(ANNA, &Profile::default().into(), &by).await;
    assert_eq!(refused(nameless().await), Refused::NameNeeded);
    office.access.change_password(ANNA, None, None, &by).await.expect("a wallet is left");
    nameless().await.expect("it has no password");
    let again = office.access.change_password(ANNA, Some(&password("x")), None, &by).await;
    assert_eq!(refused(again), Refused::NameNeeded);
}

/// The same hash again is another password.
async fn another_password_ends_every_session_but_the_one_to_keep(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in [1, 2, 3] {
        signed_in(&office, number, ANNA, "anna").await;
    }
    let keep = Some(super::access::session_id(2));
    let same = password("anna");
    office.access.change_password(ANNA, Some(&same), keep, &by(ANNA)).await.expect("change");
    let mut ends = Vec::new();
    for number in [1, 2, 3] {
        ends.push(session(&office, number).await.ended.map(|(_, end)| end));
    }
    let changed = Some(SessionEnd::PasswordChanged);
    assert_eq!(ends, [changed, None, changed]);
}

async fn a_password_that_is_removed_lets_nobody_in(office: OfficeFixture) {
    let new = NewUser { wallets: vec![key_wallet(1)], ..new_user(1, "anna") };
    office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("create");
    let without = office.access.change_password(ANNA, None, None, &by(ANNA)).await;
    assert!(!without.expect("change").has_password);
    let known = office.access.password_of(&user_name("anna")).await.expect("read");
    assert_eq!(known.map(|known| known.password), Some(None));
    let again = office.access.change_password(ANNA, None, None, &by(ANNA)).await;
    assert!(!again.expect("it has none").has_password);
    assert_eq!(actions(&office).await, ["create_user", "change_password"]);
}

/// And no other: not one by a contract of the same address.
async fn a_removed_wallet_ends_the_sessions_that_began_with_it(office: OfficeFixture) {
    let wallets = vec![key_wallet(1), contract_wallet(1, 5)];
    let new = NewUser { wallets, ..new_user(1, "anna") };
    office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("create");
    let address = Address::repeat_byte(1);
    let signature = Bytes::from_static(b"signature");
    let kept = ContractSignature::new(address, ChainId::new(5), B256::ZERO, signature);
    let contract = Shown::Contract(kept.expect("a short signature"));
    for (shown, number) in [(Shown::Key(address), 1), (contract, 2)] {
        let new = NewSession { shown, ..new_session(number, ANNA, "anna") };
        office.access.begin_session(&new, &RefreshTimes::USUAL).await.expect("sign in");
    }
    signed_in(&office, 3, ANNA, "anna").await;
    let ends = async || {
        let mut ends = Vec::new();
        for number in [1, 2, 3] {
            ends.push(session(&office, number).await.ended.map(|(_, end)| end));
        }
        ends
    };
    let gone = Some(SessionEnd::WalletRemoved);
    office.access.remove_wallet(ANNA, &key_wallet(1), &by(ANNA)).await.expect("remove");
    assert_eq!(ends().await, [gone, None, None]);
    office.access.remove_wallet(ANNA, &contract_wallet(1, 5), &by(ANNA)).await.expect("remove");
    assert_eq!(ends().await, [gone, gone, None]);
}

async fn a_wallet_that_is_there_or_missing_changes_nothing(office: OfficeFixture) {
    let new = NewUser { wallets: vec![key_wallet(1)], ..new_user(1, "anna") };
    let made = office.access.create_user(&new, &everywhere("member"), &machine()).await;
    let made = made.expect("create");
    let added = office.access.add_wallet(ANNA, &key_wallet(1), &by(ANNA)).await;
    let removed = office.access.remove_wallet(ANNA, &key_wallet(2), &by(ANNA)).await;
    assert_eq!((added.expect("no error"), removed.expect("no error")), (made.clone(), made));
    assert_eq!(actions(&office).await, ["create_user"]);
}

/// It ends no session and leaves no record.
async fn a_password_hashed_again_replaces_the_hash_that_is_named_alone(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    signed_in(&office, 1, ANNA, "anna").await;
    let (old, new) = (password("anna"), password("anna-again"));
    let rehash = async |id, before, after| {
        office.access.rehash_password(id, before, after).await.expect("hash again")
    };
    assert!(!rehash(ANNA, &new, &old).await && !rehash(user_id(2), &old, &new).await);
    assert!(rehash(ANNA, &old, &new).await && !rehash(ANNA, &old, &new).await);
    let known = office.access.password_of(&user_name("anna")).await.expect("read");
    assert_eq!(known.and_then(|known| known.password), Some(new));
    assert_eq!(session(&office, 1).await.ended, None);
    assert_eq!(actions(&office).await, ["create_user"]);
}
