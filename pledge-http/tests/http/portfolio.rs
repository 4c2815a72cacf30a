//! One account on every chain.

use pledge_core::types::{ChainId, TokenId};
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, World, account_path, mint, time, whole};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN, crowded, seed};

/// The worked case over two chains: 1000 of a token with 6 decimals for 30 minutes, and 2 of one
/// with 18 decimals for 45 minutes; the second chain is confirmed later than the first.
async fn two_chains() -> World {
    let mut world = World::in_memory();
    let (fast, slow) = (world.chain(1, THREE_PM).await, world.chain(2, THREE_PM).await);
    let (six, eighteen) =
        (world.earning(1, TOKEN, 6, "0.05").await, world.earning(2, OTHER_TOKEN, 18, "0.05").await);
    let (half, quarter) = (THREE_PM + 30 * MINUTE, THREE_PM + 15 * MINUTE);
    fast.mine(time(half), &[mint(six, ALICE, 1_000_000_000.into())]);
    fast.mine(time(THREE_PM + 2 * HOUR), &[]);
    slow.mine(time(quarter), &[mint(eighteen, ALICE, whole(2))]);
    slow.mine(time(THREE_PM + HOUR), &[]);
    world.confirm().await;
    world
}

#[tokio::test]
async fn a_total_over_chains_is_at_the_slowest_ones_time() {
    let world = two_chains().await;
    let portfolio = world.ok(&format!("/api/v1/accounts/{ALICE}")).await;
    assert_eq!(portfolio["at_time"], THREE_PM + HOUR);
    assert_eq!(portfolio["total_points"], "25.075");
    let tokens = portfolio["tokens"].as_array().unwrap();
    let points: Vec<_> = tokens.iter().map(|token| &token["points"]).collect();
    assert_eq!(points, ["25", "0.075"]);
    assert!(tokens.iter().all(|token| token["at_time"] == THREE_PM + HOUR));
}

#[tokio::test]
async fn a_token_that_starts_after_the_slowest_ones_time_counts_nothing_yet() {
    let mut world = World::in_memory();
    let slow = world.chain(1, THREE_PM).await;
    let fast = world.chain(2, THREE_PM + 2 * HOUR).await;
    let (old, new) =
        (world.earning(1, TOKEN, 18, "1").await, world.earning(2, TOKEN, 18, "1").await);
    slow.mine(time(THREE_PM), &[mint(old, ALICE, whole(1))]);
    slow.mine(time(THREE_PM + HOUR), &[]);
    fast.mine(time(THREE_PM + 2 * HOUR), &[mint(new, ALICE, whole(1))]);
    fast.mine(time(THREE_PM + 3 * HOUR), &[]);
    world.confirm().await;
    let portfolio = world.ok(&format!("/api/v1/accounts/{ALICE}")).await;
    assert_eq!(portfolio["total_points"], "1");
    assert_eq!(portfolio["tokens"][1]["points"], "0");
}

#[tokio::test]
async fn an_account_on_more_tokens_than_one_answer_has_gets_their_bound() {
    let world = crowded().await;
    let fits = world.ok(&format!("/api/v1/accounts/{BOB}")).await;
    assert_eq!(fits["tokens"].as_array().unwrap().len(), 1_000);
    let problem = world.problem(&format!("/api/v1/accounts/{ALICE}"), 422).await;
    assert_eq!(problem["type"], "urn:pledge:problem:too-many-tokens");
    assert!(problem["detail"].as_str().unwrap().contains("more than 1000 tokens"), "{problem}");
}

#[tokio::test]
async fn a_halted_token_does_not_hold_the_others_back() {
    let world = two_chains().await;
    let slow = TokenId { chain: ChainId::new(2), address: OTHER_TOKEN };
    let balances = world.stores.balances.clone();
    let base = balances.token(slow).await.unwrap().unwrap().cursor;
    let halted = balances.halt_token(slow, base.map(|base| base.id()), "overdrawn");
    halted.await.unwrap();
    let portfolio = world.ok(&format!("/api/v1/accounts/{ALICE}")).await;
    assert_eq!(portfolio["at_time"], THREE_PM + 2 * HOUR);
    let halted = &portfolio["tokens"][1];
    assert_eq!(halted["status"], "halted");
    assert_eq!(halted["at_time"], THREE_PM + HOUR);
}

#[tokio::test]
async fn tokens_without_the_programme_are_listed_without_points() {
    let (mut world, token) = seed().await;
    let chain = world.chain(2, THREE_PM).await;
    let plain = world.token(2, TOKEN, 18).await;
    chain.mine(time(THREE_PM + 1), &[mint(plain, ALICE, whole(7))]);
    chain.mine(time(THREE_PM + HOUR), &[]);
    world.confirm().await;
    let portfolio = world.ok(&format!("/api/v1/accounts/{ALICE}")).await;
    let listed = &portfolio["tokens"][1];
    assert_eq!((&listed["balance"], &listed["points"]), (&json!(whole(7)), &Value::Null));
    let alone = world.ok(&account_path(token, ALICE)).await;
    assert_eq!(portfolio["total_points"], alone["points"]);
    assert_eq!(portfolio["total_points_raw"], alone["points_raw"]);
}

#[tokio::test]
async fn a_programme_that_no_token_of_the_account_has_is_not_found() {
    let (world, _) = seed().await;
    world.problem(&format!("/api/v1/accounts/{ALICE}?programme=other"), 404).await;
}
