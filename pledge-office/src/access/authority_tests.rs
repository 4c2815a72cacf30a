//! Tests of what a person may do to users, roles and keys.

use super::*;
use crate::access::{Ban, Profile, UserName};
use crate::base::StoreTime;

const ME: UserId = UserId::from_bytes([1; 16]);
const OTHER: UserId = UserId::from_bytes([2; 16]);

fn role(name: &str) -> Role {
    Role::built_in().into_iter().find(|role| role.name.as_str() == name).unwrap()
}

fn grants(name: &str) -> Vec<Grant> {
    vec![Grant { role: role(name), scope: Scope::Everywhere }]
}

fn manager() -> Vec<Grant> {
    let name = RoleName::new("manager").unwrap();
    let permissions = [Permission::ChangeUsers, Permission::ReadAll].into();
    vec![Grant { role: Role { name, permissions }, scope: Scope::Everywhere }]
}

fn user(given: &str) -> User {
    let name = Some(UserName::new("anna").unwrap());
    User {
        id: ME,
        profile: Profile { name, ..Profile::default() },
        created: StoreTime::new(1).unwrap(),
        has_password: true,
        wallets: Vec::new(),
        grants: GivenGrants::everywhere(RoleName::new(given).unwrap()),
        banned: None,
        removed: None,
    }
}

#[test]
fn an_act_on_another_user_needs_the_permission() {
    let needed = Permission::ChangeUsers;
    let act = |acting: Acting| acting.may_act_on(OTHER, &[], needed);
    assert_eq!(act(Acting::Machine), Ok(()));
    assert_eq!(act(Acting::User(ME, manager())), Ok(()));
    assert_eq!(act(Acting::ApiKey(manager())), Ok(()));
    let refused = Err(Refused::NotAllowed(needed));
    assert_eq!(act(Acting::User(ME, grants("operator"))), refused);
    assert_eq!(act(Acting::ApiKey(grants("operator"))), refused);
    assert_eq!(act(Acting::Nobody), refused);
}

#[test]
fn a_user_acts_on_itself_without_a_permission_and_its_key_does_not() {
    let needed = Permission::ChangeUsers;
    assert_eq!(Acting::User(ME, Vec::new()).may_act_on(ME, &grants("admin"), needed), Ok(()));
    let by_key = Acting::ApiKey(Vec::new()).may_act_on(ME, &[], needed);
    assert_eq!(by_key, Err(Refused::NotAllowed(needed)));
}

#[test]
fn nobody_acts_on_a_user_that_may_do_more() {
    let act =
        |has: &[Grant]| Acting::User(ME, manager()).may_act_on(OTHER, has, Permission::ChangeUsers);
    assert_eq!(act(&grants("viewer")), Ok(()));
    assert_eq!(act(&grants("operator")), Err(Refused::Outranked(Permission::PauseChains)));
}

#[test]
fn nobody_gives_what_it_lacks() {
    let manager = Acting::User(ME, manager());
    assert_eq!(manager.may_give(&grants("viewer")), Ok(()));
    assert_eq!(manager.may_give(&grants("admin")), Err(Refused::Gives(Permission::PauseChains)));
    assert_eq!(Acting::Machine.may_give(&grants("admin")), Ok(()));
    assert!(Acting::Nobody.may_give(&grants("viewer")).is_err());
}

#[test]
fn a_role_is_given_by_one_who_has_its_permissions_everywhere() {
    let scope =
        Scope::Within { chains: [pledge_core::types::ChainId::new(1)].into(), tokens: [].into() };
    let on_a_chain = vec![Grant { role: role("operator"), scope }];
    let give = |has: Vec<Grant>| Acting::User(ME, has).may_give_everywhere(&role("operator"));
    assert_eq!(give(grants("operator")), Ok(()));
    assert_eq!(give(on_a_chain), Err(Refused::Gives(Permission::ReadAll)));
}

#[test]
fn the_last_admin_stays_one() {
    let admin = user("admin");
    let since = StoreTime::new(2).unwrap();
    let banned = User { banned: Some(Ban { since, why: None }), ..admin.clone() };
    let removed = User { removed: Some(since), ..admin.clone() };
    for after in [user("operator"), banned.clone(), removed] {
        assert_eq!(keeps_an_admin(&admin, &after, false), Err(Refused::LastAdmin));
        assert_eq!(keeps_an_admin(&admin, &after, true), Ok(()));
    }
    assert_eq!(keeps_an_admin(&banned, &user("operator"), false), Ok(()));
    assert_eq!(keeps_an_admin(&admin, &admin, false), Ok(()));
}

#[test]
fn an_admin_on_some_chains_is_no_admin() {
    let scope = Scope::Within { chains: [].into(), tokens: [].into() };
    let given = crate::access::GivenGrant { role: RoleName::new("admin").unwrap(), scope };
    assert!(!gives_admin(&GivenGrants::new(vec![given]).unwrap()));
}

#[test]
fn a_user_keeps_a_way_in() {
    let with_password = user("member");
    assert_eq!(has_a_way_in(&with_password), Ok(()));
    let nameless = User { profile: Profile::default(), ..with_password.clone() };
    assert_eq!(has_a_way_in(&nameless), Err(Refused::NameNeeded));
    let without = User { has_password: false, ..with_password };
    assert_eq!(has_a_way_in(&without), Err(Refused::LastWayIn));
}
