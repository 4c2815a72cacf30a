//! Laws of [`UserReads`](pledge_office::access::UserReads), and of how
//! [`UserWrites`](pledge_office::access::UserWrites) makes, bans and removes users.

use pledge_core::error::StoreErrorKind;
use pledge_office::access::{
    DisplayName, GivenGrants, LanguageTag, NewUser, PasswordSignIn, Position, Profile, Refused,
    SessionEnd, TimeZoneName, User, Wallet,
};

use super::access::{
    by, contract_wallet, everywhere, failed, hash, key_prefix, key_wallet, keyed, machine, made,
    new_user, password, refused, session, signed_in, user, user_id, user_name, wallet_user,
};
use crate::OfficeFixture;

laws! {
    __access_users of access_users(OfficeFixture):
    a_user_comes_back_as_it_was_made
    a_name_and_a_wallet_lead_to_their_user
    what_a_password_sign_in_needs_is_read_by_the_name
    users_are_paged_the_newest_first
    users_of_one_time_are_paged_by_their_ids
    a_user_needs_a_way_in
    a_user_has_few_wallets
    an_id_of_a_user_that_is_there_is_a_conflict
    a_name_is_of_one_user
    a_wallet_is_of_one_user
    a_contract_on_another_chain_is_another_wallet
    of_two_users_that_take_a_name_at_once_one_gets_it
    of_two_users_that_take_a_wallet_at_once_one_gets_it
    a_banned_user_keeps_the_time_and_the_reason_of_its_ban
    a_ban_ends_every_session_and_a_lifted_one_brings_none_back
    a_removed_user_keeps_its_id_alone
    a_removed_user_is_found_by_nothing_but_its_id
    what_a_removed_user_had_is_free
    a_removed_user_has_no_session_and_no_key
    a_removed_user_is_not_changed_again
}

fn full_profile() -> Profile {
    Profile {
        name: Some(user_name("anna")),
        display_name: Some(DisplayName::new("Anna 安娜").expect("a name of a test")),
        language: Some(LanguageTag::new("zh-Hans").expect("a tag of a test")),
        time_zone: Some(TimeZoneName::new("Asia/Shanghai").expect("a zone of a test")),
    }
}

/// Wallets ascending, grants in their order.
async fn a_user_comes_back_as_it_was_made(office: OfficeFixture) {
    let wallets = vec![contract_wallet(3, 56), key_wallet(9), key_wallet(2)];
    let password = Some(password("anna"));
    let new = NewUser { id: user_id(1), profile: full_profile(), password, wallets };
    let grants = GivenGrants::new(
        [super::access::on_chain("operator", 56), everywhere("viewer")]
            .iter()
            .flat_map(|grants| grants.as_slice().to_vec())
            .collect(),
    );
    let grants = grants.expect("two grants");
    let created = office.access.create_user(&new, &grants, &machine()).await.expect("create");
    let expected = User {
        id: user_id(1),
        profile: full_profile(),
        created: created.created,
        has_password: true,
        wallets: vec![key_wallet(2), contract_wallet(3, 56), key_wallet(9)],
        grants,
        banned: None,
        removed: None,
    };
    assert_eq!(created, expected);
    assert_eq!(user(&office, user_id(1)).await, expected);
    assert_eq!(office.access.user(user_id(2)).await.expect("read"), None);
}

async fn a_name_and_a_wallet_lead_to_their_user(office: OfficeFixture) {
    let one = made(&office, 1, "anna", "member").await;
    let two = wallet_user(2, contract_wallet(7, 1));
    let two =
        office.access.create_user(&two, &everywhere("member"), &machine()).await.expect("create");
    let named = async |name| office.access.user_named(&user_name(name)).await.expect("read");
    assert_eq!((named("anna").await, named("ann").await), (Some(one), None));
    let of = async |wallet: Wallet| office.access.user_of_wallet(&wallet).await.expect("read");
    assert_eq!(of(contract_wallet(7, 1)).await, Some(two));
    for other in [key_wallet(7), contract_wallet(7, 2), contract_wallet(8, 1)] {
        assert_eq!(of(other).await, None, "{other}");
    }
}

/// Also of one that is banned.
async fn what_a_password_sign_in_needs_is_read_by_the_name(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let expected = PasswordSignIn { user: user_id(1), password: Some(password("anna")) };
    let read = async |name| office.access.password_of(&user_name(name)).await.expect("read");
    assert_eq!(read("anna").await, Some(expected.clone()));
    office.access.ban_user(user_id(1), &machine()).await.expect("ban");
    assert_eq!(read("anna").await, Some(expected));
    assert_eq!(read("anne").await, None);
}

/// Each page begins behind the one before, and all together are all.
async fn users_are_paged_the_newest_first(office: OfficeFixture) {
    let names = ["a", "b", "c", "d", "e"];
    for (name, number) in names.into_iter().zip([5, 3, 9, 1, 7]) {
        made(&office, number, name, "member").await;
        office.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(paged(&office, 2).await, [7, 1, 9, 3, 5]);
    assert_eq!(office.access.users(None, 0).await.expect("read"), []);
}

/// Of the same millisecond, possibly: then by id descending.
async fn users_of_one_time_are_paged_by_their_ids(office: OfficeFixture) {
    for number in 1..=9 {
        made(&office, number, &format!("user{number}"), "member").await;
    }
    let all = paged(&office, 20).await;
    for limit in 1..=4 {
        assert_eq!(paged(&office, limit).await, all);
    }
    let users = office.access.users(None, 20).await.expect("read");
    let places: Vec<_> = users.iter().map(|user| (user.created, user.id)).collect();
    assert!(places.is_sorted_by(|newer, older| newer > older), "{places:?}");
}

/// The numbers of all users, page by page.
async fn paged(office: &OfficeFixture, limit: usize) -> Vec<u8> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = office.access.users(after, limit).await.expect("read users");
        let Some(last) = page.last() else { return all };
        after = Some(Position { at: last.created, id: last.id });
        all.extend(page.iter().map(|user| user.id.to_bytes()[0]));
    }
}

/// A name with a password, or a wallet.
async fn a_user_needs_a_way_in(office: OfficeFixture) {
    let whole = new_user(1, "anna");
    let without = NewUser { password: None, ..whole.clone() };
    let nameless = NewUser { profile: Profile::default(), ..whole };
    for (new, expected) in [(without, Refused::LastWayIn), (nameless, Refused::NameNeeded)] {
        let made = office.access.create_user(&new, &everywhere("member"), &machine()).await;
        assert_eq!(refused(made), expected);
    }
}

async fn a_user_has_few_wallets(office: OfficeFixture) {
    let wallets = |count: u8| (1..=count).map(key_wallet).collect();
    let make = async |wallets| {
        let new = NewUser { wallets, ..new_user(1, "anna") };
        office.access.create_user(&new, &everywhere("member"), &machine()).await
    };
    let most = User::WALLETS_MAX;
    assert_eq!(refused(make(wallets(17)).await), Refused::TooMany { what: "wallets", most });
    assert_eq!(make(wallets(16)).await.expect("as many as may be").wallets.len(), most);
}

/// Whatever else is the same.
async fn an_id_of_a_user_that_is_there_is_a_conflict(office: OfficeFixture) {
    let one = made(&office, 1, "anna", "member").await;
    for name in ["anna", "berta"] {
        let new = new_user(1, name);
        let again = office.access.create_user(&new, &everywhere("member"), &machine()).await;
        assert_eq!(failed(again), StoreErrorKind::Conflict);
    }
    assert_eq!(user(&office, user_id(1)).await, one);
}

async fn a_name_is_of_one_user(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let new = new_user(2, "anna");
    let second = office.access.create_user(&new, &everywhere("member"), &machine()).await;
    assert_eq!(refused(second), Refused::NameTaken);
    made(&office, 2, "anna2", "member").await;
    let profile = Profile { name: Some(user_name("anna")), ..Profile::default() };
    let renamed = office.access.change_profile(user_id(2), &profile.into(), &machine()).await;
    assert_eq!(refused(renamed), Refused::NameTaken);
}

async fn a_wallet_is_of_one_user(office: OfficeFixture) {
    let make = async |number| {
        let new = wallet_user(number, key_wallet(7));
        office.access.create_user(&new, &everywhere("member"), &machine()).await
    };
    make(1).await.expect("it is free");
    assert_eq!(refused(make(2).await), Refused::WalletTaken);
    made(&office, 2, "berta", "member").await;
    let added = office.access.add_wallet(user_id(2), &key_wallet(7), &machine()).await;
    assert_eq!(refused(added), Refused::WalletTaken);
}

/// Its owner may be another one.
async fn a_contract_on_another_chain_is_another_wallet(office: OfficeFixture) {
    let wallets = [key_wallet(7), contract_wallet(7, 1), contract_wallet(7, 56)];
    for (wallet, number) in wallets.into_iter().zip(1..) {
        let new = wallet_user(number, wallet);
        office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("is free");
    }
    for (wallet, number) in wallets.into_iter().zip(1..) {
        let found = office.access.user_of_wallet(&wallet).await.expect("read");
        assert_eq!(found.map(|user| user.id), Some(user_id(number)));
    }
}

async fn of_two_users_that_take_a_name_at_once_one_gets_it(office: OfficeFixture) {
    for round in 0..8u8 {
        let name = format!("user{round}");
        let make = async |number| {
            let new = new_user(number, &name);
            let grants = everywhere("member");
            super::access::again(async || {
                office.access.create_user(&new, &grants, &machine()).await
            })
            .await
        };
        let (one, two) = tokio::join!(make(2 * round + 1), make(2 * round + 2));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(refused(lost), Refused::NameTaken);
        let found = office.access.user_named(&user_name(&name)).await.expect("read");
        assert_eq!(found, Some(won.expect("one of them gets it")));
    }
}

async fn of_two_users_that_take_a_wallet_at_once_one_gets_it(office: OfficeFixture) {
    for (name, number) in [("anna", 1), ("berta", 2)] {
        made(&office, number, name, "member").await;
    }
    for round in 1..=8 {
        let take = async |number| {
            super::access::again(async || {
                let id = user_id(number);
                office.access.add_wallet(id, &key_wallet(round), &by(id)).await
            })
            .await
        };
        let (one, two) = tokio::join!(take(1), take(2));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(refused(lost), Refused::WalletTaken);
        let found = office.access.user_of_wallet(&key_wallet(round)).await.expect("read");
        assert_eq!(found, Some(won.expect("one of them gets it")));
    }
}

/// A second ban changes neither, and the reason is the actor's.
async fn a_banned_user_keeps_the_time_and_the_reason_of_its_ban(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let banned = office.access.ban_user(user_id(1), &machine()).await.expect("ban");
    let ban = banned.banned.clone().expect("it is banned");
    assert_eq!(ban.why.as_deref(), Some("a test"));
    office.advance(std::time::Duration::from_secs(60));
    let again = office.access.ban_user(user_id(1), &machine()).await.expect("ban again");
    assert_eq!((&again, &user(&office, user_id(1)).await), (&banned, &banned));
    let lifted = office.access.lift_ban(user_id(1), &machine()).await.expect("lift");
    assert_eq!((lifted.banned, lifted.profile), (None, banned.profile));
}

async fn a_ban_ends_every_session_and_a_lifted_one_brings_none_back(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    for number in [1, 2] {
        signed_in(&office, number, user_id(1), "anna").await;
    }
    office.access.ban_user(user_id(1), &machine()).await.expect("ban");
    office.access.lift_ban(user_id(1), &machine()).await.expect("lift");
    for number in [1, 2] {
        let ended = session(&office, number).await.ended;
        assert_eq!(ended.map(|(_, end)| end), Some(SessionEnd::Banned));
    }
    signed_in(&office, 3, user_id(1), "anna").await;
}

/// And the time of its making.
async fn a_removed_user_keeps_its_id_alone(office: OfficeFixture) {
    let new =
        NewUser { profile: full_profile(), wallets: vec![key_wallet(1)], ..new_user(1, "anna") };
    let grants = everywhere("operator");
    let before = office.access.create_user(&new, &grants, &machine()).await.expect("create");
    office.access.ban_user(user_id(1), &machine()).await.expect("ban");
    let removed = office.access.remove_user(user_id(1), &machine()).await.expect("remove");
    assert_eq!((removed.id, removed.created), (before.id, before.created));
    assert!(removed.removed.is_some() && removed.banned.is_none() && !removed.has_password);
    assert_eq!(removed.profile, Profile::default());
    assert_eq!((removed.wallets.len(), removed.grants.as_slice().len()), (0, 0));
    assert_eq!(user(&office, user_id(1)).await, removed);
}

async fn a_removed_user_is_found_by_nothing_but_its_id(office: OfficeFixture) {
    let new = NewUser { wallets: vec![key_wallet(1)], ..new_user(1, "anna") };
    office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("create");
    office.access.remove_user(user_id(1), &machine()).await.expect("remove");
    assert_eq!(office.access.user_named(&user_name("anna")).await.expect("read"), None);
    assert_eq!(office.access.password_of(&user_name("anna")).await.expect("read"), None);
    assert_eq!(office.access.user_of_wallet(&key_wallet(1)).await.expect("read"), None);
}

async fn what_a_removed_user_had_is_free(office: OfficeFixture) {
    for number in [1, 2] {
        let new = NewUser { wallets: vec![key_wallet(1)], ..new_user(number, "anna") };
        office.access.create_user(&new, &everywhere("member"), &machine()).await.expect("free");
        office.access.remove_user(user_id(number), &machine()).await.expect("remove");
    }
}

async fn a_removed_user_has_no_session_and_no_key(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    signed_in(&office, 1, user_id(1), "anna").await;
    keyed(&office, 1, user_id(1), GivenGrants::NONE).await;
    office.access.remove_user(user_id(1), &machine()).await.expect("remove");
    let ended = session(&office, 1).await.ended;
    assert_eq!(ended.map(|(_, end)| end), Some(SessionEnd::Removed));
    let caller = office.access.caller_of_key(&key_prefix(1), &hash("key 1")).await;
    assert_eq!(caller.expect("read"), None);
    let key = office.access.api_key(super::access::key_id(1)).await.expect("read");
    assert!(key.is_some_and(|key| key.revoked.is_some()));
}

/// A second removal changes nothing.
async fn a_removed_user_is_not_changed_again(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    let id = user_id(1);
    let removed = office.access.remove_user(id, &machine()).await.expect("remove");
    assert_eq!(office.access.remove_user(id, &machine()).await.expect("again"), removed);
    let (by, profile) = (machine(), full_profile());
    for outcome in [
        office.access.ban_user(id, &by).await,
        office.access.lift_ban(id, &by).await,
        office.access.change_grants(id, &everywhere("viewer"), &by).await,
        office.access.change_profile(id, &profile.into(), &by).await,
        office.access.change_password(id, Some(&password("x")), None, &by).await,
        office.access.add_wallet(id, &key_wallet(1), &by).await,
    ] {
        assert_eq!(refused(outcome), Refused::NoUser);
    }
    assert_eq!(user(&office, id).await, removed);
}
