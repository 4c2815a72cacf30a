//! The gatekeeper: credentials, and what answers show of it.

use axum::http::{StatusCode, header};
use pledge_http::access::openapi;
use serde_json::json;
use tower::ServiceExt;

use crate::support::body_of;
use crate::support::office::{Office, Rules, request, text};

#[tokio::test]
async fn a_credential_that_is_none_is_refused_also_where_nobody_needs_one() {
    let office = Office::new().await;
    for token in ["nonsense", "pledge_abcdefgh_00", "a.b.c"] {
        let response = office.send(Some(token), "GET", "/chains", "", None).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{token}");
        let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert_eq!(body_of(response).await["code"], "unauthenticated");
    }
}

#[tokio::test]
async fn who_shows_nothing_is_asked_for_a_bearer_token() {
    let office = Office::new().await;
    let response = office.send(None, "GET", "/auth/me", "", None).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"pledge\"");
}

#[tokio::test]
async fn a_refusal_names_the_permission_that_is_missing_in_the_readers_language() {
    let office = Office::new().await;
    let token = office.signed_in("vera", "viewer").await;
    let mut asked = request(Some(&token), "GET", "/admin/users", "", None);
    asked.headers_mut().insert(header::ACCEPT_LANGUAGE, "zh".parse().unwrap());
    let response = office.router.clone().oneshot(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let problem = body_of(response).await;
    assert_eq!(problem["title"], "没有权限");
    assert!(text(&problem["detail"]).contains("users:change"), "{problem}");
}

#[tokio::test]
async fn without_a_secret_nobody_signs_in_and_what_is_public_is_read() {
    let rules = Rules { is_configured: false, ..Rules::default() };
    let office = Office::with(rules).await;
    office.ok(None, "GET", "/chains", None).await;
    // What a client sends along to a server that knows no credential is left alone.
    office.ok(Some("anything"), "GET", "/chains", None).await;
    let body = json!({ "name": "anna", "password": "x" });
    for (method, path) in [
        ("POST", "/auth/password"),
        ("POST", "/auth/nonce"),
        ("POST", "/chains/1/pause"),
        ("GET", "/auth/me"),
        ("GET", "/admin/audit"),
    ] {
        let refused = office.refused(None, method, path, Some(body.clone())).await;
        assert_eq!(refused, (403, "access-not-configured".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn where_nobody_signs_in_and_reading_is_not_public_nothing_is_read() {
    let rules = Rules { is_configured: false, public_reads: false, ..Rules::default() };
    let refused = Office::with(rules).await.refused(None, "GET", "/chains", None).await;
    assert_eq!(refused, (403, "access-not-configured".to_owned()));
}

#[tokio::test]
async fn a_tag_that_is_known_opens_nothing() {
    let rules = Rules { public_reads: false, ..Rules::default() };
    let office = Office::with(rules).await;
    let token = office.signed_in("vera", "viewer").await;
    let path = "/settlements";
    let answer = office.send(Some(&token), "GET", path, "", None).await;
    let tag = answer.headers()[header::ETAG].clone();
    for (token, expected) in [(Some(token.as_str()), 304), (None, 401)] {
        let mut asked = request(token, "GET", path, "", None);
        asked.headers_mut().insert(header::IF_NONE_MATCH, tag.clone());
        let response = office.router.clone().oneshot(asked).await.unwrap();
        assert_eq!(response.status(), expected);
    }
}

#[tokio::test]
async fn what_a_caller_reads_is_kept_by_no_shared_cache() {
    let office = Office::new().await;
    let token = office.signed_in("vera", "viewer").await;
    for (path, expected) in
        [("/settlements", "private, no-cache"), ("/chains", "no-store"), ("/auth/me", "no-store")]
    {
        let response = office.send(Some(&token), "GET", path, "", None).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], expected, "{path}");
        let varies = response.headers().get_all(header::VARY).into_iter();
        assert!(varies.into_iter().any(|value| value == "authorization"), "{path}");
    }
    let public = office.send(None, "GET", "/settlements", "", None).await;
    assert_eq!(public.headers()[header::CACHE_CONTROL], "no-cache");
}

#[tokio::test]
async fn no_cookie_is_a_credential() {
    let office = Office::new().await;
    let token = office.signed_in("anna", "admin").await;
    let mut asked = request(None, "GET", "/auth/me", "", None);
    for cookie in [format!("access_token={token}"), format!("Bearer {token}")] {
        asked.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    }
    let response = office.router.clone().oneshot(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers().get(header::SET_COOKIE), None);
}

/// The paths of a router, which it shows in its debug output alone.
#[tokio::test]
async fn every_route_is_documented_and_every_documented_one_is_a_route() {
    let office = Office::new().await;
    let shown = format!("{:?}", office.router);
    let document = serde_json::to_value(openapi()).unwrap();
    let documented = document["paths"].as_object().unwrap();
    let quoted =
        shown.split('"').filter(|part| part.starts_with("/api/v1/") && !part.contains(' '));
    let routes: std::collections::BTreeSet<_> = quoted
        .filter(|path| !path.contains("{*"))
        .map(|path| path.trim_start_matches("/api/v1"))
        .collect();
    assert!(routes.contains("/auth/me"), "the debug output of a router has its paths: {shown}");
    // What is live is mounted by its host, and lets its readers in by itself.
    let is_live = |item: &serde_json::Value| item["get"]["tags"] == serde_json::json!(["live"]);
    let documented = documented.iter().filter(|(_, item)| !is_live(item));
    assert_eq!(routes, documented.map(|(path, _)| path.as_str()).collect());
}
