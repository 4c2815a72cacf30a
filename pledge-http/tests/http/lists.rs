//! Leaderboards, changes, statements.

use pledge_core::primitives::U512;
use pledge_core::types::Amount;
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, World, account_path, mint, time, token_path, transfer, whole};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN, busy, holder, seed};

const LIMITS: std::ops::RangeInclusive<usize> = 1..=7;

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item[field].as_str().expect("text")
}

fn number(item: &Value, field: &str) -> U512 {
    text(item, field).parse().expect("a number")
}

#[tokio::test]
async fn pages_of_any_size_make_up_the_whole_list() {
    let (world, token) = busy().await;
    let (accounts, account) = (token_path(token) + "/accounts", account_path(token, BOB));
    let lists = [
        format!("{accounts}?sort=points"),
        format!("{accounts}?sort=balance"),
        format!("{account}/changes"),
        format!("{account}/statements"),
    ];
    for list in lists {
        let all = world.walk(&list, 1_000).await;
        assert!(all.len() > 2, "{list}");
        for limit in LIMITS {
            assert_eq!(world.walk(&list, limit).await, all, "{list} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_page_that_ends_exactly_at_the_last_item_has_no_next() {
    let (world, token) = busy().await;
    let path = token_path(token) + "/accounts?sort=balance";
    let count = world.walk(&path, 1_000).await.len();
    let page = world.ok(&format!("{path}&limit={count}")).await;
    assert_eq!(page["next_cursor"], Value::Null);
}

#[tokio::test]
async fn the_leaderboard_is_by_settled_points_descending() {
    let (world, token) = busy().await;
    let page = world.ok(&format!("{}/accounts", token_path(token))).await;
    assert_eq!(page["settled"], THREE_PM + 3 * HOUR);
    let items = page["items"].as_array().unwrap();
    let raw: Vec<_> = items.iter().map(|item| number(item, "points_raw")).collect();
    assert!(raw.is_sorted_by(|a, b| a >= b) && !raw.contains(&U512::ZERO));
    assert_eq!(text(&items[0], "account"), ALICE.to_string());
}

#[tokio::test]
async fn the_leaderboard_agrees_with_each_account() {
    let (world, token) = busy().await;
    let path = format!("{}/accounts?sort=balance", token_path(token));
    let settled = THREE_PM + 3 * HOUR;
    for item in world.walk(&path, 1_000).await {
        let path = format!("{}/accounts/{}", token_path(token), text(&item, "account"));
        let account = world.ok(&path).await;
        assert_eq!(item["balance"], account["balance"]);
        assert_eq!(item["points"], account["settled_points"]);
        let then = world.ok(&format!("{path}?at={settled}")).await;
        assert_eq!(item["points_raw"], then["points_raw"]);
        assert_eq!(item["settled"], settled);
    }
}

#[tokio::test]
async fn during_a_settlement_each_account_shows_how_far_it_is_settled() {
    let (mut world, token) = busy().await;
    world.advance(1, THREE_PM + 4 * HOUR).await;
    world.settle_until(token, |report| report.batches == 5).await;
    let page = world.ok(&format!("{}/accounts", token_path(token))).await;
    let (before, after) = (json!(THREE_PM + 3 * HOUR), json!(THREE_PM + 4 * HOUR));
    assert_eq!(page["settled"], before);
    let items = page["items"].as_array().unwrap();
    let mut reached: Vec<_> = items.iter().map(|item| &item["settled"]).collect();
    reached.sort_by_key(|settled| settled.as_u64());
    reached.dedup();
    assert_eq!(reached, [&before, &after]);
}

#[tokio::test]
async fn by_balance_equal_balances_are_by_address() {
    let (world, token) = busy().await;
    let path = format!("{}/accounts?sort=balance", token_path(token));
    let items = world.walk(&path, 1_000).await;
    let key = |item: &Value| {
        let account = text(item, "account").to_lowercase();
        (std::cmp::Reverse(number(item, "balance")), account)
    };
    assert!(items.is_sorted_by_key(key));
    assert_eq!(items.len(), 17, "those who were minted nothing are no accounts");
}

/// An account that is empty again has its points; one that never held anything for a second has
/// nothing.
#[tokio::test]
async fn accounts_with_neither_balance_nor_points_are_left_out() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let earning = world.earning(1, TOKEN, 18, "0.05").await;
    let plain = world.token(1, OTHER_TOKEN, 18).await;
    let [empty, transient] = [holder(1), holder(2)];
    for (at, token) in [(THREE_PM + 1, earning), (THREE_PM + HOUR / 2, plain)] {
        let mints = [mint(token, ALICE, whole(9)), mint(token, empty, whole(1))];
        chain.mine(time(at), &mints);
        let passed_on = [
            transfer(token, transient, BOB, whole(1)),
            transfer(token, empty, transient, whole(1)),
            transfer(token, ALICE, holder(3), Amount::ZERO),
        ];
        chain.mine(time(at + MINUTE), &passed_on);
    }
    chain.mine(time(THREE_PM + HOUR), &[]);
    world.confirm().await;
    world.settle(earning).await;
    for (token, expected) in [(earning, vec![ALICE, BOB, empty]), (plain, vec![ALICE, BOB])] {
        let path = token_path(token) + "/accounts?sort=balance";
        for limit in LIMITS {
            let items = world.walk(&path, limit).await;
            let accounts: Vec<_> = items.iter().map(|item| text(item, "account")).collect();
            let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(accounts, expected, "{path} by {limit}");
        }
    }
    let rows = world.walk(&(account_path(earning, transient) + "/changes"), 9).await;
    assert!(
        rows.iter().all(|row| row["netted"] == true && row["balance_after"] == "0"),
        "{rows:?}"
    );
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn a_token_without_programme_has_accounts_by_balance_only() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.token(1, TOKEN, 18).await;
    chain.mine(time(THREE_PM + 1), &[mint(token, ALICE, whole(1))]);
    world.confirm().await;
    let path = format!("{}/accounts", token_path(token));
    let row = json!({
        "account": ALICE.to_string(),
        "balance": whole(1).to_string(),
        "balance_formatted": "1",
        "points": null,
        "points_raw": null,
        "settled": null,
    });
    let expected = json!({
        "items": [row],
        "next_cursor": null,
        "symbol": "TOK",
        "decimals": 18,
        "settled": null,
        "points_scale": null,
    });
    assert_eq!(world.ok(&format!("{path}?sort=balance")).await, expected);
    world.problem(&path, 404).await;
    world.problem(&format!("{path}?sort=points"), 404).await;
    world.problem(&format!("{path}?sort=balance&programme=main"), 404).await;
}

#[tokio::test]
async fn changes_are_newest_first_and_signed() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.token(1, TOKEN, 0).await;
    let script = [
        mint(token, ALICE, 10.into()),
        transfer(token, ALICE, BOB, 4.into()),
        transfer(token, ALICE, ALICE, 1.into()),
        transfer(token, ALICE, Default::default(), 2.into()),
    ];
    chain.mine(time(THREE_PM + 10), &script[..1]);
    chain.mine(time(THREE_PM + 20), &script[1..]);
    world.confirm().await;
    let changes = world.walk(&format!("{}/changes", account_path(token, ALICE)), 100).await;
    let short: Vec<_> = changes
        .iter()
        .map(|change| {
            (text(change, "change_type"), text(change, "amount"), text(change, "balance_after"))
        })
        .collect();
    let expected = [
        ("burn", "-2", "4"),
        ("transfer_in", "1", "6"),
        ("transfer_out", "-1", "5"),
        ("transfer_out", "-4", "6"),
        ("mint", "10", "10"),
    ];
    assert_eq!(short, expected);
    assert_eq!(changes[0]["counterparty"], Value::Null);
    let (_, second) = &chain.transfers()[1];
    let expected = json!({
        "change_type": "transfer_out",
        "amount": "-4",
        "balance_after": "6",
        "netted": false,
        "balance_seconds": "100",
        "counterparty": BOB.to_string(),
        "tx_hash": second.tx_hash,
        "log_index": 0,
        "block": 2,
        "block_time": THREE_PM + 20,
    });
    assert_eq!(changes[3], expected);
}

#[tokio::test]
async fn an_account_known_only_from_pending_blocks_has_no_changes_yet() {
    let (mut world, _) = seed().await;
    let chain = world.chain(2, THREE_PM).await;
    let other = world.token(2, TOKEN, 18).await;
    chain.mine(time(THREE_PM + 1), &[]);
    world.confirm().await;
    chain.mine(time(THREE_PM + 2), &[mint(other, BOB, whole(1))]);
    world.index().await;
    let changes = world.ok(&format!("{}/changes", account_path(other, BOB))).await;
    assert_eq!(changes, json!({ "items": [], "next_cursor": null }));
}

#[tokio::test]
async fn statements_taken_back_by_a_reorg_stay_listed() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    chain.mine(time(THREE_PM), &[mint(token, ALICE, whole(100))]);
    chain.mine(time(THREE_PM + 30 * MINUTE), &[mint(token, ALICE, whole(100))]);
    chain.mine(time(THREE_PM + HOUR), &[]);
    world.confirm().await;
    world.settle(token).await;
    chain.fork_at(1);
    chain.mine(time(THREE_PM + 30 * MINUTE), &[mint(token, ALICE, whole(50))]);
    for _ in 0..5 {
        chain.mine(time(THREE_PM + HOUR), &[]);
    }
    world.index().await;
    world.settle(token).await;
    let rows = world.walk(&format!("{}/statements", account_path(token, ALICE)), 2).await;
    let short: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "kind"), row["epoch"].as_u64().unwrap(), text(row, "points")))
        .collect();
    let expected = [("earned", 0, "7.5"), ("reversed", 0, "-7.5"), ("earned", 1, "6.25")];
    assert_eq!(short, expected);
    let account = world.ok(&account_path(token, ALICE)).await;
    assert_eq!(account["settled_points"], "6.25");
}

#[tokio::test]
async fn statements_of_windows_without_a_change_are_listed_and_all_sum_to_the_points() {
    let mut world = World::in_memory();
    let chain = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    chain.mine(time(THREE_PM), &[mint(token, ALICE, whole(100))]);
    for hour in 1..=4 {
        chain.mine(time(THREE_PM + hour * HOUR), &[]);
    }
    world.confirm().await;
    world.settle(token).await;
    chain.fork_at(2);
    chain.mine(time(THREE_PM + 2 * HOUR + 30 * MINUTE), &[mint(token, ALICE, whole(100))]);
    for _ in 0..6 {
        chain.mine(time(THREE_PM + 3 * HOUR), &[]);
    }
    world.index().await;
    world.settle(token).await;
    let path = format!("{}/statements", account_path(token, ALICE));
    let rows = world.walk(&path, 2).await;
    let short: Vec<_> = rows
        .iter()
        .map(|row| {
            let hours = |name: &str| (row[name].as_u64().unwrap() - THREE_PM) / HOUR;
            (hours("window_start"), hours("window_end"), text(row, "points"))
        })
        .collect();
    let published = [(0, 1, "5"), (1, 2, "5"), (2, 3, "5"), (3, 4, "5")];
    let again = [(1, 4, "-15"), (1, 2, "5"), (2, 3, "7.5")];
    assert_eq!(short, [&published[..], &again].concat());
    for limit in [1, 3, 100] {
        assert_eq!(world.walk(&path, limit).await, rows);
    }
    let account = world.ok(&account_path(token, ALICE)).await;
    assert_eq!(account["settled_points"], "17.5");
}
