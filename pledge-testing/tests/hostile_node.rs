//! The node's answers, and the scope of a switch.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloy::primitives::{Address, U256};
use alloy::transports::http::reqwest::Client;
use pledge_testing::hostile_node::{
    Envelope, Failing, Hint, LIMIT_TEXTS, Lie, Limit, Measure, Outlook, Refusal, Struck, Switch,
    Wire, transfer,
};
use pledge_testing::{HostileChain, HostileNode};
use serde_json::{Value, json};

const TOKEN: Address = Address::repeat_byte(0x70);
const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);

/// Block 1 mints, block 2 is empty, block 3 has three transfers.
async fn node() -> HostileNode {
    let chain = HostileChain::new(31_337, 1_000);
    chain.deploy(TOKEN, "USDX", 6);
    chain.mine(1_012, &[transfer(TOKEN, Address::ZERO, ALICE, U256::from(100))]);
    chain.mine(1_024, &[]);
    let pay = |amount| transfer(TOKEN, ALICE, BOB, U256::from(amount));
    chain.mine(1_036, &[pay(1), pay(2), pay(3)]);
    HostileNode::of(&chain).await
}

async fn post(node: &HostileNode, body: &Value) -> (u16, String) {
    let answer = Client::new().post(node.url()).body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn ask(node: &HostileNode, method: &str, params: Value) -> Value {
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let (status, text) = post(node, &call).await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["id"], 7);
    if answer["error"].is_null() { answer["result"].clone() } else { answer["error"].clone() }
}

async fn logs(node: &HostileNode, from: u64, to: u64) -> Value {
    let filter = json!({ "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}") });
    ask(node, "eth_getLogs", json!([filter])).await
}

fn count(logs: &Value) -> usize {
    logs.as_array().unwrap().len()
}

#[tokio::test]
async fn blocks_are_found_by_number_tag_and_hash() {
    let node = node().await;
    let head = node.chain().head();
    let by_number = ask(&node, "eth_getBlockByNumber", json!(["0x3", false])).await;
    assert_eq!(by_number["hash"], json!(head.hash));
    assert_eq!(by_number["timestamp"], "0x40c");
    for (method, param) in
        [("eth_getBlockByNumber", json!("latest")), ("eth_getBlockByHash", json!(head.hash))]
    {
        assert_eq!(ask(&node, method, json!([param, false])).await, by_number);
    }
    assert!(ask(&node, "eth_getBlockByNumber", json!(["0x4", false])).await.is_null());
    assert!(ask(&node, "eth_getBlockByNumber", json!(["finalized", false])).await.is_null());
}

#[tokio::test]
async fn logs_are_those_that_the_filter_asks_for() {
    let node = node().await;
    assert_eq!(count(&logs(&node, 0, 3).await), 4);
    let hash = node.chain().head().hash;
    let other = json!([{ "blockHash": hash, "address": [Address::repeat_byte(1)] }]);
    assert_eq!(count(&ask(&node, "eth_getLogs", other).await), 0);
    let to_bob = json!([{ "blockHash": hash, "topics": [null, null, BOB.into_word()] }]);
    assert_eq!(count(&ask(&node, "eth_getLogs", to_bob).await), 3);
    let unknown = json!([{ "blockHash": BOB.into_word() }]);
    assert_eq!(ask(&node, "eth_getLogs", unknown).await["message"], "unknown block");
}

#[tokio::test]
async fn receipts_hold_the_logs_of_their_block() {
    let node = node().await;
    let receipts = ask(&node, "eth_getBlockReceipts", json!(["0x3"])).await;
    let logs_of = |receipt: &Value| receipt["logs"].as_array().unwrap().clone();
    let of_block: Vec<Value> = receipts.as_array().unwrap().iter().flat_map(logs_of).collect();
    assert_eq!(json!(of_block), logs(&node, 3, 3).await);
    let hash = &receipts[1]["transactionHash"];
    assert_eq!(ask(&node, "eth_getTransactionReceipt", json!([hash])).await, receipts[1]);
}

#[tokio::test]
async fn the_contract_adds_up_its_transfers() {
    let node = node().await;
    let old = node.chain().block(1).hash;
    let call = |input: &str, at: Value| {
        ask(&node, "eth_call", json!([{ "to": TOKEN, "input": input }, at]))
    };
    let word = |value: u64| json!(alloy::primitives::B256::from(U256::from(value)));
    let balance = format!("0x70a08231{}", alloy::hex::encode(ALICE.into_word()));
    assert_eq!(call(&balance, json!("latest")).await, word(94));
    assert_eq!(call(&balance, json!({ "blockHash": old })).await, word(100));
    assert_eq!(call("0x18160ddd", json!("latest")).await, word(100));
    assert_eq!(call("0x313ce567", json!("latest")).await, word(6));
    let missing = call(&balance, json!("0x9")).await;
    assert_eq!(missing["message"], "header not found");
}

#[tokio::test]
async fn a_block_mined_after_a_roll_back_is_another_one() {
    let node = node().await;
    let old = node.chain().branch();
    let payment = node.chain().block(3).transactions.clone();
    node.chain().roll_back_to(2);
    assert_eq!(ask(&node, "eth_blockNumber", json!([])).await, "0x2");
    let new = node.chain().include(1_036, payment);
    assert_ne!(new.hash, old[3].hash);
    assert_eq!(new.header.receipts_root, old[3].header.receipts_root);
    node.chain().return_to(&old);
    assert_eq!(node.chain().head().hash, old[3].hash);
}

#[tokio::test]
async fn a_switch_meets_the_calls_and_blocks_it_names_and_no_more_often_than_set() {
    let node = node().await;
    let null = node.on(Switch::of(Lie::NULL).only(&["eth_getBlockByNumber"]).at(2..=2).times(2));
    let block =
        |height: u64| ask(&node, "eth_getBlockByNumber", json!([format!("{height:#x}"), false]));
    assert!(block(2).await.is_null());
    assert!(!block(3).await.is_null());
    assert_eq!(count(&logs(&node, 2, 3).await), 3);
    assert!(block(2).await.is_null());
    assert!(!block(2).await.is_null());
    assert_eq!(node.met(null), 2);
    node.on(Switch::of(Outlook::Behind(1)).only(&["latest"]));
    assert_eq!(ask(&node, "eth_getBlockByNumber", json!(["latest", false])).await["number"], "0x2");
    assert_eq!(block(3).await["number"], "0x3");
}

#[tokio::test]
async fn each_lie_about_logs_returns_what_it_names() {
    let node = node().await;
    let logs_with = async |lie: Lie| {
        let id = node.on(Switch::of(lie).at(3..=3));
        let result = logs(&node, 0, 3).await;
        node.off(id);
        assert_eq!(node.met(id), 1);
        result
    };
    let indices = |logs: &Value| -> Vec<String> {
        let index = |log: &Value| format!("{}/{}", log["blockNumber"], log["logIndex"]);
        logs.as_array().unwrap().iter().map(|log| index(log).replace(['"', 'x'], "")).collect()
    };
    assert_eq!(indices(&logs_with(Lie::NoLogs).await), ["01/00"]);
    assert_eq!(indices(&logs_with(Lie::OneLogLess).await), ["01/00", "03/00", "03/02"]);
    assert_eq!(indices(&logs_with(Lie::AtMost(2)).await), ["01/00", "03/00"]);
    assert_eq!(count(&logs_with(Lie::Twice).await), 7);
    let shared = logs_with(Lie::SharedIndex).await;
    assert_eq!(indices(&shared), ["01/00", "03/00", "03/01", "03/00"]);
    assert_ne!(shared[1]["data"], shared[3]["data"]);
    let unsorted = logs_with(Lie::Unsorted).await;
    assert_eq!(indices(&unsorted), ["01/00", "03/02", "03/01", "03/00"]);
    let removed = logs_with(Lie::Field("removed", json!(true))).await;
    assert_eq!((&removed[0]["removed"], &removed[1]["removed"]), (&json!(false), &json!(true)));
    assert!(logs_with(Lie::NoField("blockHash")).await[1].get("blockHash").is_none());
}

#[tokio::test]
async fn a_log_left_out_of_receipts_is_left_out_once() {
    let node = node().await;
    node.on(Switch::of(Lie::OneLogLess).only(&["eth_getBlockReceipts"]));
    let receipts = ask(&node, "eth_getBlockReceipts", json!(["0x3"])).await;
    let logs: usize = receipts.as_array().unwrap().iter().map(|r| count(&r["logs"])).sum();
    assert_eq!(logs, 2);
}

#[tokio::test]
async fn a_limit_suggests_what_would_fit() {
    let node = node().await;
    let limit =
        |measure, max, hint| Refusal::Limit(Limit { measure, max, text: LIMIT_TEXTS[0], hint });
    for (measure, max, hint, range) in [
        (Measure::Blocks, 2, Hint::Right, "[0x0, 0x1]"),
        (Measure::Blocks, 2, Hint::Inverted, "[0x1, 0x0]"),
        (Measure::Blocks, 2, Hint::Exclusive, "[0x0, 0x2]"),
        (Measure::Blocks, 2, Hint::Same, "[0x0, 0x3]"),
        (Measure::Logs, 3, Hint::Right, "[0x0, 0x2]"),
    ] {
        let id = node.on(limit(measure, max, hint));
        let refusal = logs(&node, 0, 3).await;
        assert_eq!(refusal["code"], -32602);
        assert!(refusal["message"].as_str().unwrap().ends_with(range), "{refusal}");
        assert_eq!(count(&logs(&node, 0, 1).await), 1);
        node.off(id);
    }
}

#[tokio::test]
async fn a_batch_is_answered_one_by_one_unless_its_envelope_is_spoiled() {
    let node = node().await;
    let call = |id| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_chainId", "params": [] });
    let batch = json!([call(1), call(2)]);
    let ids = |text: &str| -> Vec<Value> {
        let answers: Vec<Value> = serde_json::from_str(text).unwrap();
        answers.into_iter().map(|answer| answer["id"].clone()).collect()
    };
    assert_eq!(ids(&post(&node, &batch).await.1), [1, 2]);
    for (envelope, expected) in [
        (Envelope::Reordered, vec![2, 1]),
        (Envelope::Short, vec![1]),
        (Envelope::SameIds, vec![1, 1]),
    ] {
        node.on(Switch::of(envelope).times(1));
        assert_eq!(ids(&post(&node, &batch).await.1), expected);
    }
    node.on(Envelope::BatchMax(1));
    assert!(post(&node, &batch).await.1.contains("batch size is too large"));
}

#[tokio::test]
async fn another_branch_is_shown_to_those_who_meet_the_switch() {
    let node = node().await;
    let other = HostileChain::new(31_337, 2_000);
    node.on(Switch::of(Outlook::Fork(other.branch())).times(1));
    let genesis = |node: &HostileNode| node.chain().block(0).hash;
    let seen = ask(&node, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(seen["hash"], json!(other.head().hash));
    let seen = ask(&node, "eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!(seen["hash"], json!(genesis(&node)));
}

#[tokio::test]
async fn each_wire_fault_damages_an_answer_as_named() {
    let node = node().await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": [] });
    node.on(Switch::of(Wire::status(502, "<html>")).times(1));
    assert_eq!(post(&node, &call).await, (502, "<html>".to_owned()));
    node.on(Switch::of(Wire::Half).times(1));
    assert!(serde_json::from_str::<Value>(&post(&node, &call).await.1).is_err());
    node.on(Switch::of(Wire::Nested(3)).times(1));
    assert!(post(&node, &call).await.1.ends_with(r#""result":[[[]]]}"#));
    node.on(Switch::of(Wire::Cut).times(1));
    let cut = Client::new().post(node.url()).body(call.to_string()).send().await.unwrap();
    assert!(cut.text().await.is_err());
}

/// How many of a hundred requests for a batch of two blocks are answered in full, and how many of
/// their blocks are returned.
async fn answered(node: &HostileNode) -> (usize, usize) {
    let call = |id, block| {
        let params = json!([block, false]);
        json!({ "jsonrpc": "2.0", "id": id, "method": "eth_getBlockByNumber", "params": params })
    };
    let batch = json!([call(0, "0x1"), call(1, "0x2")]);
    let (mut whole, mut blocks) = (0, 0);
    for _ in 0..100 {
        let (status, text) = post(node, &batch).await;
        let answers: Value = serde_json::from_str(&text).unwrap_or_default();
        let answers = if status == 200 { answers.as_array().cloned() } else { None };
        let answers = answers.unwrap_or_default();
        let there = answers.iter().filter(|one| one["result"].is_object()).count();
        whole += usize::from(there == 2);
        blocks += there;
    }
    (whole, blocks)
}

#[tokio::test]
async fn a_failure_at_random_strikes_requests_or_calls_and_the_same_with_the_same_seed() {
    for failing in [Failing::ServerError, Failing::Null, Failing::UnknownWords] {
        let node = node().await;
        let struck = async |struck| {
            node.calm();
            node.on(failing.switch(struck, 30, 7));
            answered(&node).await
        };
        let of_requests = struck(Struck::Request).await;
        let of_calls = struck(Struck::Call).await;
        assert!((60..80).contains(&of_requests.0), "{failing:?}: {of_requests:?} of 70");
        assert_eq!(of_requests.1, 2 * of_requests.0, "{failing:?} leaves no half of a request");
        assert!((35..63).contains(&of_calls.0), "{failing:?}: {of_calls:?} of 49");
        let fails_alone = failing != Failing::ServerError;
        assert_eq!(of_calls.1 > 2 * of_calls.0, fails_alone, "{failing:?}: {of_calls:?}");
        assert_eq!(struck(Struck::Call).await, of_calls);
    }
}
