//! Laws of what one user may do to another ([`UserWrites`](pledge_office::access::UserWrites)).

use pledge_office::access::{
    GivenGrants, Permission, Refused, User, UserId, gives_admin, is_admin,
};

use super::access::{
    again, by, by_key, everywhere, key_id, keyed, machine, made, new_user, on_chain, password,
    refused, role_name, user, user_id, with_managers,
};
use crate::OfficeFixture;

laws! {
    __access_rules of access_rules(OfficeFixture):
    making_a_user_needs_the_permission
    the_machines_operator_may_do_everything
    nobody_gives_a_role_that_it_lacks
    a_role_on_a_chain_is_not_given_everywhere
    a_role_that_is_missing_is_not_given
    an_act_on_a_user_that_may_do_more_is_refused
    a_user_does_not_give_itself_a_role
    a_user_removes_itself
    an_actor_that_may_no_longer_sign_in_may_do_nothing
    a_key_acts_with_what_it_has_itself
    the_last_admin_is_neither_removed_nor_banned_and_keeps_its_role
    an_admin_goes_where_another_stays
    a_banned_admin_is_none
    of_two_admins_that_demote_each_other_at_once_one_stays
}

const ADMIN: UserId = user_id(1);
const MANAGER: UserId = user_id(2);
const OTHER: UserId = user_id(3);

/// An admin, a manager and another user.
async fn three(office: &OfficeFixture, others_role: &str) {
    with_managers(office).await;
    made(office, 1, "admin", "admin").await;
    made(office, 2, "manager", "manager").await;
    made(office, 3, "other", others_role).await;
}

async fn making_a_user_needs_the_permission(office: OfficeFixture) {
    three(&office, "operator").await;
    let new = new_user(9, "new");
    let make = async |by| office.access.create_user(&new, &GivenGrants::NONE, &by).await;
    let expected = Refused::NotAllowed(Permission::ChangeUsers);
    assert_eq!(refused(make(by(OTHER)).await), expected);
    assert_eq!(make(by(MANAGER)).await.expect("it has it").id, new.id);
}

async fn the_machines_operator_may_do_everything(office: OfficeFixture) {
    made(&office, 1, "admin", "admin").await;
    let grants = office.access.change_grants(ADMIN, &everywhere("admin"), &machine()).await;
    assert!(gives_admin(&grants.expect("it may").grants));
    made(&office, 2, "second", "admin").await;
    office.access.ban_user(ADMIN, &machine()).await.expect("it may");
}

async fn nobody_gives_a_role_that_it_lacks(office: OfficeFixture) {
    three(&office, "member").await;
    let give = async |role: &str| {
        office.access.change_grants(OTHER, &everywhere(role), &by(MANAGER)).await
    };
    assert_eq!(refused(give("operator").await), Refused::Gives(Permission::PauseChains));
    give("viewer").await.expect("it has what a viewer has");
    give("manager").await.expect("it has what it has itself");
    let new = new_user(9, "new");
    let made = office.access.create_user(&new, &everywhere("admin"), &by(MANAGER)).await;
    assert_eq!(refused(made), Refused::Gives(Permission::PauseChains));
}

async fn a_role_on_a_chain_is_not_given_everywhere(office: OfficeFixture) {
    three(&office, "member").await;
    let both = [everywhere("manager"), on_chain("operator", 56)];
    let both = both.iter().flat_map(|grants| grants.as_slice().to_vec()).collect();
    let both = GivenGrants::new(both).expect("two grants");
    office.access.change_grants(MANAGER, &both, &by(ADMIN)).await.expect("an admin may");
    let give = async |grants| office.access.change_grants(OTHER, &grants, &by(MANAGER)).await;
    let expected = Refused::Gives(Permission::PauseChains);
    assert_eq!(refused(give(everywhere("operator")).await), expected);
    assert_eq!(refused(give(on_chain("operator", 1)).await), expected);
    give(on_chain("operator", 56)).await.expect("it has it there");
}

async fn a_role_that_is_missing_is_not_given(office: OfficeFixture) {
    made(&office, 1, "admin", "admin").await;
    let new = new_user(2, "new");
    let made = office.access.create_user(&new, &everywhere("auditor"), &by(ADMIN)).await;
    assert_eq!(refused(made), Refused::NoRole(role_name("auditor")));
}

/// A password that another user sets lets that one in.
async fn an_act_on_a_user_that_may_do_more_is_refused(office: OfficeFixture) {
    three(&office, "operator").await;
    let (by, before) = (by(MANAGER), user(&office, OTHER).await);
    let stolen = password("stolen");
    for outcome in [
        office.access.ban_user(OTHER, &by).await,
        office.access.lift_ban(OTHER, &by).await,
        office.access.remove_user(OTHER, &by).await,
        office.access.change_grants(OTHER, &GivenGrants::NONE, &by).await,
        office.access.change_password(OTHER, Some(&stolen), None, &by).await,
        office.access.add_wallet(OTHER, &super::access::key_wallet(1), &by).await,
        office.access.change_profile(OTHER, &before.profile.clone().into(), &by).await,
    ] {
        assert_eq!(refused(outcome), Refused::Outranked(Permission::PauseChains));
    }
    assert_eq!(user(&office, OTHER).await, before);
}

/// Not even one that it has.
async fn a_user_does_not_give_itself_a_role(office: OfficeFixture) {
    made(&office, 3, "other", "operator").await;
    for role in ["admin", "viewer"] {
        let given = office.access.change_grants(OTHER, &everywhere(role), &by(OTHER)).await;
        assert_eq!(refused(given), Refused::NotAllowed(Permission::ChangeUsers));
    }
    let banned = office.access.ban_user(OTHER, &by(OTHER)).await;
    assert_eq!(refused(banned), Refused::NotAllowed(Permission::ChangeUsers));
}

async fn a_user_removes_itself(office: OfficeFixture) {
    made(&office, 3, "other", "member").await;
    let removed = office.access.remove_user(OTHER, &by(OTHER)).await.expect("it may");
    assert!(removed.removed.is_some());
}

/// What it may do is read in the transaction of its act.
async fn an_actor_that_may_no_longer_sign_in_may_do_nothing(office: OfficeFixture) {
    three(&office, "member").await;
    office.access.ban_user(MANAGER, &by(ADMIN)).await.expect("ban");
    let ban = async |by| refused(office.access.ban_user(OTHER, &by).await);
    let expected = Refused::NotAllowed(Permission::ChangeUsers);
    assert_eq!(ban(by(MANAGER)).await, expected);
    assert_eq!(ban(by(user_id(77))).await, expected);
    office.access.lift_ban(MANAGER, &by(ADMIN)).await.expect("lift");
    office.access.change_grants(MANAGER, &everywhere("viewer"), &by(ADMIN)).await.expect("demote");
    assert_eq!(ban(by(MANAGER)).await, expected);
}

/// And never as its owner itself.
async fn a_key_acts_with_what_it_has_itself(office: OfficeFixture) {
    three(&office, "member").await;
    keyed(&office, 1, ADMIN, everywhere("viewer")).await;
    keyed(&office, 2, ADMIN, everywhere("manager")).await;
    let needed = Refused::NotAllowed(Permission::ChangeUsers);
    let (viewer, manager) = (by_key(key_id(1)), by_key(key_id(2)));
    assert_eq!(refused(office.access.ban_user(OTHER, &viewer).await), needed);
    let of_owner = office.access.change_password(ADMIN, Some(&password("x")), None, &manager).await;
    assert_eq!(refused(of_owner), Refused::Outranked(Permission::PauseChains));
    office.access.ban_user(OTHER, &manager).await.expect("it has the permission");
    office.access.revoke_api_key(key_id(2), &by(ADMIN)).await.expect("revoke");
    assert_eq!(refused(office.access.lift_ban(OTHER, &manager).await), needed);
}

/// By whomever: itself and the machine's operator too.
async fn the_last_admin_is_neither_removed_nor_banned_and_keeps_its_role(office: OfficeFixture) {
    made(&office, 1, "admin", "admin").await;
    made(&office, 2, "other", "operator").await;
    let before = user(&office, ADMIN).await;
    for by in [by(ADMIN), machine()] {
        for outcome in [
            office.access.ban_user(ADMIN, &by).await,
            office.access.remove_user(ADMIN, &by).await,
            office.access.change_grants(ADMIN, &everywhere("operator"), &by).await,
            office.access.change_grants(ADMIN, &on_chain("admin", 1), &by).await,
        ] {
            assert_eq!(refused(outcome), Refused::LastAdmin);
        }
    }
    assert_eq!(user(&office, ADMIN).await, before);
}

async fn an_admin_goes_where_another_stays(office: OfficeFixture) {
    for (name, number) in [("one", 1), ("two", 2), ("three", 3), ("four", 4)] {
        made(&office, number, name, "admin").await;
    }
    let by = by(ADMIN);
    office.access.ban_user(user_id(2), &by).await.expect("ban");
    office.access.remove_user(user_id(3), &by).await.expect("remove");
    office.access.change_grants(user_id(4), &everywhere("viewer"), &by).await.expect("demote");
    let last = office.access.remove_user(ADMIN, &by).await;
    assert_eq!(refused(last), Refused::LastAdmin);
}

/// The lift of its ban makes it one again.
async fn a_banned_admin_is_none(office: OfficeFixture) {
    made(&office, 1, "one", "admin").await;
    made(&office, 2, "two", "admin").await;
    office.access.ban_user(user_id(2), &by(ADMIN)).await.expect("ban");
    assert_eq!(refused(office.access.remove_user(ADMIN, &by(ADMIN)).await), Refused::LastAdmin);
    office.access.lift_ban(user_id(2), &by(ADMIN)).await.expect("lift");
    office.access.remove_user(ADMIN, &by(ADMIN)).await.expect("another stays");
}

/// Each reads in its transaction that the other is still one, or that it is one no longer itself.
async fn of_two_admins_that_demote_each_other_at_once_one_stays(office: OfficeFixture) {
    for round in 0..6u8 {
        let (one, two) = (user_id(2 * round + 1), user_id(2 * round + 2));
        for (id, name) in [(one, "one"), (two, "two")] {
            made(&office, id.to_bytes()[0], &format!("{name}{round}"), "admin").await;
        }
        // Those of the rounds before go, so that these two are all.
        for before in 1..=2 * round {
            let (id, viewer) = (user_id(before), everywhere("viewer"));
            office.access.change_grants(id, &viewer, &machine()).await.expect("others stay");
        }
        let viewer = everywhere("viewer");
        let demote = async |who, actor| {
            again(async || office.access.change_grants(who, &viewer, &by(actor)).await).await
        };
        let (first, second) = tokio::join!(demote(one, two), demote(two, one));
        let refusals = [first, second].into_iter().filter(Result::is_err).count();
        let left = [user(&office, one).await, user(&office, two).await];
        let admins: Vec<&User> = left.iter().filter(|user| is_admin(user)).collect();
        assert_eq!((admins.len(), refusals), (1, 1), "round {round}: {left:?}");
    }
}
