//! Idempotency keys: a request is done once, however often it comes.

use axum::http::StatusCode;
use pledge_core::ports::{AuditQuery, AuditReads};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::body_of;
use crate::support::office::{Office, Rules, request};

const PAUSE: &str = "/chains/1/pause";

/// An office with a chain, and an operator's token.
async fn office() -> (Office, String) {
    let office = Office::played(Rules::default(), async |world: &mut crate::support::World| {
        world.chain(1, crate::worlds::THREE_PM).await;
        Vec::new()
    })
    .await;
    let token = office.signed_in("olga", "operator").await;
    (office, token)
}

fn because(reason: &str) -> Option<Value> {
    Some(json!({ "reason": reason }))
}

/// How often chains were paused and resumed.
async fn acts(office: &Office) -> usize {
    let records = office.store.audit(&AuditQuery::newest(1_000)).await.expect("a read");
    records.iter().filter(|record| record.act.action.name().ends_with("_chain")).count()
}

async fn answer(office: &Office, token: &str, key: &str, reason: &str) -> (u16, Value) {
    let response = office.send(Some(token), "POST", PAUSE, key, because(reason)).await;
    (response.status().as_u16(), body_of(response).await)
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_one_and_does_nothing() {
    let (office, token) = office().await;
    let first = answer(&office, &token, "key-00001", "a").await;
    assert_eq!((first.0, &first.1["before"]), (200, &json!("syncing")), "{}", first.1);
    let resumed = office.ok(Some(&token), "POST", "/chains/1/resume", because("b")).await;
    assert_eq!(resumed["before"], "paused");
    assert_eq!(answer(&office, &token, "key-00001", "a").await, first);
    assert_eq!(acts(&office).await, 2, "the chain is not paused again");
}

#[tokio::test]
async fn another_request_under_a_used_key_is_refused() {
    let (office, token) = office().await;
    answer(&office, &token, "key-00001", "a").await;
    let (status, problem) = answer(&office, &token, "key-00001", "other").await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency-key-reused")));
    let elsewhere =
        office.send(Some(&token), "POST", "/chains/1/resume", "key-00001", because("a")).await;
    assert_eq!(elsewhere.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(acts(&office).await, 1);
}

#[tokio::test]
async fn keys_are_of_one_caller() {
    let (office, token) = office().await;
    let other = office.signed_in("otto", "operator").await;
    assert_eq!(answer(&office, &token, "key-00001", "a").await.0, 200);
    assert_eq!(answer(&office, &other, "key-00001", "other").await.0, 200);
    assert_eq!(acts(&office).await, 2, "each gave a reason of its own");
}

#[tokio::test]
async fn a_refused_request_may_be_made_again_under_its_key() {
    let (office, token) = office().await;
    let resume = async || {
        office.send(Some(&token), "POST", "/chains/1/resume", "key-00001", because("a")).await
    };
    assert_eq!(resume().await.status(), StatusCode::CONFLICT, "the chain is not stopped");
    assert_eq!(answer(&office, &token, "key-00002", "a").await.0, 200);
    assert_eq!(resume().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn of_two_requests_at_once_one_is_done() {
    let (office, token) = office().await;
    let both = tokio::join!(
        answer(&office, &token, "key-00001", "a"),
        answer(&office, &token, "key-00001", "a"),
    );
    let statuses = [both.0.0, both.1.0];
    assert!(statuses.contains(&200), "{both:?}");
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{both:?}");
    assert_eq!(acts(&office).await, 1);
}

#[tokio::test]
async fn a_key_is_needed_and_has_a_form() {
    let (office, token) = office().await;
    for key in ["short", &"x".repeat(65), "with a space", "käse-0001"] {
        let mut asked = request(Some(&token), "POST", PAUSE, "12345678", because("a"));
        let value = axum::http::HeaderValue::from_bytes(key.as_bytes()).unwrap();
        asked.headers_mut().insert("idempotency-key", value);
        let response = office.router.clone().oneshot(asked).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{key}");
        assert_eq!(body_of(response).await["parameter"], "Idempotency-Key");
    }
    let mut without = request(Some(&token), "POST", PAUSE, "12345678", because("a"));
    without.headers_mut().remove("idempotency-key");
    let response = office.router.clone().oneshot(without).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let mut twice = request(Some(&token), "POST", PAUSE, "12345678", because("a"));
    twice.headers_mut().append("idempotency-key", "87654321".parse().unwrap());
    let response = office.router.clone().oneshot(twice).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(acts(&office).await, 0);
}

#[tokio::test]
async fn a_secret_is_in_the_first_answer_alone() {
    let (office, _) = office().await;
    let token = office.signed_in("anna", "admin").await;
    let body = json!({ "name": "bot", "grants": [{ "role": "viewer" }], "reason": "a program" });
    let add = async || {
        let path = "/admin/api-keys";
        let sent = office.send(Some(&token), "POST", path, "key-00001", Some(body.clone())).await;
        body_of(sent).await
    };
    let (first, second) = (add().await, add().await);
    assert!(first["secret"].as_str().is_some_and(|text| text.starts_with("pledge_")), "{first}");
    assert_eq!(second["secret"], Value::Null);
    assert_eq!(first["id"], second["id"]);
}
