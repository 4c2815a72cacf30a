//! Bad input: exit code 2, and the text names the key.

use crate::node::{NORMAL, Node, Oddities, token};
use crate::process::{Ended, Folder};

/// A port without a listener.
const NOBODY: &str = "http://127.0.0.1:9/";

fn config(url: &str, chain_id: u64, address: &str, more: &str) -> String {
    format!(
        "[chains.local]\nchain_id = {chain_id}\nrpc_urls = [\"{url}\"]\npoll_interval = \"100ms\"\n\
         [chains.local.tokens.plg]\naddress = \"{address}\"\n{more}"
    )
}

fn index(toml: &str) -> Ended {
    Folder::with_config(toml).run(&["index", "--until-head"])
}

fn refused(ended: &Ended, key: &str, remedy: &str) {
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(key), "{key} in: {}", ended.stderr);
    assert!(ended.stderr.contains(remedy), "{remedy} in: {}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
}

#[test]
fn a_wrong_configuration_is_refused_before_anything_starts() {
    let folder = Folder::with_config(&config(NOBODY, 1, &token().to_string(), "start_blok = 5"));
    let ended = folder.run(&["run"]);
    refused(&ended, "chains.local.tokens.plg.start_blok", "start_block");
    assert!(!folder.path().join("pledge.db").exists());
}

#[test]
fn a_missing_configuration_is_refused_with_a_way_to_begin() {
    refused(&Folder::new().run(&["run"]), "chains", "--rpc-url");
}

#[test]
fn a_configuration_file_that_is_not_there_is_refused() {
    let ended = Folder::new().run(&["run", "--config", "other.toml"]);
    refused(&ended, "other.toml", "--config");
}

#[test]
fn a_configuration_of_the_demo_is_refused() {
    let ended = Folder::new().run(&["demo", "--once", "--config", "pledge.toml"]);
    refused(&ended, "--config", "leave it out");
}

#[test]
fn wrong_usage_is_refused() {
    assert_eq!(Folder::new().run(&["run", "--nonsense"]).code, Some(2));
    assert_eq!(Folder::new().run(&["nonsense"]).code, Some(2));
    assert_eq!(Folder::new().run(&["run", "--token", "0x00"]).code, Some(2));
}

#[test]
fn another_chain_behind_the_url_is_refused() {
    let node = Node::start(NORMAL);
    let toml = config(&node.url(), 1, &token().to_string(), "");
    refused(&index(&toml), "chains.local.rpc_urls[0]", "31337");
    let ended = Folder::with_config(&toml).run(&["run", "--listen", "127.0.0.1:0"]);
    refused(&ended, "chains.local.rpc_urls[0]", "31337");
}

#[test]
fn an_unreachable_node_fails_a_one_shot_command() {
    let ended = index(&config(NOBODY, 1, &token().to_string(), ""));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("chain local"), "{}", ended.stderr);
    assert!(ended.stderr.contains("127.0.0.1:9"), "{}", ended.stderr);
}

#[test]
fn an_address_without_code_is_refused() {
    let node = Node::start(NORMAL);
    let stranger = format!("0x{}", "ab".repeat(20));
    let ended = index(&config(&node.url(), 31_337, &stranger, ""));
    refused(&ended, "chains.local.tokens.plg.address", "no contract code");
}

#[test]
fn more_than_77_decimals_are_refused() {
    let node = Node::start(Oddities { decimals: 78, ..NORMAL });
    let ended = index(&config(&node.url(), 31_337, &token().to_string(), ""));
    refused(&ended, "chains.local.tokens.plg.address", "77");
}

#[test]
fn a_start_block_above_the_head_is_refused() {
    let node = Node::start(NORMAL);
    let more = "start_block = 1000";
    let ended = index(&config(&node.url(), 31_337, &token().to_string(), more));
    refused(&ended, "chains.local.tokens.plg.start_block", "above the chain's newest block 0");
}

#[test]
fn a_start_block_that_differs_from_the_registered_one_is_refused() {
    let node = Node::with_the_first_hour(NORMAL);
    let toml = config(&node.url(), 31_337, &token().to_string(), "");
    let folder = Folder::with_config(&toml);
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    std::fs::write(folder.path().join("pledge.toml"), toml + "start_block = 2").unwrap();
    let ended = folder.run(&["index", "--until-head"]);
    refused(&ended, "chains.local.tokens.plg.start_block", "write 0");
}

#[test]
fn a_rate_that_changes_settled_time_is_refused() {
    let node = Node::with_the_first_hour(NORMAL);
    let toml = |rate: &str| {
        let points = format!("[chains.local.tokens.plg.points]\nrate = \"{rate}\"");
        config(&node.url(), 31_337, &token().to_string(), &points)
    };
    let folder = Folder::with_config(&toml("0.05"));
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    assert_eq!(folder.run(&["settle", "--until-settled"]).code, Some(0));
    std::fs::write(folder.path().join("pledge.toml"), toml("0.10")).unwrap();
    let ended = folder.run(&["index", "--until-head"]);
    refused(&ended, "chains.local.tokens.plg.points", "settled already");
    // As a step of the schedule is written.
    refused(&ended, "chains.local.tokens.plg.points", "settled up to 2026-01-01T16:00:00Z");
}

#[test]
fn a_wrong_flag_is_named_by_its_own_name() {
    let node = Node::start(NORMAL);
    let (url, token) = (node.url(), token().to_string());
    let quick = |token: &str, rate: &str| {
        let arguments = ["run", "--rpc-url", &url, "--token", token, "--rate", rate];
        Folder::new().run(&arguments)
    };
    refused(&quick(&token, "-0.05"), "--rate", "negative");
    refused(&quick("0x12", "1"), "--token", "40 hex digits");
    refused(&quick(&format!("0x{}", "ab".repeat(20)), "1"), "--token: no contract code", "address");
    let ended = Folder::new().run(&["run", "--rpc-url", "ftp://x", "--token", &token]);
    refused(&ended, "--rpc-url", "use http or https");
    let late = ["index", "--rpc-url", &url, "--token", &token, "--start-block", "9"];
    refused(&Folder::new().run(&late), "--start-block: 9 is above", "leave it out");
}

#[test]
fn flags_are_checked_before_a_node_is_asked() {
    let mistyped = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eb48";
    let arguments = ["run", "--rpc-url", NOBODY, "--token", mistyped, "--rate", "x"];
    let ended = Folder::new().run(&arguments);
    refused(&ended, "--token", "checksum");
    refused(&ended, "--rate", "decimal number");
}

#[test]
fn a_node_of_the_flags_that_is_down_is_named_with_a_remedy() {
    let folder = Folder::new();
    for command in ["run", "index"] {
        let ended = folder.run(&[command, "--rpc-url", NOBODY, "--token", &token().to_string()]);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("--rpc-url: 127.0.0.1:9"), "{}", ended.stderr);
        assert!(ended.stderr.contains("start the node"), "{}", ended.stderr);
    }
    assert!(!folder.path().join("pledge.db").exists());
}

#[test]
fn what_is_refused_leaves_no_database_and_no_output() {
    let node = Node::start(NORMAL);
    let stranger = format!("0x{}", "ab".repeat(20));
    let folder = Folder::with_config(&config(&node.url(), 31_337, &stranger, ""));
    for arguments in [&["run", "--listen", "127.0.0.1:0", "--json"][..], &["index", "--json"]] {
        refused(&folder.run(arguments), "plg.address", "no contract code");
    }
    assert!(!folder.path().join("pledge.db").exists());
}

#[test]
fn one_node_of_another_chain_next_to_a_right_one_is_refused() {
    let (right, wrong) = (Node::start(NORMAL), Node::start_as(5, NORMAL));
    let urls = format!("{}\", \"{}", right.url(), wrong.url());
    let ended = index(&config(&urls, 31_337, &token().to_string(), ""));
    refused(&ended, "rpc_urls[1]: 127.0.0.1:", "is a node of chain 5, not of chain 31337");
    refused(&ended, "rpc_urls[1]", "correct chain_id, or write the url of a node of chain 31337");
}

#[test]
fn a_storage_that_is_no_pledge_database_is_refused_without_noise() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("pledge.db"), "some text, no database ".repeat(99)).unwrap();
    let ended = folder.run(&["status"]);
    refused(&ended, "storage.url: `sqlite:pledge.db` is not", "name another file");
    assert!(!ended.stderr.contains("invalid request"), "{}", ended.stderr);
}

#[test]
fn a_node_of_the_environment_is_followed_and_no_list_of_processes_shows_it() {
    let node = Node::with_the_first_hour(NORMAL);
    let (url, token) = (node.url(), token().to_string());
    let variable = [("PLEDGE_RPC_URL", url.as_str())];
    let folder = Folder::new();
    let index = ["index", "--token", &token, "--until-head"];
    let ended = folder.run_with(&variable, &index);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("PLEDGE_RPC_URL"), "{}", ended.stderr);
    let verified = folder.run_with(&variable, &["verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    refused(&folder.run(&index), "--rpc-url", "PLEDGE_RPC_URL");
    let wrong = folder.run_with(&[("PLEDGE_RPC_URL", "node.example/s3cret")], &index);
    refused(&wrong, "PLEDGE_RPC_URL", "https://HOST");
    assert!(!wrong.stderr.contains("s3cret"), "{}", wrong.stderr);
}
