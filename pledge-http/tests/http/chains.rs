//! Chains and tokens.

use pledge_core::logs::{ContractSpec, Events};
use pledge_core::points::Programme;
use pledge_core::ports::{ContractCommit, LogsCommit, NewBlocks};
use pledge_core::primitives::B256;
use pledge_core::types::{
    BlockNumber, BlockRef, ChainId, ContractId, RateSchedule, Step, Timestamp,
};
use serde_json::{Value, json};

use crate::support::{ALICE, World, mint, time, token_path, whole};
use crate::worlds::{HOUR, MINUTE, OTHER_TOKEN, THREE_PM, TOKEN, seed};

#[tokio::test]
async fn a_chain_shows_how_far_it_is() {
    let (world, token) = seed().await;
    world.settle(token).await;
    let expected = json!({
        "chain_id": 1,
        "name": "chain-1",
        "status": "live",
        "reason_code": null,
        "reason": null,
        "halt_reason": null,
        "head_block": 5,
        "head_time": THREE_PM + HOUR,
        "head_age_seconds": 60,
        "last_processed_block": 5,
        "last_confirmed_block": 3,
        "last_confirmed_time": THREE_PM + HOUR,
        "last_confirmed_age_seconds": 60,
        "last_calculated_block": 2,
        "last_calculated_time": THREE_PM + HOUR,
        "halted_tokens": [],
        "contracts": [],
    });
    assert_eq!(world.ok("/api/v1/chains/1").await, expected);
    let list = world.ok("/api/v1/chains").await;
    assert_eq!(list, json!({ "items": [expected], "next_cursor": null }));
}

#[tokio::test]
async fn a_chains_figures_are_null_while_an_active_token_has_none() {
    let (world, token) = seed().await;
    world.settle(token).await;
    world.earning(1, OTHER_TOKEN, 18, "0.05").await;
    let chain = world.ok("/api/v1/chains/1").await;
    for figure in ["confirmed_block", "confirmed_time", "calculated_block", "calculated_time"] {
        assert_eq!(chain[format!("last_{figure}")], Value::Null, "{figure}");
    }
}

#[tokio::test]
async fn a_chain_of_contracts_alone_is_as_far_as_the_last_of_them() {
    let world = World::in_memory();
    let chain = ChainId::new(5);
    world.stores.balances.register_chain(chain, "contracts").await.unwrap();
    let contract = |name: &str| ContractId::new(chain, name).unwrap();
    for name in ["pool", "vault"] {
        let (address, events, start_block) = (TOKEN, Events::all(), BlockNumber::new(7));
        let spec = ContractSpec { id: contract(name), address, events, start_block };
        world.stores.logs.register_contract(&spec).await.unwrap();
    }
    let block = |number: u64| BlockRef {
        number: BlockNumber::new(number),
        hash: B256::left_padding_from(&number.to_be_bytes()),
        parent_hash: B256::left_padding_from(&(number - 1).to_be_bytes()),
        time: Timestamp::new(THREE_PM + number).unwrap(),
    };
    for (name, last) in [("pool", 9), ("vault", 8)] {
        let headers: Vec<_> = (7..=last).map(block).collect();
        let (first, tip, retain_from) = (block(7), block(last), BlockNumber::new(0));
        let blocks =
            NewBlocks { chain, base: None, confirmed_by: None, first, tip, headers, retain_from };
        let contracts = vec![ContractCommit { contract: contract(name), logs: Vec::new() }];
        world.stores.logs.commit_logs(&LogsCommit { blocks, contracts }).await.unwrap();
    }
    let shown = world.ok("/api/v1/chains/5").await;
    assert_eq!(
        (&shown["last_confirmed_block"], &shown["last_confirmed_time"]),
        (&json!(8), &json!(THREE_PM + 8))
    );
    let reached = |at: usize| {
        (&shown["contracts"][at]["name"], &shown["contracts"][at]["last_confirmed_block"])
    };
    assert_eq!(
        [reached(0), reached(1)],
        [(&json!("pool"), &json!(9)), (&json!("vault"), &json!(8))]
    );
    world.pulse.check().await;
    let ready = world.ok("/readyz").await;
    assert_eq!(ready["chains"][0]["last_confirmed_block"], 8);
}

#[tokio::test]
async fn a_halted_token_does_not_hold_its_chain_back() {
    let (world, token) = seed().await;
    world.settle(token).await;
    let before = world.ok("/api/v1/chains/1").await;
    let other = world.earning(1, OTHER_TOKEN, 18, "0.05").await;
    let halted = world.stores.balances.halt_token(other, None, "overdrawn");
    halted.await.unwrap();
    let mut after = world.ok("/api/v1/chains/1").await;
    let listed = after["halted_tokens"].take();
    let symbol = "TOK";
    let expected = json!([{
        "address": OTHER_TOKEN.to_string(),
        "symbol": symbol,
        "reason_code": "ledger-fault",
        "reason": "overdrawn",
    }]);
    assert_eq!(listed, expected);
    after["halted_tokens"] = json!([]);
    assert_eq!(after, before);
    let view = world.ok(&token_path(other)).await;
    assert_eq!((&view["status"], &view["reason"]), (&json!("halted"), &json!("overdrawn")));
}

#[tokio::test]
async fn a_change_on_the_edge_of_a_settled_window_is_not_calculated_yet() {
    let (mut world, token) = {
        let mut world = World::in_memory();
        let chain = world.chain(1, THREE_PM).await;
        let token = world.earning(1, TOKEN, 18, "0.05").await;
        chain.mine(time(THREE_PM + HOUR - 1), &[mint(token, ALICE, whole(1))]);
        chain.mine(time(THREE_PM + HOUR), &[mint(token, ALICE, whole(1))]);
        (world, token)
    };
    world.confirm().await;
    world.settle(token).await;
    let chain = world.ok("/api/v1/chains/1").await;
    assert_eq!(chain["last_calculated_time"], THREE_PM + HOUR);
    assert_eq!(chain["last_calculated_block"], 1);
}

#[tokio::test]
async fn a_token_shows_its_sums_and_its_programme() {
    let (world, token) = seed().await;
    let expected = json!({
        "address": TOKEN.to_string(),
        "symbol": "TOK",
        "decimals": 18,
        "start_block": 0,
        "status": "active",
        "reason_code": null,
        "reason": null,
        "halt_reason": null,
        "unreadable_logs": 0,
        "non_conserving": null,
        "supply_unanswered": null,
        "last_confirmed_block": 3,
        "last_confirmed_time": THREE_PM + HOUR,
        "holders": 1,
        "total_supply": whole(200).to_string(),
        "programme": {
            "name": "main",
            "rate": "0.05",
            "schedule": [],
            "window_seconds": 3600,
            "settled": null,
            "points_scale": "36000000000000000000000000000000000000000000",
        },
    });
    assert_eq!(world.ok(&token_path(token)).await, expected);
    let list = world.ok("/api/v1/chains/1/tokens").await;
    assert_eq!(list, json!({ "items": [expected], "next_cursor": null }));
}

#[tokio::test]
async fn a_programmes_schedule_is_shown_step_by_step() {
    let (world, token) = seed().await;
    let rate = |text: &str| text.parse().unwrap();
    let from = time(THREE_PM + 45 * MINUTE);
    let step = Step { from, value: rate("0.1") };
    let rates = RateSchedule::new(rate("0.05"), vec![step]).unwrap();
    let main = Programme::main(token, rate("0.05"));
    world.programme(&Programme { rates, ..main }).await;
    let programme = &world.ok(&token_path(token)).await["programme"];
    assert_eq!(programme["rate"], "0.05");
    assert_eq!(programme["schedule"], json!([{ "from": from, "rate": "0.1" }]));
}

#[tokio::test]
async fn chains_and_tokens_are_listed_completely_in_pages() {
    let mut world = World::in_memory();
    for id in 1..=5 {
        world.chain(id, THREE_PM).await;
        world.token(1, [u8::try_from(id).unwrap(); 20].into(), 18).await;
    }
    for path in ["/api/v1/chains", "/api/v1/chains/1/tokens"] {
        let all = world.walk(path, 1_000).await;
        assert_eq!(all.len(), 5);
        for limit in 1..=6 {
            assert_eq!(world.walk(path, limit).await, all, "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn an_unknown_chain_has_no_tokens_to_list() {
    let (world, _) = seed().await;
    world.problem("/api/v1/chains/2", 404).await;
    world.problem("/api/v1/chains/2/tokens", 404).await;
}
