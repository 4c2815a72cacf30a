//! Entity tags: an answer is named by what decides it.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use pledge_core::points::Programme;
use pledge_core::primitives::Address;
use pledge_core::types::{RateSchedule, Step, TokenId};
use serde_json::Value;

use crate::support::{
    ALICE, BOB, Stores, World, account_path, body_of, mint, time, token_path, transfer, whole,
};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN, seed};

fn tag(response: &Response<Body>) -> Option<HeaderValue> {
    response.headers().get(header::ETAG).cloned()
}

/// Every route whose answers are tagged.
fn tagged_paths(token: TokenId) -> Vec<String> {
    let of_account = |account: Address| account_path(token, account);
    let mut paths = vec![
        "/api/v1/chains/1/tokens".to_owned(),
        token_path(token),
        format!("{}/accounts", token_path(token)),
        format!("{}/accounts?sort=balance", token_path(token)),
        format!("/api/v1/accounts/{ALICE}"),
        "/api/v1/settlements".to_owned(),
    ];
    for account in [ALICE, BOB] {
        paths.push(of_account(account));
        paths.push(format!("{}?at={}", of_account(account), THREE_PM + 20 * MINUTE));
        for list in ["changes", "points", "statements"] {
            paths.push(format!("{}/{list}", of_account(account)));
        }
    }
    paths
}

/// The bodies that were seen under each tag.
#[derive(Default)]
struct Seen(BTreeMap<(String, Vec<u8>), Value>);

impl Seen {
    /// Reads every path; no two answers may share path and tag.
    async fn read(&mut self, world: &World, token: TokenId, when: &str) {
        for path in tagged_paths(token) {
            let response = world.send("GET", &path).await;
            assert_eq!(response.status(), StatusCode::OK, "{path} {when}");
            let tag = tag(&response).unwrap_or_else(|| panic!("{path} has no tag {when}"));
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache", "{path}");
            let body = body_of(response).await;
            let known = self.0.entry((path.clone(), tag.as_bytes().to_vec()));
            let known = known.or_insert_with(|| body.clone());
            assert_eq!(*known, body, "{path} {when}");
        }
    }
}

#[tokio::test]
async fn two_different_answers_of_a_path_never_share_a_tag() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    let mut seen = Seen::default();
    chain.mine(time(THREE_PM + 10 * MINUTE), &[mint(token, ALICE, whole(100))]);
    chain.mine(time(THREE_PM + 30 * MINUTE), &[mint(token, ALICE, whole(100))]);
    world.confirm().await;
    seen.read(&world, token, "at the first blocks").await;
    let sent = [transfer(token, ALICE, BOB, whole(7))];
    chain.mine(time(THREE_PM + 40 * MINUTE), &sent);
    world.index().await;
    seen.read(&world, token, "with a pending transfer").await;
    world.confirm().await;
    seen.read(&world, token, "with it confirmed").await;
    world.advance(1, THREE_PM + HOUR).await;
    seen.read(&world, token, "at an empty block").await;
    world.settle_until(token, |report| report.batches == 5).await;
    seen.read(&world, token, "in a settlement").await;
    world.settle(token).await;
    seen.read(&world, token, "after it").await;
    let rate = |text: &str| text.parse().unwrap();
    let step = Step { from: time(THREE_PM + HOUR), value: rate("0.1") };
    let rates = RateSchedule::new(rate("0.05"), vec![step]).unwrap();
    let main = Programme::main(token, rate("0.05"));
    world.programme(&Programme { rates, ..main }).await;
    seen.read(&world, token, "with another rate").await;
    chain.fork_at(1);
    chain.mine(time(THREE_PM + 30 * MINUTE), &[mint(token, ALICE, whole(50))]);
    for _ in 0..6 {
        chain.mine(time(THREE_PM + HOUR), &[]);
    }
    world.index().await;
    seen.read(&world, token, "after a rewind").await;
    world.settle(token).await;
    seen.read(&world, token, "settled again").await;
    world.earning(1, OTHER_TOKEN, 6, "1").await;
    seen.read(&world, token, "with another token").await;
}

#[tokio::test]
async fn a_reader_who_has_an_answer_is_answered_304_until_a_new_block() {
    let (mut world, token) = seed().await;
    for path in tagged_paths(token) {
        let first = tag(&world.send("GET", &path).await).expect(&path);
        let own = first.to_str().unwrap();
        let again = world.get_with(&path, &[("if-none-match", own)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(tag(&again).as_ref(), Some(&first), "{path}");
        let body = axum::body::to_bytes(again.into_body(), usize::MAX).await.unwrap();
        assert!(body.is_empty(), "{path}");
        let other = format!("\"other\", {own}");
        let listed = world.get_with(&path, &[("if-none-match", &other)]).await;
        assert_eq!(listed.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
    let path = format!("{}/changes", account_path(token, ALICE));
    let before = tag(&world.send("GET", &path).await).unwrap();
    world.advance(1, THREE_PM + 2 * HOUR).await;
    let after = world.get_with(&path, &[("if-none-match", before.to_str().unwrap())]).await;
    assert_eq!(after.status(), StatusCode::OK);
}

#[tokio::test]
async fn any_answer_is_named_by_a_star_and_a_refusal_by_nothing() {
    let (world, token) = seed().await;
    let star = [("if-none-match", "*")];
    for path in tagged_paths(token) {
        let known = world.get_with(&path, &star).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
    for wrong in ["?limit=0", "?at=x", "/statements?limit=0"] {
        let path = account_path(token, ALICE) + wrong;
        let refused = world.get_with(&path, &star).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn an_answer_with_an_age_is_neither_tagged_nor_stored() {
    let (world, _) = seed().await;
    for path in ["/api/v1/chains", "/api/v1/chains/1"] {
        let response = world.send("GET", path).await;
        assert_eq!(tag(&response), None, "{path}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_problem_is_neither_tagged_nor_stored() {
    let (world, token) = seed().await;
    let early = format!("{}?at={}", account_path(token, ALICE), THREE_PM - 5);
    for path in [early.as_str(), "/api/v1/chains/7/tokens", "/api/v1/settlements?limit=0"] {
        let response = world.get_with(path, &[("if-none-match", "\"x\"")]).await;
        assert!(response.status().is_client_error(), "{path}");
        assert_eq!(tag(&response), None, "{path}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

/// The ledger is not read for a reader who has the answer: what would be read does not answer.
#[tokio::test]
async fn a_known_answer_about_a_token_costs_no_read_of_its_accounts() {
    let (world, token) = seed().await;
    let path = format!("{}/accounts", token_path(token));
    let known = tag(&world.send("GET", &path).await).unwrap();
    let silent = World::over(Stores {
        points: std::sync::Arc::new(crate::support::NoStandings(world.stores.points.clone())),
        ..world.stores.clone()
    });
    let refused = silent.send("GET", &path).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let answer = silent.get_with(&path, &[("if-none-match", known.to_str().unwrap())]).await;
    assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
}
