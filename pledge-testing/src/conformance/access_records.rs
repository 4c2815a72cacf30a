//! Laws of what writes of users leave in the audit log
//! ([`UserWrites`](pledge_office::access::UserWrites)).

use pledge_office::access::{DisplayName, GivenGrants, Profile};

use super::access::{
    actions, by, everywhere, key_wallet, machine, made, new_user, password, records, refused, user,
    user_id, user_name,
};
use crate::OfficeFixture;

laws! {
    __access_records of access_records(OfficeFixture):
    each_act_on_a_user_leaves_one_record
    an_act_that_changes_nothing_leaves_no_record
    a_refused_act_on_a_user_writes_nothing
    a_record_of_a_user_has_what_was_found_and_left
}

async fn each_act_on_a_user_leaves_one_record(office: OfficeFixture) {
    let (id, by) = (user_id(1), machine());
    made(&office, 1, "anna", "member").await;
    office.access.change_grants(id, &everywhere("viewer"), &by).await.expect("grants");
    let display_name = Some(DisplayName::new("Anna").expect("a name of a test"));
    let profile = Profile { name: Some(user_name("anna")), display_name, ..Profile::default() };
    office.access.change_profile(id, &profile.into(), &by).await.expect("profile");
    office.access.add_wallet(id, &key_wallet(1), &by).await.expect("wallet");
    office.access.change_password(id, Some(&password("x")), None, &by).await.expect("password");
    office.access.remove_wallet(id, &key_wallet(1), &by).await.expect("wallet");
    office.access.ban_user(id, &by).await.expect("ban");
    office.access.lift_ban(id, &by).await.expect("lift");
    office.access.remove_user(id, &by).await.expect("remove");
    let expected = [
        "create_user",
        "change_grants",
        "change_profile",
        "add_wallet",
        "change_password",
        "remove_wallet",
        "ban_user",
        "lift_ban",
        "remove_user",
    ];
    assert_eq!(actions(&office).await, expected);
}

async fn an_act_that_changes_nothing_leaves_no_record(office: OfficeFixture) {
    let (id, by) = (user_id(1), machine());
    let one = made(&office, 1, "anna", "member").await;
    office.access.change_grants(id, &one.grants, &by).await.expect("the same grants");
    office
        .access
        .change_profile(id, &one.profile.clone().into(), &by)
        .await
        .expect("the same profile");
    office.access.remove_wallet(id, &key_wallet(1), &by).await.expect("no wallet");
    office.access.lift_ban(id, &by).await.expect("no ban");
    office.access.ban_user(id, &by).await.expect("ban");
    office.access.ban_user(id, &by).await.expect("ban again");
    assert_eq!(actions(&office).await, ["create_user", "ban_user"]);
}

async fn a_refused_act_on_a_user_writes_nothing(office: OfficeFixture) {
    let admin = made(&office, 1, "anna", "admin").await;
    let refused_by = async |number| {
        let by = by(user_id(number));
        let outcomes = [
            office.access.ban_user(user_id(1), &by).await,
            office.access.remove_user(user_id(1), &by).await,
            office.access.change_password(user_id(1), None, None, &by).await,
            office.access.create_user(&new_user(9, "carla"), &GivenGrants::NONE, &by).await,
        ];
        outcomes.into_iter().for_each(|outcome| drop(refused(outcome)));
    };
    made(&office, 2, "berta", "operator").await;
    refused_by(2).await;
    refused_by(7).await;
    assert_eq!(user(&office, user_id(1)).await, admin);
    assert_eq!(office.access.user(user_id(9)).await.expect("read"), None);
    assert_eq!(actions(&office).await, ["create_user", "create_user"]);
}

/// And who did it, when and why; nothing of the password.
async fn a_record_of_a_user_has_what_was_found_and_left(office: OfficeFixture) {
    made(&office, 1, "anna", "member").await;
    office.access.change_grants(user_id(1), &everywhere("viewer"), &machine()).await.expect("give");
    let records = records(&office).await;
    let record = &records[0];
    assert_eq!(record.by, machine().attribution);
    assert_eq!(record.act.object.to_string(), format!("user:{}", user_id(1)));
    let text = |state| serde_json::to_string(state).expect("a snapshot is JSON");
    let (before, after) = (text(&record.act.before), text(&record.act.after));
    assert!(before.contains(r#""grants":[{"role":"member"}]"#), "{before}");
    assert!(after.contains(r#""grants":[{"role":"viewer"}]"#), "{after}");
    assert!(!format!("{records:?}").contains("argon2id"), "{records:?}");
}
