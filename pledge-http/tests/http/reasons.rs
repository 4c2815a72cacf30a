//! Why something is not well: a code and a text that names no host.

use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::SupplyAnswer;
use pledge_core::ports::ChainReport;
use pledge_core::types::ChainId;
use pledge_testing::world::operator_because;
use serde_json::json;

use crate::support::{World, token_path};
use crate::worlds::seed;

/// What no answer may contain.
const SECRET: &str = "https://node.example/v2/5ecret";

/// No route about chain 1 contains the secret.
async fn assert_hidden(world: &World) {
    for path in ["/api/v1/chains", "/api/v1/chains/1", "/api/v1/chains/1/tokens"] {
        let answer = world.ok(path).await.to_string();
        assert!(!answer.contains("5ecret") && !answer.contains("node.example"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn what_a_node_answered_is_not_public() {
    let (world, token) = seed().await;
    for (status, code) in [
        (ChainStatus::Degraded(format!("{SECRET}: 502")), "node-or-store-fails"),
        (ChainStatus::Halted(format!("{SECRET}: corrupt")), "needs-operator"),
    ] {
        let report = ChainReport {
            chain: ChainId::new(1),
            status,
            head: None,
            head_time: None,
            processed: None,
        };
        world.stores.balances.report_chain(&report).await.unwrap();
        assert_hidden(&world).await;
        assert_eq!(world.ok("/api/v1/chains/1").await["reason_code"], code);
    }
    let missing = SupplyAnswer::Missing(format!("{SECRET}: pruned"));
    let cursor = world.api.queries.token(token).await.unwrap().cursor.unwrap().id();
    world.stores.balances.record_supply(token, cursor, &missing).await.unwrap();
    assert_hidden(&world).await;
    let shown = world.ok(&token_path(token)).await;
    assert_eq!(shown["supply_unanswered"], "see the log for the cause");
}

#[tokio::test]
async fn what_an_operator_wrote_is_not_public() {
    let (world, token) = seed().await;
    let by = operator_because(SECRET);
    world.stores.balances.pause_chain(ChainId::new(1), &by).await.unwrap();
    world.stores.balances.pause_token(token, &by).await.unwrap();
    assert_hidden(&world).await;
    let shown = world.ok(&token_path(token)).await;
    let expected = (&json!("paused-by-operator"), &json!("paused by an operator"));
    assert_eq!((&shown["reason_code"], &shown["reason"]), expected);
    let chain = world.ok("/api/v1/chains/1").await;
    assert_eq!((&chain["reason_code"], &chain["reason"]), expected);
    assert_eq!(chain["halted_tokens"][0]["reason"], "paused by an operator");
}
