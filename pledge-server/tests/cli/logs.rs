//! The logs of contracts: followed, listed, and taken back by a reorg.

use pledge_core::primitives::{B256, keccak256};
use serde_json::{Value, json};

use crate::node::{NORMAL, Node, THREE_PM, pool, token};
use crate::process::Folder;

const STATE_CHANGE: &str = "StateChange(uint256,uint256,uint256)";
const KEY: &str = "chains.local.contracts.pool";

/// A contract of that name and address.
fn contract(name: &str, address: impl ToString, more: &str) -> String {
    format!("[chains.local.contracts.{name}]\naddress = \"{}\"\n{more}\n", address.to_string())
}

/// The pool, of which one event is kept.
fn state_changes() -> String {
    contract("pool", pool(), &format!("events = [{STATE_CHANGE:?}]"))
}

fn config(node: &Node, contracts: &str) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\
         [chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\nconfirmations = 1\n\
         poll_interval = \"100ms\"\n{contracts}",
        node.url()
    )
}

fn word(number: u8) -> B256 {
    B256::with_last_byte(number)
}

/// Mines a log of the pool: from a state to the next.
fn mine_change(node: &Node, block: u64, before: u8) {
    let topics = [keccak256(STATE_CHANGE), word(7), word(before), word(before + 1)];
    node.mine_log(THREE_PM + block * 12, &topics, &[before]);
}

/// A node with a log of the pool in each of the blocks 1 to 3, and one more block.
fn with_three_changes() -> Node {
    let node = Node::start(NORMAL);
    (1..=3).for_each(|block| mine_change(&node, block, u8::try_from(block).unwrap()));
    node.mine_empty(THREE_PM + 60, 1);
    node
}

/// A folder whose contracts are indexed.
fn indexed(node: &Node, contracts: &str) -> Folder {
    let folder = Folder::with_config(&config(node, contracts));
    let ended = folder.run(&["index", "--until-head"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    folder
}

fn listing(folder: &Folder, arguments: &[&str]) -> Value {
    let ended = folder.run(&[&["logs", "local:pool", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.json()
}

fn blocks(listing: &Value) -> Vec<u64> {
    let logs = listing["logs"].as_array().unwrap();
    logs.iter().map(|log| log["block"].as_u64().unwrap()).collect()
}

#[test]
fn a_log_is_listed_as_the_chain_has_it_with_the_event_of_the_configuration() {
    let node = with_three_changes();
    let listing = listing(&indexed(&node, &state_changes()), &[]);
    assert_eq!(blocks(&listing), [3, 2, 1]);
    let transaction = listing["logs"][2]["transaction"].clone();
    assert!(transaction.as_str().is_some_and(|hash| hash.len() == 66), "{listing}");
    let first = json!({
        "block": 1,
        "time": THREE_PM + 12,
        "log_index": 0,
        "transaction": transaction,
        "address": pool().to_string(),
        "event": STATE_CHANGE,
        "topics": [keccak256(STATE_CHANGE), word(7), word(1), word(2)],
        "data": "0x01",
    });
    assert_eq!(listing["logs"][2], first);
}

#[test]
fn a_listing_begins_with_the_state_of_the_contract() {
    let node = with_three_changes();
    let listing = listing(&indexed(&node, &state_changes()), &[]);
    let contract = json!({
        "name": "pool",
        "address": pool().to_string(),
        "start_block": 0,
        "last_confirmed_block": 3,
        "last_confirmed_time": THREE_PM + 36,
        "logs": 3,
        "epoch": 0,
    });
    assert_eq!(listing["contract"], contract);
    assert_eq!((&listing["chain"], &listing["chain_id"]), (&json!("local"), &json!(31_337)));
}

#[test]
fn a_reorg_leaves_nothing_of_the_dead_branch() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    node.chain.fork_at(1);
    node.mine_empty(THREE_PM + 24, 2);
    mine_change(&node, 4, 9);
    node.mine_empty(THREE_PM + 60, 1);
    let ended = folder.run(&["index", "--until-head", "--json"]);
    assert_eq!(ended.json()["chains"][0]["reorgs"], 1, "{}", ended.stderr);
    let listing = listing(&folder, &[]);
    assert_eq!(blocks(&listing), [4, 1]);
    assert_eq!(listing["logs"][0]["topics"][2], json!(word(9)));
    let (logs, epoch) = (&listing["contract"]["logs"], &listing["contract"]["epoch"]);
    assert_eq!((logs, epoch), (&json!(2), &json!(1)));
}

#[test]
fn pages_continue_where_the_last_one_ended() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    let first = listing(&folder, &["--limit", "2"]);
    assert_eq!((blocks(&first), &first["next_after"]), (vec![3, 2], &json!("2:0")));
    let second = listing(&folder, &["--limit", "2", "--after", "2:0"]);
    assert_eq!((blocks(&second), &second["next_after"]), (vec![1], &Value::Null));
}

#[test]
fn the_oldest_logs_come_first_where_asked() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    let first = listing(&folder, &["--oldest", "--limit", "1"]);
    assert_eq!((blocks(&first), &first["next_after"]), (vec![1], &json!("1:0")));
    assert_eq!(blocks(&listing(&folder, &["--oldest", "--after", "1:0"])), [2, 3]);
}

#[test]
fn a_page_that_ends_with_the_last_log_has_no_next() {
    let node = with_three_changes();
    let listing = listing(&indexed(&node, &state_changes()), &["--limit", "3"]);
    assert_eq!(listing["next_after"], Value::Null);
}

#[test]
fn the_text_has_the_same_and_how_to_continue() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    let text = folder.run(&["logs", "31337:pool", "--limit", "1"]).stdout;
    let topic = format!("  topic 1     {}", word(7));
    let state = format!("local (31337) pool {}: 3 logs, confirmed 3 at", pool());
    for part in [
        state.as_str(),
        "block 3, log 0, 2026-01-01T15:00:36Z  StateChange(uint256,uint256,uint256)",
        topic.as_str(),
        "  data        0x03",
        "`pledge logs local:pool --after 3:0` lists older ones",
    ] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
    let text = folder.run(&["logs", "local:pool", "--limit", "1", "--oldest"]).stdout;
    assert!(text.contains("`pledge logs local:pool --oldest --after 1:0` lists newer"), "{text}");
}

#[test]
fn logs_of_other_events_are_left_out_unless_every_log_is_kept() {
    let node = with_three_changes();
    node.mine_log(THREE_PM + 72, &[word(1)], &[]);
    node.mine_log(THREE_PM + 84, &[], &[]);
    node.mine_empty(THREE_PM + 96, 1);
    let both = state_changes() + &contract("everything", pool(), "");
    let folder = indexed(&node, &both);
    assert_eq!(blocks(&listing(&folder, &[])), [3, 2, 1]);
    let every = folder.run(&["logs", "local:everything", "--json"]).json();
    assert_eq!(blocks(&every), [6, 5, 3, 2, 1]);
    assert_eq!(
        (&every["logs"][0]["topics"], &every["logs"][4]["event"]),
        (&json!([]), &Value::Null)
    );
}

#[test]
fn index_and_status_count_the_logs_of_each_contract() {
    let node = with_three_changes();
    let folder = Folder::with_config(&config(&node, &state_changes()));
    let report = folder.run(&["index", "--until-head", "--json"]).json();
    let chain = &report["chains"][0];
    assert_eq!((&chain["logs"], &chain["transfers"]), (&json!(3), &json!(0)), "{report}");
    let address = pool().to_string();
    let expected = json!([{ "contract": "pool", "address": address, "confirmed": 3, "logs": 3 }]);
    assert_eq!(chain["contracts"], expected);
    let status = folder.run(&["status", "--json"]).json();
    assert_eq!(status["chains"][0]["contracts"][0]["logs"], 3, "{status}");
    assert_eq!(status["chains"][0]["last_confirmed_block"], 3, "{status}");
    let again = folder.run(&["index", "--until-head"]).stdout;
    assert!(again.contains("local: 0 transfers, 0 logs, 0 reorgs"), "{again}");
    assert!(again.contains(&format!("pool {address}: block 3 confirmed, 3 logs")), "{again}");
    let status = folder.run(&["status"]).stdout;
    assert!(status.contains(&format!("  pool {address}: 3 logs, confirmed 3 at")), "{status}");
}

#[test]
fn a_contract_that_is_not_followed_is_wrong_usage_that_lists_those_that_are() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    for (name, remedy) in [
        ("local:vault", "on local; followed: pool"),
        ("other:pool", "its chains: local (31337)"),
        ("pool", "such as mainnet:pool"),
        ("local:Pool", "a-z"),
    ] {
        let ended = folder.run(&["logs", name]);
        assert_eq!(ended.code, Some(2), "{name}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(remedy), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_listing_of_no_logs_and_a_place_that_is_none_are_wrong_usage() {
    for wrong in [["--limit", "0"], ["--limit", "1001"], ["--after", "12"], ["--after", "x:1"]] {
        let ended = Folder::new().run(&["logs", "local:pool", wrong[0], wrong[1]]);
        assert_eq!(ended.code, Some(2), "{wrong:?}: {}", ended.stderr);
    }
}

#[test]
fn what_is_kept_under_a_name_is_fixed() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    std::fs::write(folder.path().join("pledge.toml"), config(&node, &contract("pool", pool(), "")))
        .unwrap();
    for command in [&["index", "--until-head"][..], &["run"], &["config", "check"]] {
        let ended = folder.run(command);
        assert_eq!(ended.code, Some(2), "{command:?}: {}{}", ended.stdout, ended.stderr);
        let printed = ended.stdout + &ended.stderr;
        assert!(printed.contains(KEY) && printed.contains("under another name"), "{printed}");
    }
}

#[test]
fn a_contract_is_checked_like_a_token() {
    let node = with_three_changes();
    let check = |contracts: &str| {
        let ended =
            Folder::with_config(&config(&node, contracts)).run(&["config", "check", "--json"]);
        let checks = ended.json()["checks"].as_array().unwrap().clone();
        let mut of_contract = checks.into_iter().filter(|check| {
            check["key"].as_str().is_some_and(|key| key.starts_with("chains.local.contracts"))
        });
        let found = of_contract.next().unwrap_or_else(|| panic!("{}", ended.stdout));
        (ended.code, found)
    };
    let (code, fine) = check(&state_changes());
    assert_eq!(
        (code, &fine["outcome"], &fine["contract"]["events"]),
        (Some(0), &json!("ok"), &json!(1))
    );
    assert_eq!(
        (&fine["contract"]["start"], &fine["contract"]["start_block"]),
        (&json!("found"), &json!(0))
    );
    let (code, wrong) = check(&contract("pool", "0x".to_owned() + &"ab".repeat(20), ""));
    assert_eq!((code, &wrong["key"]), (Some(2), &json!("chains.local.contracts.pool.address")));
    let (code, wrong) = check(&contract("pool", pool(), "start_block = 99"));
    assert_eq!((code, &wrong["key"]), (Some(2), &json!("chains.local.contracts.pool.start_block")));
}

#[test]
fn a_contract_that_is_not_there_holds_up_no_other() {
    let node = with_three_changes();
    let absent = contract("absent", "0x".to_owned() + &"ab".repeat(20), "");
    let token = format!("[chains.local.tokens.plg]\naddress = \"{}\"\n", token());
    let folder = Folder::with_config(&config(&node, &(state_changes() + &absent + &token)));
    let server = folder.start(&["run"]);
    folder.run_until(&["logs", "local:pool", "--json"], |ended| {
        ended.code == Some(0) && blocks(&ended.json()) == [3, 2, 1]
    });
    server.wait_for("chains.local.contracts.absent.address", |_| true);
    folder.run_until(&["status", "--json"], |ended| {
        ended.json()["chains"][0]["tokens"][0]["last_confirmed_block"] == 3
    });
}

#[test]
fn a_chain_of_contracts_that_are_not_there_is_refused() {
    let node = with_three_changes();
    let absent = contract("absent", "0x".to_owned() + &"ab".repeat(20), "");
    let ended = Folder::with_config(&config(&node, &absent)).run(&["run"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("chains.local.contracts.absent.address"), "{}", ended.stderr);
}

#[test]
fn a_contract_that_the_configuration_no_longer_has_continues_with_a_warning() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    let other = config(&node, &contract("everything", pool(), ""));
    std::fs::write(folder.path().join("pledge.toml"), other).unwrap();
    let ended = folder.run(&["index", "--until-head"]);
    assert!(ended.stderr.contains("31337:pool"), "{}", ended.stderr);
    assert_eq!(listing(&folder, &[])["logs"][0]["event"], Value::Null);
}

#[test]
fn an_operators_rewind_takes_logs_back_too() {
    let node = with_three_changes();
    let folder = indexed(&node, &state_changes());
    assert_eq!(folder.run(&["pause", "local"]).code, Some(0));
    let rewound = folder.run(&["rewind", "local", "--to", "1"]);
    assert!(
        rewound.stdout.contains("  pool: from block 3, 2 logs removed"),
        "{} {}",
        rewound.stdout,
        rewound.stderr
    );
    assert_eq!(blocks(&listing(&folder, &[])), [1]);
}
