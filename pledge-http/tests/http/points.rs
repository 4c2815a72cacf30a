//! Points over time.

use pledge_core::primitives::U512;
use serde_json::{Value, json};

use crate::support::{ALICE, account_path};
use crate::worlds::{HOUR, MINUTE, THREE_PM, busy, seed};

fn raw(text: &Value) -> U512 {
    let text = text.as_str().expect("raw points are text");
    text.parse().expect("a number")
}

#[tokio::test]
async fn buckets_of_any_length_add_up_to_the_whole() {
    let (world, token) = busy().await;
    let path = format!("{}/points", account_path(token, ALICE));
    let (from, to) = (THREE_PM + 123, THREE_PM + 3 * HOUR + 1_234);
    let span = format!("{path}?from={from}&to={to}");
    let whole = world.walk(&format!("{span}&bucket=1d"), 10).await;
    assert_eq!(whole.len(), 1);
    for bucket in ["30s", "7m", "1h", "2h"] {
        let buckets = world.walk(&format!("{span}&bucket={bucket}"), 7).await;
        let sum = buckets.iter().fold(U512::ZERO, |sum, item| sum + raw(&item["points_raw"]));
        assert_eq!(sum, raw(&whole[0]["points_raw"]), "{bucket}");
        let neighbours = buckets.windows(2);
        assert!(neighbours.into_iter().all(|pair| pair[0]["to"] == pair[1]["from"]));
        assert_eq!(buckets.first().unwrap()["from"], from);
        assert_eq!(buckets.last().unwrap()["to"], to);
    }
}

#[tokio::test]
async fn a_bucket_is_the_difference_between_two_instants() {
    let (world, token) = seed().await;
    let path = account_path(token, ALICE);
    let (from, to) = (THREE_PM + 17 * MINUTE, THREE_PM + 43 * MINUTE);
    let bucket = world.ok(&format!("{path}/points?from={from}&to={to}")).await;
    let bucket = &bucket["items"];
    let at = async |time| raw(&world.ok(&format!("{path}?at={time}")).await["points_raw"]);
    assert_eq!(raw(&bucket[0]["points_raw"]), at(to).await - at(from).await);
}

#[tokio::test]
async fn without_bounds_the_last_day_is_cut_into_hours_from_the_first_block_on() {
    let (world, token) = seed().await;
    let buckets = world.ok(&format!("{}/points", account_path(token, ALICE))).await;
    let expected = json!({
        "items": [{
            "from": THREE_PM,
            "to": THREE_PM + HOUR,
            "points": "6.666666666666666666",
            "points_raw": "240000000000000000000000000000000000000000000",
        }],
        "next_cursor": null,
    });
    assert_eq!(buckets, expected);
}

#[tokio::test]
async fn without_a_start_the_edges_are_whole_multiples_of_the_length() {
    let (world, token) = busy().await;
    let to = THREE_PM + 2 * HOUR + 1_234;
    let path = format!("{}/points?to={to}&bucket=7m", account_path(token, ALICE));
    let buckets = world.walk(&path, 5).await;
    let edges: Vec<_> = buckets.iter().map(|bucket| bucket["to"].as_u64().unwrap()).collect();
    let (last, inner) = edges.split_last().unwrap();
    assert_eq!(*last, to);
    assert!(inner.len() > 5 && inner.iter().all(|edge| edge % (7 * MINUTE) == 0), "{edges:?}");
}

#[tokio::test]
async fn an_end_before_the_start_is_invalid() {
    let (world, token) = seed().await;
    let path = format!("{}/points", account_path(token, ALICE));
    let from = THREE_PM + 10;
    for to in [from - 1, from] {
        let problem = world.problem(&format!("{path}?from={from}&to={to}"), 400).await;
        assert_eq!(problem["parameter"], "to");
    }
}

#[tokio::test]
async fn intervals_come_in_pages_of_one_span() {
    let (world, token) = seed().await;
    let path = format!("{}/points?from={THREE_PM}", account_path(token, ALICE));
    let span = format!("{path}&to={}&bucket=1s", THREE_PM + 1_001);
    let page = world.ok(&format!("{span}&limit=1000")).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1_000);
    assert!(page["next_cursor"].is_string());
    assert_eq!(world.walk(&span, 300).await.len(), 1_001);
}

#[tokio::test]
async fn bounds_outside_the_ledger_are_conflicts_with_the_bound() {
    let (world, token) = seed().await;
    let path = format!("{}/points", account_path(token, ALICE));
    let late = THREE_PM + HOUR + 1;
    let early = THREE_PM - 1;
    let cases = [
        (format!("{path}?to={late}"), THREE_PM + HOUR),
        (format!("{path}?from={late}"), THREE_PM + HOUR),
        (format!("{path}?from={early}"), THREE_PM),
    ];
    for (path, bound) in cases {
        assert_eq!(world.problem(&path, 409).await["bound"], bound, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_programme_has_no_points() {
    let (world, token) = seed().await;
    let path = format!("{}/points?programme=other", account_path(token, ALICE));
    world.problem(&path, 404).await;
}
