//! What admins do over HTTP: users, roles, keys, and who did what.

use axum::body::to_bytes;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::office::{Office, Rules, text};
use crate::support::{CLOCK, time};
use pledge_core::audit::{Actor, ActorKind, Attribution};
use pledge_office::access::{By, Registration, Role, RoleName, RoleStore};

async fn admin() -> (Office, String) {
    let office = Office::new().await;
    let token = office.signed_in("anna", "admin").await;
    (office, token)
}

fn because() -> Option<Value> {
    Some(json!({ "reason": "a test" }))
}

fn path(user: &Value, act: &str) -> String {
    format!("/admin/users/{}/{act}", text(&user["id"]))
}

#[tokio::test]
async fn a_banned_user_is_out_at_once_and_back_after_it() {
    let (office, admin) = admin().await;
    let (victor, admin) = (office.signed_in("victor", "viewer").await, Some(admin.as_str()));
    let me = office.ok(Some(&victor), "GET", "/auth/me", None).await;
    let banned = office.ok(admin, "POST", &path(&me["user"], "ban"), because()).await;
    assert_eq!(banned["ban_reason"], "a test");
    let out = office.refused(Some(&victor), "GET", "/auth/me", None).await;
    assert_eq!(out, (401, "unauthenticated".to_owned()));
    let body = json!({ "name": "victor", "password": crate::support::office::PASSWORD });
    let in_again = office.refused(None, "POST", "/auth/password", Some(body)).await;
    assert_eq!(in_again, (401, "sign-in-refused".to_owned()));
    office.ok(admin, "POST", &path(&me["user"], "unban"), because()).await;
    office.token("victor").await;
}

#[tokio::test]
async fn a_changed_role_is_in_force_in_the_next_request() {
    let (office, admin) = admin().await;
    let victor = office.signed_in("victor", "member").await;
    let list = async || office.ask(Some(&victor), "GET", "/admin/roles", None).await.0.as_u16();
    assert_eq!(list().await, 403);
    let me = office.ok(Some(&victor), "GET", "/auth/me", None).await;
    let body = json!({ "grants": [{ "role": "viewer" }], "reason": "a test" });
    let changed = office.ok(Some(&admin), "PUT", &path(&me["user"], "grants"), Some(body)).await;
    assert_eq!(changed["grants"], json!([{ "role": "viewer", "chains": null, "tokens": null }]));
    assert_eq!(list().await, 200);
}

#[tokio::test]
async fn nobody_gives_what_it_lacks_or_touches_who_has_more() {
    let (office, admin) = admin().await;
    let admin = Some(admin.as_str());
    let role = json!({ "role": "user-keeper", "permissions": ["users:change"], "reason": "a" });
    office.ok(admin, "POST", "/admin/roles", Some(role)).await;
    let kira = office.signed_in("kira", "user-keeper").await;
    let kira = Some(kira.as_str());
    let users = office.ok(kira, "GET", "/admin/users", None).await;
    let find = |name: &str| {
        let items = users["items"].as_array().unwrap().iter();
        items.clone().find(|user| user["name"] == name).unwrap().clone()
    };
    let (anna, own) = (find("anna"), find("kira"));
    let refused = office.refused(kira, "POST", &path(&anna, "ban"), because()).await;
    assert_eq!(refused, (403, "forbidden".to_owned()), "anna has more");
    let more = json!({ "grants": [{ "role": "admin" }], "reason": "a" });
    let refused = office.refused(kira, "PUT", &path(&own, "grants"), Some(more)).await;
    assert_eq!(refused, (403, "forbidden".to_owned()), "kira is no admin");
}

#[tokio::test]
async fn the_last_admin_stays() {
    let (office, admin) = admin().await;
    let admin = Some(admin.as_str());
    let me = office.ok(admin, "GET", "/auth/me", None).await;
    for act in ["ban", "remove"] {
        let refused = office.refused(admin, "POST", &path(&me["user"], act), because()).await;
        assert_eq!(refused, (409, "not-possible".to_owned()), "{act}");
    }
}

#[tokio::test]
async fn a_removed_user_is_shown_without_its_name() {
    let (office, admin) = admin().await;
    let admin = Some(admin.as_str());
    let victor = office.signed_in("victor", "viewer").await;
    let me = office.ok(Some(&victor), "GET", "/auth/me", None).await;
    let removed = office.ok(admin, "POST", &path(&me["user"], "remove"), because()).await;
    assert_eq!((&removed["name"], removed["removed"].is_u64()), (&Value::Null, true));
    let user = format!("/admin/users/{}", text(&me["user"]["id"]));
    assert_eq!(office.ok(admin, "GET", &user, None).await, removed);
    let unknown = format!("/admin/users/{}", "ab".repeat(16));
    let refused = office.refused(admin, "GET", &unknown, None).await;
    assert_eq!(refused, (404, "unknown-user".to_owned()));
}

#[tokio::test]
async fn an_invited_person_registers_once_with_the_roles_of_the_invitation() {
    let rules = Rules { registration: Registration::Invited, ..Rules::default() };
    let office = Office::with(rules).await;
    let admin = office.signed_in("anna", "admin").await;
    let body = json!({ "grants": [{ "role": "viewer" }], "note": "for Vera", "reason": "a" });
    let made = office.ok(Some(&admin), "POST", "/admin/invitations", Some(body)).await;
    let register = |name: &str, code: Value| {
        Some(json!({ "name": name, "password": "another long password", "invitation": code }))
    };
    let without = json!({ "name": "vera", "password": "another long password" });
    let refused = office.refused(None, "POST", "/auth/register", Some(without)).await;
    assert_eq!(refused, (403, "registration-refused".to_owned()));
    let code = made["code"].clone();
    let tokens = office.ok(None, "POST", "/auth/register", register("vera", code.clone())).await;
    assert_eq!(tokens["role"], "viewer");
    let again = office.refused(None, "POST", "/auth/register", register("vito", code)).await;
    assert_eq!(again, (403, "registration-refused".to_owned()));
    let list = office.ok(Some(&admin), "GET", "/admin/invitations", None).await;
    assert!(list["items"][0]["used_by"].is_string(), "{list}");
    let revoke = format!("/admin/invitations/{}/revoke", text(&made["id"]));
    office.ok(Some(&admin), "POST", &revoke, because()).await;
}

#[tokio::test]
async fn a_role_is_made_changed_and_removed_and_a_built_in_one_stays() {
    let (office, admin) = admin().await;
    let admin = Some(admin.as_str());
    let body = |permissions: &[&str]| {
        Some(json!({ "role": "rewinder", "permissions": permissions, "reason": "a" }))
    };
    let made = office.ok(admin, "POST", "/admin/roles", body(&["chains:rewind"])).await;
    assert_eq!(
        (&made["permissions"], &made["built_in"]),
        (&json!(["chains:rewind"]), &json!(false))
    );
    let again = office.refused(admin, "POST", "/admin/roles", body(&[])).await;
    assert_eq!(again, (409, "taken".to_owned()));
    let more = json!({ "permissions": ["chains:rewind", "chains:pause"], "reason": "a" });
    let changed = office.ok(admin, "PUT", "/admin/roles/rewinder", Some(more.clone())).await;
    assert_eq!(changed["permissions"], json!(["chains:pause", "chains:rewind"]));
    let list = office.ok(admin, "GET", "/admin/roles", None).await;
    let names: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|one| text(&one["role"])).collect();
    assert_eq!(names, ["admin", "member", "operator", "rewinder", "viewer"]);
    office.ok(admin, "POST", "/admin/roles/rewinder/remove", because()).await;
    let built_in = office.refused(admin, "PUT", "/admin/roles/viewer", Some(more)).await;
    assert_eq!(built_in, (409, "not-possible".to_owned()));
    let unknown = json!({ "role": "x", "permissions": ["chains:fly"], "reason": "a" });
    let (status, problem) = office.ask(admin, "POST", "/admin/roles", Some(unknown)).await;
    assert_eq!((status.as_u16(), &problem["parameter"]), (400, &json!("permissions")));
}

#[tokio::test]
async fn pages_of_one_role_make_up_the_whole_list() {
    let (office, admin) = admin().await;
    let admin = Some(admin.as_str());
    let (mut names, mut path) = (Vec::new(), "/admin/roles?limit=1".to_owned());
    loop {
        let page = office.ok(admin, "GET", &path, None).await;
        names.extend(page["items"].as_array().unwrap().iter().map(|one| text(&one["role"])));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/admin/roles?limit=1&cursor={next}");
    }
    assert_eq!(names, ["admin", "member", "operator", "viewer"]);
}

#[tokio::test]
async fn a_key_lets_its_program_do_what_it_may_until_it_is_revoked() {
    let (office, admin) = admin().await;
    let admin = Some(admin.as_str());
    let body = json!({ "name": "bot", "grants": [{ "role": "viewer" }], "reason": "a" });
    let made = office.ok(admin, "POST", "/admin/api-keys", Some(body)).await;
    let secret = text(&made["secret"]);
    let me = office.ok(Some(&secret), "GET", "/auth/me", None).await;
    assert_eq!((&me["api_key"], &me["session"]), (&made["id"], &Value::Null));
    assert_eq!(me["permissions"], json!(["all:read"]));
    let refused = office.refused(Some(&secret), "POST", "/auth/logout", None).await;
    assert_eq!(refused, (403, "forbidden".to_owned()), "a program has no sign-in");
    let refused = office.refused(Some(&secret), "GET", "/admin/users", None).await;
    assert_eq!(refused, (403, "forbidden".to_owned()));
    let revoke = format!("/admin/api-keys/{}/revoke", text(&made["id"]));
    let revoked = office.ok(admin, "POST", &revoke, because()).await;
    assert!(revoked["revoked"].is_u64());
    let out = office.refused(Some(&secret), "GET", "/auth/me", None).await;
    assert_eq!(out, (401, "unauthenticated".to_owned()));
    let list = office.ok(admin, "GET", "/admin/api-keys", None).await;
    assert_eq!(list["items"][0]["id"], made["id"]);
    assert!(!list.to_string().contains(&secret));
}

#[tokio::test]
async fn what_was_done_is_listed_by_its_filters_and_exported_whole() {
    let (office, admin) = admin().await;
    let admin = Some(admin.as_str());
    for name in ["one", "two"] {
        let role = json!({ "role": name, "permissions": [], "reason": "a \"quoted\" one" });
        office.ok(admin, "POST", "/admin/roles", Some(role)).await;
    }
    let list = office.ok(admin, "GET", "/admin/audit?actor=person:anna&limit=1", None).await;
    assert_eq!(list["items"][0]["object"], "role:two");
    let cursor = text(&list["next_cursor"]);
    let path = format!("/admin/audit?actor=person:anna&limit=1&cursor={cursor}");
    assert_eq!(office.ok(admin, "GET", &path, None).await["items"][0]["object"], "role:one");
    let one = office.ok(admin, "GET", "/admin/audit?object=role:one", None).await;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    assert_eq!(one["items"][0]["request_id"], "req-1");
    for wrong in ["actor=anna", "action=A", "object=one", "actors=person:anna"] {
        let refused = office.refused(admin, "GET", &format!("/admin/audit?{wrong}"), None).await;
        assert_eq!(refused, (400, "invalid-parameter".to_owned()), "{wrong}");
    }
    for (format, kind, lines) in [("jsonl", "application/jsonl", 3), ("csv", "text/csv", 4)] {
        let path = format!("/admin/audit/export?format={format}");
        let response = office.send(admin, "GET", &path, "", None).await;
        assert_eq!(response.headers()["content-type"], kind);
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(text.contains("role:one") && text.contains("create_user"), "{text}");
    }
}

#[tokio::test]
async fn an_export_of_many_records_has_each_once() {
    let (office, admin) = admin().await;
    for number in 0..600 {
        let name = format!("role-{number}");
        let role = json!({ "role": name, "permissions": [], "reason": "a" });
        office.ok(Some(&admin), "POST", "/admin/roles", Some(role)).await;
    }
    let path = "/admin/audit/export?action=add_role";
    let response = office.send(Some(&admin), "GET", path, "", None).await;
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let numbers: Vec<u64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 600);
    assert!(numbers.windows(2).all(|pair| pair[0] > pair[1]), "descending, each once");
}

#[tokio::test]
async fn an_export_breaks_off_where_its_reader_is_banned_in_the_middle() {
    let (office, admin) = admin().await;
    let auditor = office.signed_in("axel", "admin").await;
    let me = office.ok(Some(&auditor), "GET", "/auth/me", None).await;
    let by = By::machine(Attribution::new(
        Actor::new(ActorKind::CommandLine, "root").unwrap(),
        time(CLOCK),
    ));
    for number in 0..500 {
        let name = RoleName::new(&format!("role-{number}")).unwrap();
        let role = Role { name, permissions: [].into() };
        office.store.add_role(&role, &by).await.unwrap();
    }
    let response = office.send(Some(&auditor), "GET", "/admin/audit/export", "", None).await;
    let mut parts = response.into_body().into_data_stream();
    parts.next().await.unwrap().unwrap();
    office.ok(Some(&admin), "POST", &path(&me["user"], "ban"), because()).await;
    let rest: Vec<_> = parts.collect().await;
    assert!(rest.iter().all(Result::is_err) && rest.len() == 1, "{rest:?}");
}
