//! Whether an instance can answer, and how its parts do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use pledge_core::indexer::ChainStatus;
use pledge_core::ports::ChainReport;
use pledge_core::types::ChainId;
use pledge_http::{Incident, PartState};
use pledge_testing::Slow;
use pledge_testing::mocks::MockBalanceStore;
use pledge_testing::world::{operator, operator_because};
use serde_json::{Value, json};

use crate::support::{Stores, World, token_path};
use crate::worlds::{HOUR, OTHER_TOKEN, THREE_PM, seed};

/// As an indexer or, for a pause, as an operator.
async fn show(world: &World, status: ChainStatus) {
    let ChainStatus::Paused(reason) = status else {
        return report(world, status).await;
    };
    let by = reason.map_or_else(operator, |reason| operator_because(&reason));
    world.stores.balances.pause_chain(ChainId::new(1), &by).await.expect("pause");
    world.pulse.check().await;
}

async fn report(world: &World, status: ChainStatus) {
    let report = ChainReport {
        chain: ChainId::new(1),
        status,
        head: None,
        head_time: None,
        processed: None,
    };
    let reported = world.stores.balances.report_chain(&report).await;
    reported.expect("a status can be reported");
    world.pulse.check().await;
}

/// What the public sees of a reason that an operator wrote.
const PAUSED: &str = "paused by an operator";

#[tokio::test]
async fn an_instance_reports_how_each_part_does() {
    let (world, _) = seed().await;
    world.pulse.check().await;
    let expected = json!({
        "status": "ready",
        "store": { "status": "up" },
        "chains": [{
            "chain_id": 1,
            "name": "chain-1",
            "status": "live",
            "reason": null,
            "halt_reason": null,
            "head_block": 5,
            "head_time": THREE_PM + HOUR,
            "head_age_seconds": 60,
            "last_confirmed_block": 3,
            "last_confirmed_time": THREE_PM + HOUR,
            "last_confirmed_age_seconds": 60,
            "halted_tokens": [],
            "marked_tokens": [],
        }],
        "incidents": [],
        "redis": null,
    });
    assert_eq!(world.ok("/readyz").await, expected);
    assert_eq!(world.ok("/readyz?strict").await, expected);
    assert_eq!(world.ok("/healthz").await, json!({ "status": "alive" }));
}

#[tokio::test]
async fn a_chain_that_is_not_well_leaves_the_instance_ready_and_degraded() {
    let not_well = [
        (ChainStatus::Degraded("https://node.example: away".to_owned()), Value::Null),
        (ChainStatus::Paused(None), Value::Null),
        (ChainStatus::Paused(Some("a new node".to_owned())), json!("a new node")),
        (ChainStatus::Halted("its time goes back".to_owned()), json!("its time goes back")),
    ];
    for (status, reason) in not_well {
        let (world, _) = seed().await;
        let name = status.name();
        show(&world, status).await;
        let ready = world.ok("/readyz").await;
        assert_eq!(ready["status"], "degraded");
        let chain = &ready["chains"][0];
        assert_eq!((&chain["status"], &chain["reason"]), (&json!(name), &reason));
        assert!(!ready.to_string().contains("node.example"), "{ready}");
        for strict in ["/readyz?strict", "/readyz?strict=true"] {
            let (code, body) = world.json(strict).await;
            assert_eq!((code.as_u16(), &body), (503, &ready), "{name}");
        }
        assert_eq!(world.ok("/readyz?strict=false").await, ready);
    }
}

#[tokio::test]
async fn a_halted_token_makes_its_chains_part_degraded_and_is_named() {
    let (world, _) = seed().await;
    let other = world.token(1, OTHER_TOKEN, 18).await;
    let halted = world.stores.balances.halt_token(other, None, "overdrawn");
    halted.await.unwrap();
    world.pulse.check().await;
    let ready = world.ok("/readyz").await;
    assert_eq!(ready["status"], "degraded");
    let chain = &ready["chains"][0];
    assert_eq!(chain["status"], "degraded");
    assert_eq!(chain["reason"], "1 of 2 tokens stopped");
    assert_eq!(chain["halted_tokens"][0]["address"], OTHER_TOKEN.to_string());
    assert_eq!(chain["halted_tokens"][0]["reason"], "overdrawn");
    assert_eq!(chain["last_confirmed_block"], 3, "that of the tokens that go on");
    assert_eq!(world.json("/readyz?strict").await.0.as_u16(), 503);
}

#[tokio::test]
async fn what_is_paused_and_halted_shows_both_reasons() {
    let (world, token) = seed().await;
    let (chain, halt) = (ChainId::new(1), "its time goes back".to_owned());
    show(&world, ChainStatus::Paused(Some("a new node".to_owned()))).await;
    show(&world, ChainStatus::Halted(halt.clone())).await;
    let shown = world.ok("/readyz").await["chains"][0].clone();
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("paused"), &json!("a new node")));
    assert_eq!(shown["halt_reason"], halt);
    let shown = world.ok("/api/v1/chains/1").await;
    assert_eq!(shown["reason_code"], "paused-by-operator");
    let decide = "an operator has to decide; `pledge status` has the cause";
    assert_eq!((&shown["reason"], &shown["halt_reason"]), (&json!(PAUSED), &json!(decide)));
    let balances = &world.stores.balances;
    let base = balances.token(token).await.unwrap().unwrap().cursor.map(|cursor| cursor.id());
    balances.halt_token(token, base, "overdrawn").await.unwrap();
    balances.pause_token(token, &operator()).await.unwrap();
    let shown = world.ok(&token_path(token)).await;
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("paused"), &json!(PAUSED)));
    assert_eq!(shown["halt_reason"], "overdrawn");
    let listed = world.ok("/api/v1/chains/1").await["halted_tokens"][0]["reason"].clone();
    assert_eq!(listed, "overdrawn; paused by an operator");
    assert_eq!(balances.chain(chain).await.unwrap().unwrap().status.name(), "paused");
}

#[tokio::test]
async fn an_instance_is_not_ready_before_its_store_was_asked_and_while_it_stops() {
    let (world, _) = seed().await;
    let starting = world.problem("/readyz", 503).await;
    assert_eq!(starting["type"], "urn:pledge:problem:starting");
    world.pulse.check().await;
    world.ok("/readyz").await;
    world.process.is_ending.store(true, Ordering::Relaxed);
    let stopping = world.problem("/readyz", 503).await;
    assert_eq!(stopping["type"], "urn:pledge:problem:stopping");
    assert_eq!(world.ok("/healthz").await, json!({ "status": "alive" }));
}

#[tokio::test]
async fn a_part_that_is_lost_leaves_the_instance_ready_and_degraded() {
    let (world, _) = seed().await;
    world.pulse.check().await;
    let is = |state| *world.process.redis.lock().unwrap() = Some(state);
    is(PartState::Up);
    let ready = world.ok("/readyz?strict").await;
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["redis"], json!({ "status": "up", "since": null }));
    is(PartState::Degraded { since: UNIX_EPOCH + Duration::from_secs(THREE_PM) });
    let ready = world.ok("/readyz").await;
    assert_eq!(ready["status"], "degraded");
    assert_eq!(ready["redis"], json!({ "status": "degraded", "since": THREE_PM }));
    assert_eq!(world.json("/readyz?strict").await.0.as_u16(), 503);
}

#[tokio::test]
async fn work_that_is_tried_again_is_listed_and_leaves_the_instance_degraded() {
    let (world, _) = seed().await;
    world.pulse.check().await;
    *world.process.incidents.lock().unwrap() = vec![
        Incident { chain: None, work: "removing old events" },
        Incident { chain: Some("one".to_owned()), work: "indexing" },
    ];
    let ready = world.ok("/readyz").await;
    assert_eq!(ready["status"], "degraded");
    let expected = json!([
        { "chain": null, "work": "removing old events" },
        { "chain": "one", "work": "indexing" },
    ]);
    assert_eq!(ready["incidents"], expected);
    assert_eq!(world.json("/readyz?strict").await.0.as_u16(), 503);
}

#[tokio::test]
async fn a_store_that_is_away_makes_an_instance_unready_and_its_reason_stays_inside() {
    let world = World::over(Stores::away());
    world.pulse.check().await;
    let problem = world.problem("/readyz", 503).await;
    assert_eq!(problem["type"], "urn:pledge:problem:unavailable");
    assert!(!problem.to_string().contains("10.0.0.7"), "{problem}");
    world.ok("/healthz").await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_within_a_second_makes_an_instance_unready() {
    let stores = Stores::in_memory();
    let balances = Arc::new(Slow::new(stores.balances.clone(), Duration::from_secs(3_600)));
    let world = World::over(Stores { balances, ..stores });
    let begun = tokio::time::Instant::now();
    world.pulse.check().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    world.problem("/readyz", 503).await;
}

#[tokio::test]
async fn probes_ask_the_store_nothing() {
    let mut store = MockBalanceStore::new();
    store.expect_chains().times(1).returning(|| Ok(Vec::new()));
    let world = World::over(Stores { balances: Arc::new(store), ..Stores::in_memory() });
    world.pulse.check().await;
    for _ in 0..100 {
        world.ok("/readyz").await;
    }
}

#[tokio::test]
async fn anybody_sees_codes_of_what_is_not_well_and_no_name_of_it() {
    let (world, _) = seed().await;
    world.pulse.check().await;
    let well = json!({ "status": "ready", "codes": [] });
    assert_eq!(world.public("/readyz?strict").await, (200, well));
    show(&world, ChainStatus::Halted("its time goes back".to_owned())).await;
    *world.process.redis.lock().unwrap() = Some(PartState::Degraded { since: UNIX_EPOCH });
    *world.process.incidents.lock().unwrap() =
        vec![Incident { chain: Some("one".to_owned()), work: "indexing" }];
    let codes = json!(["chain-halted", "redis-degraded", "work-repeated"]);
    let expected = json!({ "status": "degraded", "codes": codes });
    assert_eq!(world.public("/readyz").await, (200, expected.clone()));
    assert_eq!(world.public("/readyz?strict").await, (503, expected));
}

#[tokio::test]
async fn a_ping_needs_nothing() {
    let world = World::over(Stores::away());
    assert_eq!(world.ok("/ping").await, json!({ "message": "pong" }));
    assert_eq!(world.public("/ping").await, (200, json!({ "message": "pong" })));
}

#[tokio::test]
async fn a_strictness_that_is_none_is_refused() {
    let (world, _) = seed().await;
    world.pulse.check().await;
    let problem = world.problem("/readyz?strict=very", 400).await;
    assert_eq!(problem["parameter"], "strict");
    world.problem("/readyz?strikt", 400).await;
}
