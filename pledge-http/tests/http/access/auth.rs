//! Signing in over HTTP, staying so and leaving.

use axum::http::{StatusCode, header};
use pledge_office::access::Registration;
use serde_json::{Value, json};

use crate::support::body_of;
use crate::support::office::{Office, PASSWORD, Rules, text};

#[tokio::test]
async fn a_sign_in_gives_tokens_that_no_cache_keeps() {
    let office = Office::new().await;
    office.user("anna", "admin").await;
    let body = json!({ "name": "anna", "password": PASSWORD });
    let response = office.send(None, "POST", "/auth/password", "", Some(body)).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let tokens = body_of(response).await;
    assert_eq!((&tokens["token_type"], &tokens["role"]), (&json!("Bearer"), &json!("admin")));
    assert_eq!(tokens["expires_in"], 900);
    let token = text(&tokens["access_token"]);
    let me = office.ok(Some(&token), "GET", "/auth/me", None).await;
    assert_eq!(me["user"]["name"], "anna");
    assert_eq!(me["permissions"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let office = Office::new().await;
    office.user("anna", "admin").await;
    let ask = async |name: &str| {
        let body = json!({ "name": name, "password": "wrong" });
        let response = office.send(None, "POST", "/auth/password", "", Some(body)).await;
        let headers = format!("{:?}", response.headers());
        (response.status(), headers, body_of(response).await)
    };
    let (known, unknown) = (ask("anna").await, ask("nobody").await);
    assert_eq!(known, unknown);
    assert_eq!((known.0, &known.2["code"]), (StatusCode::UNAUTHORIZED, &json!("sign-in-refused")));
}

#[tokio::test]
async fn after_some_failures_the_next_attempt_has_to_wait_and_is_given_the_time() {
    let office = Office::new().await;
    office.user("anna", "admin").await;
    let ask = async |name: &str, password: &str| {
        let body = json!({ "name": name, "password": password });
        office.send(None, "POST", "/auth/password", "", Some(body)).await
    };
    for _ in 0..3 {
        assert_eq!(ask("anna", "wrong").await.status(), StatusCode::UNAUTHORIZED);
    }
    let slowed = ask("anna", PASSWORD).await;
    assert_eq!(slowed.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = slowed.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert_eq!(ask("other", "wrong").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_and_a_second_use_of_an_old_one_ends_the_sign_in() {
    let office = Office::new().await;
    office.user("anna", "admin").await;
    let first = office.tokens("anna").await;
    let refresh = async |tokens: &Value| {
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        office.ask(None, "POST", "/auth/refresh", Some(body)).await
    };
    let (_, second) = refresh(&first).await;
    let (_, third) = refresh(&second).await;
    office.ok(Some(&text(&third["access_token"])), "GET", "/auth/me", None).await;
    let (status, problem) = refresh(&first).await;
    assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("sign-in-refused")), "{problem}");
    let out = office.refused(Some(&text(&third["access_token"])), "GET", "/auth/me", None).await;
    assert_eq!(out, (401, "unauthenticated".to_owned()));
}

#[tokio::test]
async fn a_logout_ends_one_sign_in_and_a_logout_everywhere_all() {
    let office = Office::new().await;
    office.user("anna", "admin").await;
    let (one, two, three) =
        (office.token("anna").await, office.token("anna").await, office.token("anna").await);
    let is_in = async |token: &str| {
        office.ask(Some(token), "GET", "/auth/me", None).await.0 == StatusCode::OK
    };
    office.ok(Some(&one), "POST", "/auth/logout", None).await;
    assert!(!is_in(&one).await && is_in(&two).await);
    let ended = office.ok(Some(&two), "POST", "/auth/logout-everywhere", None).await;
    assert_eq!(ended["ended"], 2);
    assert!(!is_in(&two).await && !is_in(&three).await);
}

#[tokio::test]
async fn own_sign_ins_are_listed_and_ended_and_no_others() {
    let office = Office::new().await;
    office.user("anna", "admin").await;
    let (one, two) = (office.token("anna").await, office.token("anna").await);
    let other = office.signed_in("vera", "viewer").await;
    let list = office.ok(Some(&one), "GET", "/auth/sessions", None).await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items.iter().filter(|item| item["current"] == true).count(), 1);
    assert_eq!(items[0]["user_agent"], "test/1");
    let second = items.iter().find(|item| item["current"] == false).unwrap();
    let revoke = format!("/auth/sessions/{}/revoke", text(&second["id"]));
    assert_eq!(office.ok(Some(&other), "POST", &revoke, None).await["ended"], 0);
    office.ok(Some(&two), "GET", "/auth/me", None).await;
    assert_eq!(office.ok(Some(&one), "POST", &revoke, None).await["ended"], 1);
    office.refused(Some(&two), "GET", "/auth/me", None).await;
}

#[tokio::test]
async fn a_profile_changes_by_what_is_named_and_null_removes() {
    let office = Office::new().await;
    let token = office.signed_in("anna", "member").await;
    let change = async |body: Value| office.ok(Some(&token), "PATCH", "/auth/me", Some(body)).await;
    let all = json!({ "display_name": "Anna Lee", "language": "zh", "time_zone": "Asia/Shanghai" });
    assert_eq!(change(all).await["time_zone"], "Asia/Shanghai");
    let removed = change(json!({ "language": null })).await;
    assert_eq!(
        (&removed["language"], &removed["display_name"]),
        (&Value::Null, &json!("Anna Lee"))
    );
    for (field, value) in [("display_name", ""), ("language", "e"), ("time_zone", "a b")] {
        let body = Some(json!({ field: value }));
        let (status, problem) = office.ask(Some(&token), "PATCH", "/auth/me", body).await;
        assert_eq!((status.as_u16(), &problem["parameter"]), (400, &json!(field)));
    }
    let rename =
        office.refused(Some(&token), "PATCH", "/auth/me", Some(json!({ "name": "x" }))).await;
    assert_eq!(rename, (400, "invalid-body".to_owned()));
}

#[tokio::test]
async fn registration_is_closed_unless_it_is_opened() {
    let body = json!({ "name": "vera", "password": "another long password", "language": "zh" });
    let refused =
        Office::new().await.refused(None, "POST", "/auth/register", Some(body.clone())).await;
    assert_eq!(refused, (403, "registration-refused".to_owned()));
    let rules = Rules { registration: Registration::Open, ..Rules::default() };
    let office = Office::with(rules).await;
    let tokens = office.ok(None, "POST", "/auth/register", Some(body.clone())).await;
    assert_eq!(tokens["role"], "member");
    let again = office.refused(None, "POST", "/auth/register", Some(body)).await;
    assert_eq!(again, (409, "taken".to_owned()));
    for body in [
        json!({ "name": "vito", "password": "short" }),
        json!({ "name": "Vito", "password": "another long password" }),
        json!({ "password": "another long password" }),
        json!({ "name": "vito" }),
        json!({ "name": "vito", "password": "another long password", "message": "x" }),
    ] {
        let refused = office.refused(None, "POST", "/auth/register", Some(body.clone())).await;
        assert_eq!(refused, (400, "invalid-body".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_message_that_is_none_names_its_line() {
    let office = Office::new().await;
    let nonce = office.ok(None, "POST", "/auth/nonce", None).await;
    assert_eq!(nonce["expires_in"], 600);
    let body = json!({ "message": "hello", "signature": "0x00" });
    let (status, problem) = office.ask(None, "POST", "/auth/wallet", Some(body)).await;
    assert_eq!((status.as_u16(), &problem["parameter"]), (400, &json!("message")), "{problem}");
}

#[tokio::test]
async fn a_ticket_is_for_who_is_signed_in() {
    let office = Office::new().await;
    let token = office.signed_in("anna", "member").await;
    let ticket = office.ok(Some(&token), "POST", "/auth/ticket", None).await;
    assert_eq!(ticket["expires_in"], 30);
    assert_eq!(office.refused(None, "POST", "/auth/ticket", None).await.0, 401);
}
