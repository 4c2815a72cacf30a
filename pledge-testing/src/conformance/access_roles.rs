//! Laws of [`RoleStore`](pledge_office::access::RoleStore).

use pledge_office::access::{Object, Permission, Refused, Role, may};

use super::access::{
    actions, by, everywhere, machine, made, on_chain, records, refused, role, role_name,
    session_id, signed_in, user, user_id,
};
use crate::OfficeFixture;

laws! {
    __access_roles of access_roles(OfficeFixture):
    a_role_comes_back_as_it_was_added
    a_name_is_of_one_role
    a_role_that_is_missing_is_not_changed
    a_removed_role_is_gone_and_removed_again_without_an_error
    a_built_in_role_stays_as_it_is
    changing_roles_needs_the_permission
    a_role_gets_no_permission_that_the_actor_lacks_everywhere
    a_permission_that_a_role_has_is_kept_by_one_who_lacks_it
    a_changed_role_is_in_force_at_once
    a_grant_of_a_removed_role_stays_and_allows_nothing
    roles_are_paged_by_their_names
    each_act_on_a_role_leaves_one_record
}

fn auditor() -> Role {
    role("auditor", &[Permission::ReadAudit, Permission::ReadAll])
}

async fn a_role_comes_back_as_it_was_added(office: OfficeFixture) {
    for role in [auditor(), role("nothing", &[]), role("everything", &Permission::ALL)] {
        office.access.add_role(&role, &machine()).await.expect("add");
        assert_eq!(office.access.role(&role.name).await.expect("read"), Some(role));
    }
    assert_eq!(office.access.role(&role_name("other")).await.expect("read"), None);
}

async fn a_name_is_of_one_role(office: OfficeFixture) {
    office.access.add_role(&auditor(), &machine()).await.expect("add");
    let again = office.access.add_role(&auditor(), &machine()).await;
    assert_eq!(refused(again), Refused::RoleTaken(role_name("auditor")));
}

async fn a_role_that_is_missing_is_not_changed(office: OfficeFixture) {
    let changed = office.access.change_role(&auditor(), &machine()).await;
    assert_eq!(refused(changed), Refused::NoRole(role_name("auditor")));
}

async fn a_removed_role_is_gone_and_removed_again_without_an_error(office: OfficeFixture) {
    office.access.add_role(&auditor(), &machine()).await.expect("add");
    for _ in 0..2 {
        office.access.remove_role(&auditor().name, &machine()).await.expect("remove");
        assert_eq!(office.access.role(&auditor().name).await.expect("read"), None);
    }
}

async fn a_built_in_role_stays_as_it_is(office: OfficeFixture) {
    for built_in in Role::built_in() {
        let expected = Refused::BuiltIn(built_in.name.clone());
        let changed = role(built_in.name.as_str(), &[Permission::Rewind]);
        for outcome in [
            office.access.add_role(&changed, &machine()).await,
            office.access.change_role(&changed, &machine()).await,
            office.access.remove_role(&built_in.name, &machine()).await,
        ] {
            assert_eq!(refused(outcome), expected);
        }
    }
}

async fn changing_roles_needs_the_permission(office: OfficeFixture) {
    made(&office, 1, "operator", "operator").await;
    office.access.add_role(&auditor(), &machine()).await.expect("add");
    let by = by(user_id(1));
    for outcome in [
        office.access.add_role(&role("other", &[]), &by).await,
        office.access.change_role(&role("auditor", &[]), &by).await,
        office.access.remove_role(&role_name("auditor"), &by).await,
    ] {
        assert_eq!(refused(outcome), Refused::NotAllowed(Permission::ChangeRoles));
    }
    assert_eq!(office.access.role(&role_name("auditor")).await.expect("read"), Some(auditor()));
}

/// A role may be given everywhere, so a permission on a chain is not enough.
async fn a_role_gets_no_permission_that_the_actor_lacks_everywhere(office: OfficeFixture) {
    let makers = role("maker", &[Permission::ChangeRoles, Permission::ReadAudit]);
    office.access.add_role(&makers, &machine()).await.expect("add");
    made(&office, 1, "maker", "maker").await;
    let both = [everywhere("maker"), on_chain("operator", 1)];
    let both = both.iter().flat_map(|grants| grants.as_slice().to_vec()).collect();
    let both = pledge_office::access::GivenGrants::new(both).expect("two grants");
    office.access.change_grants(user_id(1), &both, &machine()).await.expect("give");
    let by = by(user_id(1));
    let pausing = role("mine", &[Permission::PauseChains]);
    let added = office.access.add_role(&pausing, &by).await;
    assert_eq!(refused(added), Refused::Gives(Permission::PauseChains));
    office.access.add_role(&role("mine", &[Permission::ReadAudit]), &by).await.expect("it has it");
    let changed = office.access.change_role(&pausing, &by).await;
    assert_eq!(refused(changed), Refused::Gives(Permission::PauseChains));
    let own = role("maker", &Permission::ALL);
    let changed = office.access.change_role(&own, &by).await;
    assert_eq!(refused(changed), Refused::Gives(Permission::ReadAll));
}

async fn a_permission_that_a_role_has_is_kept_by_one_who_lacks_it(office: OfficeFixture) {
    office
        .access
        .add_role(&role("maker", &[Permission::ChangeRoles]), &machine())
        .await
        .expect("add");
    office.access.add_role(&auditor(), &machine()).await.expect("add");
    made(&office, 1, "maker", "maker").await;
    let less = role("auditor", &[Permission::ReadAudit]);
    office.access.change_role(&less, &by(user_id(1))).await.expect("nothing is given");
}

/// For a caller of a session that began before.
async fn a_changed_role_is_in_force_at_once(office: OfficeFixture) {
    office.access.add_role(&role("auditor", &[]), &machine()).await.expect("add");
    made(&office, 1, "anna", "auditor").await;
    signed_in(&office, 1, user_id(1), "anna").await;
    let may_read = async || {
        let caller = office.access.caller_of_session(session_id(1)).await.expect("read");
        caller.expect("it lasts").may(Permission::ReadAudit, Object::General)
    };
    assert!(!may_read().await);
    office.access.change_role(&auditor(), &machine()).await.expect("change");
    assert!(may_read().await);
    office.access.remove_role(&auditor().name, &machine()).await.expect("remove");
    assert!(!may_read().await);
}

/// A role of the name that is added later is given again by it.
async fn a_grant_of_a_removed_role_stays_and_allows_nothing(office: OfficeFixture) {
    office.access.add_role(&auditor(), &machine()).await.expect("add");
    let before = made(&office, 1, "anna", "auditor").await;
    signed_in(&office, 1, user_id(1), "anna").await;
    office.access.remove_role(&auditor().name, &machine()).await.expect("remove");
    assert_eq!(user(&office, user_id(1)).await, before);
    let caller = office.access.caller_of_session(session_id(1)).await.expect("read");
    let grants = caller.expect("it lasts").grants;
    assert!(Permission::ALL.iter().all(|it| !may(&grants, *it, Object::General)));
}

async fn roles_are_paged_by_their_names(office: OfficeFixture) {
    for name in ["b", "d", "a-2", "c", "a"] {
        office.access.add_role(&role(name, &[]), &machine()).await.expect("add");
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = office.access.roles(after.as_ref(), 2).await.expect("read");
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        all.extend(page.into_iter().map(|role| role.name.to_string()));
    }
    assert_eq!(all, ["a", "a-2", "b", "c", "d"]);
}

/// One that changes nothing leaves none.
async fn each_act_on_a_role_leaves_one_record(office: OfficeFixture) {
    let by = machine();
    office.access.add_role(&auditor(), &by).await.expect("add");
    office.access.change_role(&auditor(), &by).await.expect("the same");
    office.access.change_role(&role("auditor", &[Permission::Rewind]), &by).await.expect("change");
    office.access.remove_role(&auditor().name, &by).await.expect("remove");
    office.access.remove_role(&auditor().name, &by).await.expect("it is gone");
    assert_eq!(actions(&office).await, ["add_role", "change_role", "remove_role"]);
    let records = records(&office).await;
    let changed = &records[1].act;
    assert_eq!(changed.object.to_string(), "role:auditor");
    let text = |state| serde_json::to_string(state).expect("a snapshot is JSON");
    assert_eq!(text(&changed.before), r#"{"permissions":["all:read","audit:read"]}"#);
    assert_eq!(text(&changed.after), r#"{"permissions":["chains:rewind"]}"#);
}
