//! One account on one token.

use pledge_core::primitives::Address;
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, World, account_path, mint, time, token_path, transfer, whole};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN, seed};

#[tokio::test]
async fn the_seed_case_earns_exactly_twenty_thirds() {
    let (world, token) = seed().await;
    let account = world.ok(&account_path(token, ALICE)).await;
    let expected = json!({
        "account": ALICE.to_string(),
        "symbol": "TOK",
        "decimals": 18,
        "balance": "200000000000000000000",
        "balance_formatted": "200",
        "pending_balance": "200000000000000000000",
        "balance_seconds": "480000000000000000000000",
        "points": "6.666666666666666666",
        "points_raw": "240000000000000000000000000000000000000000000",
        "points_scale": "36000000000000000000000000000000000000000000",
        "settled_points": "0",
        "weight_bp": 10_000,
        "at_block": 2,
        "at_time": THREE_PM + HOUR,
    });
    assert_eq!(account, expected);
}

#[tokio::test]
async fn settling_moves_settled_points_and_nothing_else() {
    let (world, token) = seed().await;
    let mut before = world.ok(&account_path(token, ALICE)).await;
    world.settle(token).await;
    before["settled_points"] = before["points"].clone();
    assert_eq!(world.ok(&account_path(token, ALICE)).await, before);
}

#[tokio::test]
async fn an_instant_in_the_past_is_exact() {
    let (world, token) = seed().await;
    let at = THREE_PM + 20 * MINUTE;
    let account = world.ok(&format!("{}?at={at}", account_path(token, ALICE))).await;
    assert_eq!(account["balance"], whole(100).to_string());
    assert_eq!(account["points"], "0.833333333333333333");
    assert_eq!((&account["at_block"], &account["at_time"]), (&json!(1), &json!(at)));
}

#[tokio::test]
async fn what_was_settled_at_an_instant_is_as_of_that_instant() {
    let (world, token) = seed().await;
    world.settle(token).await;
    let path = account_path(token, ALICE);
    let cases = [(20 * MINUTE, "0"), (HOUR - 1, "0"), (HOUR, "6.666666666666666666")];
    for (seconds, settled) in cases {
        let account = world.ok(&format!("{path}?at={}", THREE_PM + seconds)).await;
        assert_eq!(account["settled_points"], settled, "{seconds} s after 15:00");
    }
}

#[tokio::test]
async fn an_instant_may_be_rfc_3339() {
    let (world, token) = seed().await;
    let path = account_path(token, ALICE);
    let seconds = world.ok(&format!("{path}?at={}", THREE_PM + 1_200)).await;
    for at in ["2026-01-05T15:20:00Z", "2026-01-05T17:20:00%2B02:00"] {
        assert_eq!(world.ok(&format!("{path}?at={at}")).await, seconds);
    }
}

#[tokio::test]
async fn an_account_is_nothing_before_its_first_change() {
    let (world, token) = seed().await;
    let path = format!("{}?at={THREE_PM}", account_path(token, ALICE));
    let account = world.ok(&path).await;
    let fields = ["balance", "pending_balance", "balance_seconds", "points"];
    assert!(fields.iter().all(|field| account[*field] == "0"), "{account}");
    assert_eq!(account["at_block"], Value::Null);
}

#[tokio::test]
async fn an_instant_after_the_confirmed_time_is_a_conflict_with_the_bound() {
    let (world, token) = seed().await;
    let at = THREE_PM + HOUR + 1;
    let path = format!("{}?at={at}", account_path(token, ALICE));
    assert_eq!(world.problem(&path, 409).await["bound"], THREE_PM + HOUR);
}

#[tokio::test]
async fn an_instant_before_the_tokens_first_block_is_a_conflict_with_the_bound() {
    let (world, token) = seed().await;
    let path = format!("{}?at={}", account_path(token, ALICE), THREE_PM - 1);
    assert_eq!(world.problem(&path, 409).await["bound"], THREE_PM);
}

#[tokio::test]
async fn a_token_without_confirmed_block_is_a_conflict() {
    let mut world = World::in_memory();
    world.chain(1, THREE_PM).await;
    let token = world.token(1, TOKEN, 18).await;
    world.index().await;
    world.problem(&account_path(token, ALICE), 409).await;
}

#[tokio::test]
async fn pending_balance_counts_what_is_not_confirmed() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    chain.mine(time(THREE_PM + 1), &[mint(token, ALICE, whole(10))]);
    world.confirm().await;
    let sent = transfer(token, ALICE, BOB, whole(3));
    chain.mine(time(THREE_PM + 2), &[sent]);
    world.index().await;
    let alice = world.ok(&account_path(token, ALICE)).await;
    assert_eq!(alice["balance"], whole(10).to_string());
    assert_eq!(alice["pending_balance"], whole(7).to_string());
    let bob = world.ok(&account_path(token, BOB)).await;
    assert_eq!((&bob["balance"], &bob["at_block"]), (&json!("0"), &json!(1)));
    assert_eq!(bob["pending_balance"], whole(3).to_string());
}

#[tokio::test]
async fn addresses_are_accepted_in_any_case() {
    let (world, token) = seed().await;
    let expected = world.ok(&account_path(token, ALICE)).await;
    let path = account_path(token, ALICE);
    let upper = format!("0x{}", ALICE.to_string()[2..].to_uppercase());
    let lower = ALICE.to_string().to_lowercase();
    for text in [upper, lower] {
        let path = path.replace(&ALICE.to_string(), &text);
        assert_eq!(world.ok(&path).await, expected);
    }
}

#[tokio::test]
async fn a_token_without_programme_answers_without_points() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.token(1, TOKEN, 18).await;
    chain.mine(time(THREE_PM + 1), &[mint(token, ALICE, whole(1))]);
    world.confirm().await;
    let account = world.ok(&account_path(token, ALICE)).await;
    for field in ["points", "points_raw", "points_scale", "settled_points", "weight_bp"] {
        assert_eq!(account[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn a_programme_that_is_named_must_exist() {
    let (world, token) = seed().await;
    let path = account_path(token, ALICE);
    world.problem(&format!("{path}?programme=other"), 404).await;
    world.ok(&format!("{path}?programme=main")).await;
}

#[tokio::test]
async fn an_account_that_was_never_seen_holds_and_has_earned_nothing() {
    let (world, token) = seed().await;
    world.settle(token).await;
    let path = account_path(token, BOB);
    let account = world.ok(&path).await;
    let zeros = [
        "balance",
        "balance_formatted",
        "pending_balance",
        "balance_seconds",
        "points",
        "points_raw",
        "settled_points",
    ];
    assert!(zeros.iter().all(|field| account[*field] == "0"), "{account}");
    assert_eq!((&account["symbol"], &account["weight_bp"]), (&json!("TOK"), &json!(10_000)));
    let then = world.ok(&format!("{path}?at={}", THREE_PM + MINUTE)).await;
    assert_eq!(then["balance"], "0");
    for list in ["changes", "statements"] {
        let page = world.ok(&format!("{path}/{list}")).await;
        assert_eq!(page["items"], json!([]), "{list}");
    }
    let points = world.ok(&format!("{path}/points")).await.to_string();
    assert!(points.contains(r#""points":"0""#), "{points}");
    let nowhere = world.ok(&format!("/api/v1/accounts/{BOB}")).await;
    assert_eq!((&nowhere["tokens"], &nowhere["at_time"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn what_is_unknown_is_not_found() {
    let (world, token) = seed().await;
    let path = account_path(token, ALICE);
    let unknown = [
        account_path(token, Address::ZERO),
        path.replace(&TOKEN.to_string(), &OTHER_TOKEN.to_string()),
        path.replace("/chains/1/", "/chains/2/"),
        token_path(token).replace("/chains/1/", "/chains/2/"),
        format!("{}/changes", path.replace("/chains/1/", "/chains/2/")),
    ];
    for path in unknown {
        world.problem(&path, 404).await;
    }
}
