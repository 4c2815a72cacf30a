//! Settlements.

use pledge_core::points::BatchSpan;
use pledge_core::ports::BatchFailure;
use pledge_core::types::{Epoch, ProgrammeId, ShardId, TokenId};
use serde_json::{Value, json};

use crate::support::{ALICE, World, mint, time, whole};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN, busy, seed};

/// Two tokens on one chain, over four hours, and one on another, over six.
async fn three_programmes() -> World {
    let mut world = World::in_memory();
    let mut tokens = Vec::new();
    for (chain, hours, addresses) in [(1, 4, &[TOKEN, OTHER_TOKEN][..]), (2, 6, &[TOKEN])] {
        let script = world.chain(chain, THREE_PM).await;
        for address in addresses {
            tokens.push(world.earning(chain, *address, 18, "0.05").await);
        }
        for hour in 0..hours {
            let at = time(THREE_PM + hour * HOUR + MINUTE);
            script.mine(at, &[mint(tokens[0], ALICE, whole(1))]);
        }
        script.mine(time(THREE_PM + hours * HOUR), &[]);
    }
    world.confirm().await;
    for token in tokens {
        world.settle(token).await;
    }
    world
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().expect("an id is text")).collect()
}

#[tokio::test]
async fn a_settlement_is_found_by_its_id() {
    let (world, token) = seed().await;
    world.settle(token).await;
    let id = format!("1:{TOKEN}:main:{THREE_PM}");
    let expected = json!({
        "id": id,
        "chain_id": 1,
        "token": TOKEN.to_string(),
        "programme": "main",
        "window_start": THREE_PM,
        "window_end": THREE_PM + HOUR,
        "from_block": 0,
        "to_block": 2,
        "status": "settled",
        "attempts": 1,
        "reason_code": null,
        "reason": null,
        "accounts": 1,
        "points": "6.666666666666666666",
        "points_raw": "240000000000000000000000000000000000000000000",
        "failures": [],
    });
    assert_eq!(world.ok(&format!("/api/v1/settlements/{id}")).await, expected);
    let list = world.ok("/api/v1/settlements").await;
    assert_eq!(list, json!({ "items": [expected], "next_cursor": null }));
}

/// Each window's blocks by its start, the newest first.
async fn blocks(world: &World) -> Vec<(Value, Value)> {
    let list = world.ok("/api/v1/settlements").await;
    let items = list["items"].as_array().expect("a list");
    items.iter().map(|item| (item["from_block"].clone(), item["to_block"].clone())).collect()
}

#[tokio::test]
async fn the_blocks_of_a_window_are_the_chains_whether_anything_changed_or_not() {
    let mut world = World::in_memory();
    let script = world.chain(1, THREE_PM).await;
    let token = world.earning(1, TOKEN, 18, "0.05").await;
    script.mine(time(THREE_PM + 10 * MINUTE), &[mint(token, ALICE, whole(1))]);
    // One block in the first window's last second, one at the edge, none in the third.
    for after in [20 * MINUTE, HOUR - 1, HOUR, HOUR + 30 * MINUTE, 3 * HOUR, 3 * HOUR, 3 * HOUR] {
        script.mine(time(THREE_PM + after), &[]);
    }
    world.index_alone().await;
    world.settle(token).await;
    let unknown = (Value::Null, Value::Null);
    assert_eq!(blocks(&world).await, [&unknown, &unknown, &unknown].map(Clone::clone));
    let chain = world.ok("/api/v1/chains/1").await;
    assert_eq!(chain["last_calculated_time"], THREE_PM + 3 * HOUR);
    assert_eq!(chain["last_calculated_block"], Value::Null);
    world.index().await;
    let found = [unknown, (json!(4), json!(5)), (json!(0), json!(3))];
    assert_eq!(blocks(&world).await, found);
    assert_eq!(world.ok("/api/v1/chains/1").await["last_calculated_block"], 5);
}

#[tokio::test]
async fn an_unknown_settlement_is_not_found() {
    let (world, token) = seed().await;
    world.settle(token).await;
    for id in [
        format!("1:{TOKEN}:main:{}", THREE_PM + HOUR),
        format!("1:{TOKEN}:main:{}", THREE_PM + 1),
        format!("1:{TOKEN}:other:{THREE_PM}"),
        format!("1:{OTHER_TOKEN}:main:{THREE_PM}"),
        format!("2:{TOKEN}:main:{THREE_PM}"),
    ] {
        world.problem(&format!("/api/v1/settlements/{id}"), 404).await;
    }
}

#[tokio::test]
async fn settlements_are_the_same_on_time_and_after_an_outage() {
    let (on_time, late) = (World::in_memory(), World::in_memory());
    let mut lists = Vec::new();
    for (mut world, settles_hourly) in [(on_time, true), (late, false)] {
        let chain = world.chain(1, THREE_PM).await;
        let token = world.earning(1, TOKEN, 18, "0.05").await;
        chain.mine(time(THREE_PM), &[mint(token, ALICE, whole(200))]);
        for hour in 1..=72 {
            chain.mine(time(THREE_PM + hour * HOUR), &[]);
            world.confirm().await;
            if settles_hourly {
                world.settle(token).await;
            }
        }
        world.settle(token).await;
        lists.push(world.walk("/api/v1/settlements", 1_000).await);
    }
    assert_eq!(lists[0].len(), 72);
    assert_eq!(lists[0], lists[1]);
}

#[tokio::test]
async fn settlements_of_all_programmes_are_merged_newest_window_first() {
    let world = three_programmes().await;
    let all = world.walk("/api/v1/settlements", 1_000).await;
    assert_eq!(all.len(), 4 + 4 + 6);
    let key = |item: &Value| std::cmp::Reverse(item["window_start"].as_u64());
    assert!(all.is_sorted_by_key(key));
    for limit in 1..=7 {
        let pages = world.walk("/api/v1/settlements", limit).await;
        assert_eq!(ids(&pages), ids(&all), "by {limit}");
    }
}

#[tokio::test]
async fn filters_leave_what_they_name() {
    let world = three_programmes().await;
    let count = async |query: &str| {
        let path = format!("/api/v1/settlements?{query}");
        world.walk(&path, 3).await.len()
    };
    assert_eq!(count("chain_id=1").await, 8);
    assert_eq!(count(&format!("token={TOKEN}")).await, 10);
    assert_eq!(count(&format!("chain_id=2&token={TOKEN}")).await, 6);
    assert_eq!(count("programme=main").await, 14);
    assert_eq!(count("status=settled").await, 14);
    assert_eq!(count("status=failed").await, 0);
    for unknown in [
        "chain_id=3".to_owned(),
        format!("chain_id=2&token={OTHER_TOKEN}"),
        "programme=x".to_owned(),
    ] {
        world.problem(&format!("/api/v1/settlements?{unknown}"), 404).await;
    }
}

/// Lets the first shard's batch of the newest hour fail, and settles the others.
async fn with_a_failed_batch() -> (World, TokenId) {
    let (mut world, token) = busy().await;
    let programme = ProgrammeId::main(token);
    let (from, to) = (time(THREE_PM + 3 * HOUR), time(THREE_PM + 4 * HOUR));
    world.advance(1, THREE_PM + 4 * HOUR).await;
    let failure = BatchFailure {
        programme,
        epoch: Epoch::FIRST,
        shard: ShardId::new(0),
        from,
        to,
        span: BatchSpan { after: None, through: None },
        attempts: 1,
        reason: "raw points overflows".to_owned(),
    };
    for _ in 0..5 {
        let recorded = world.stores.points.record_failure(&failure).await;
        recorded.expect("the batch continues its shard");
    }
    world.settle(token).await;
    (world, token)
}

#[tokio::test]
async fn what_failed_inside_a_settlement_is_listed_in_it() {
    let (world, _) = with_a_failed_batch().await;
    let failed = world.walk("/api/v1/settlements?status=failed", 1).await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["window_start"], THREE_PM + 3 * HOUR);
    assert_eq!((&failed[0]["attempts"], &failed[0]["status"]), (&json!(5), &json!("failed")));
    assert_eq!(failed[0]["reason_code"], "batch-fails");
    let reason = "a batch failed; `pledge settlements --failed` has the cause";
    assert_eq!(failed[0]["reason"], reason);
    let expected = json!([{
        "shard": 0,
        "after": null,
        "through": null,
        "attempts": 5,
        "reason": reason,
    }]);
    assert_eq!(failed[0]["failures"], expected);
}

#[tokio::test]
async fn a_settlement_that_some_shards_have_not_reached_is_pending() {
    let (mut world, token) = busy().await;
    world.advance(1, THREE_PM + 4 * HOUR).await;
    world.settle_until(token, |report| report.batches == 5).await;
    let newest = &world.walk("/api/v1/settlements", 1).await[0];
    assert_eq!(newest["window_start"], THREE_PM + 3 * HOUR);
    assert_eq!((&newest["status"], &newest["attempts"]), (&json!("pending"), &json!(0)));
    let pending = world.walk("/api/v1/settlements?status=pending", 1).await;
    assert_eq!(ids(&pending), [newest["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn every_settlement_has_exactly_one_status() {
    let (world, _) = with_a_failed_batch().await;
    let all = world.walk("/api/v1/settlements", 1_000).await;
    let mut by_status = Vec::new();
    for status in ["pending", "failed", "settled"] {
        let path = format!("/api/v1/settlements?status={status}");
        let listed = world.walk(&path, 2).await;
        assert!(listed.iter().all(|item| item["status"] == status));
        by_status.extend(listed);
    }
    assert_eq!(ids(&by_status), ids(&all));
}
