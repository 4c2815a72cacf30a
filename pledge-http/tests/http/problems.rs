//! What is refused, and how.

use std::sync::Arc;

use axum::http::header;
use pledge_storage_sqlite::SqliteStore;
use serde_json::json;

use crate::support::{ALICE, Stores, World, account_path, token_path};
use crate::worlds::{OTHER_TOKEN, THREE_PM, TOKEN, busy, seed};

#[tokio::test]
async fn a_malformed_parameter_is_named() {
    let (world, token) = seed().await;
    let (of_token, of_account) = (token_path(token), account_path(token, ALICE));
    let cases = [
        (format!("{of_token}/accounts?limit=0"), "limit"),
        (format!("{of_token}/accounts?limit=1001"), "limit"),
        (format!("{of_token}/accounts?limit=-1"), "limit"),
        (format!("{of_token}/accounts?limit=ten"), "limit"),
        (format!("{of_token}/accounts?sort=name"), "sort"),
        (format!("{of_token}/accounts?cursor=zz"), "cursor"),
        (format!("{of_token}/accounts?cursor=00"), "cursor"),
        (format!("{of_account}/changes?limit=1001"), "limit"),
        (format!("{of_account}/changes?cursor=nonsense"), "cursor"),
        (format!("{of_account}/statements?cursor=nonsense"), "cursor"),
        (format!("{of_account}?at=yesterday"), "at"),
        (format!("{of_account}?at=-1"), "at"),
        (format!("{of_account}?at=1e9"), "at"),
        (format!("{of_account}?at="), "at"),
        (format!("{of_account}?at=99999999999999999999"), "at"),
        (format!("{of_account}?at=1099511627776"), "at"),
        (format!("{of_account}?at=2026-01-05T15:00:00.5Z"), "at"),
        (format!("{of_account}?at=1969-12-31T23:59:59Z"), "at"),
        (format!("{of_account}?programme=No%20Such"), "programme"),
        (format!("/api/v1/accounts/{OTHER_TOKEN}?programme="), "programme"),
        (format!("{of_account}/points?bucket=1"), "bucket"),
        (format!("{of_account}/points?bucket=0h"), "bucket"),
        (format!("{of_account}/points?bucket=h"), "bucket"),
        (format!("{of_account}/points?bucket=1.5h"), "bucket"),
        (format!("{of_account}/points?bucket=99999999999999999d"), "bucket"),
        (format!("{of_account}/points?from=x"), "from"),
        ("/api/v1/settlements?status=done".to_owned(), "status"),
        ("/api/v1/settlements?chain_id=one".to_owned(), "chain_id"),
        ("/api/v1/settlements?token=0x12".to_owned(), "token"),
        ("/api/v1/settlements?cursor=nonsense".to_owned(), "cursor"),
        ("/api/v1/settlements/nonsense".to_owned(), "id"),
        ("/api/v1/chains?limit=0".to_owned(), "limit"),
        ("/api/v1/chains/one".to_owned(), "chain_id"),
        ("/api/v1/chains/1/tokens/0x12".to_owned(), "token"),
        (format!("/api/v1/chains/1/tokens/{}", &TOKEN.to_string()[2..]), "token"),
        (format!("{of_token}/accounts/0x12"), "account"),
        ("/api/v1/accounts/0x12".to_owned(), "account"),
    ];
    for (path, parameter) in cases {
        let problem = world.problem(&path, 400).await;
        assert_eq!(problem["parameter"], parameter, "{path}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(parameter), "{path}: {detail}");
    }
}

/// `SQLite` has 63-bit numbers, but a request may name a 64-bit one.
#[tokio::test]
async fn a_chain_of_any_number_is_not_known_whatever_keeps_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pledge.db");
    let store = Arc::new(SqliteStore::open(file.to_str().unwrap()).await.unwrap());
    let on_file = Stores::of(store, Stores::in_memory().pending);
    for world in [World::in_memory(), World::over(on_file)] {
        for id in [i64::MAX as u64, 1 << 63, u64::MAX] {
            let token = format!("/api/v1/chains/{id}/tokens/{TOKEN}");
            let account = format!("{token}/accounts/{ALICE}");
            let paths = [
                format!("/api/v1/chains/{id}"),
                format!("/api/v1/chains/{id}/tokens"),
                format!("{token}/accounts"),
                account.clone(),
                format!("{account}/changes"),
                format!("{account}/points"),
                format!("{account}/statements"),
            ];
            for path in paths {
                world.problem(&path, 404).await;
            }
            let settlements = format!("/api/v1/settlements?chain_id={id}");
            let (status, body) = world.json(&settlements).await;
            assert!(!status.is_server_error(), "{settlements}: {body}");
        }
    }
}

#[tokio::test]
async fn an_unknown_query_parameter_is_named() {
    let (world, token) = seed().await;
    let (of_token, of_account) = (token_path(token), account_path(token, ALICE));
    let id = format!("1:{TOKEN}:main:{THREE_PM}");
    let paths = [
        "/api/v1/chains".to_owned(),
        "/api/v1/chains/1".to_owned(),
        "/api/v1/chains/1/tokens".to_owned(),
        of_token.clone(),
        format!("{of_token}/accounts"),
        of_account.clone(),
        format!("{of_account}/changes"),
        format!("{of_account}/points"),
        format!("{of_account}/statements"),
        format!("/api/v1/accounts/{ALICE}"),
        "/api/v1/settlements".to_owned(),
        format!("/api/v1/settlements/{id}"),
    ];
    for path in paths {
        let problem = world.problem(&format!("{path}?limt=5"), 400).await;
        assert!(problem["detail"].as_str().unwrap().contains("limt"), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let (world, _) = seed().await;
    let problem = world.problem("/api/v1/chains?limit=1&limit=2", 400).await;
    assert!(problem["detail"].as_str().unwrap().contains("limit"));
}

#[tokio::test]
async fn a_cursor_of_another_list_or_order_is_malformed() {
    let (world, token) = busy().await;
    let accounts = format!("{}/accounts", token_path(token));
    let by_points = world.ok(&format!("{accounts}?limit=1")).await;
    let cursor = by_points["next_cursor"].as_str().unwrap();
    let wrong = [
        format!("{accounts}?sort=balance&cursor={cursor}"),
        format!("{}/changes?cursor={cursor}", account_path(token, ALICE)),
        format!("/api/v1/settlements?cursor={cursor}"),
        format!("{accounts}?cursor={}", &cursor[..cursor.len() - 2]),
    ];
    world.ok(&format!("{accounts}?cursor={cursor}")).await;
    for path in &wrong {
        let problem = world.problem(path, 400).await;
        assert_eq!(problem["parameter"], "cursor", "{path}");
    }
}

#[tokio::test]
async fn an_unknown_route_is_a_problem_too() {
    let (world, token) = seed().await;
    let paths = ["/", "/api", "/api/v1", "/api/v2/chains", "/api/v1/chains/1/blocks"];
    for path in paths {
        let problem = world.problem(path, 404).await;
        assert_eq!(problem["type"], "urn:pledge:problem:unknown-route", "{path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.ends_with("begin at /api/v1/chains"), "{path}: {detail}");
    }
    world.problem(&format!("{}/nothing", account_path(token, ALICE)), 404).await;
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_what_is_allowed() {
    let (world, _) = seed().await;
    for path in ["/api/v1/chains", "/healthz"] {
        let response = world.send("DELETE", path).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

#[tokio::test]
async fn a_problem_is_known_by_its_type() {
    let (world, token) = seed().await;
    let path = format!("{}?at={}", account_path(token, ALICE), THREE_PM - 5);
    let expected = json!({
        "type": "urn:pledge:problem:too-early",
        "code": "too-early",
        "title": "Before the token's first block",
        "status": 409,
        "detail": "2026-01-05T14:59:55Z is before the time of the token's first block, \
                   2026-01-05T15:00:00Z",
        "bound": THREE_PM,
    });
    assert_eq!(world.problem(&path, 409).await, expected);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_problem_without_its_inside() {
    let world = World::over(Stores::away());
    let account = format!("/api/v1/accounts/{ALICE}");
    for path in ["/api/v1/chains", "/api/v1/settlements", &account] {
        let problem = world.problem(path, 503).await;
        assert!(!problem.to_string().contains("10.0.0.7"), "{problem}");
    }
    let response = world.send("GET", "/readyz").await;
    assert!(response.headers().contains_key(header::RETRY_AFTER));
}
