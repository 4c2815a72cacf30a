//! `pledge config check` and `pledge config show`.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::node::{NO_DECIMALS, NORMAL, Node, Oddities, THREE_PM, pool, token};
use crate::process::{Ended, Folder};

/// A port without a listener.
const NOBODY: &str = "http://127.0.0.1:9/";
const CHECK: [&str; 2] = ["config", "check"];
const CHECK_JSON: [&str; 3] = ["config", "check", "--json"];
const SHOW: [&str; 2] = ["config", "show"];

fn config(chain_id: u64, urls: &[&str], address: &str, more: &str) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\
         [chains.local]\nchain_id = {chain_id}\nrpc_urls = {urls:?}\n\
         [chains.local.tokens.plg]\naddress = \"{address}\"\n{more}"
    )
}

fn good(urls: &[&str]) -> String {
    config(31_337, urls, &token().to_string(), "")
}

/// The check of one key, which there must be once.
fn check_of(ended: &Ended, key: &str) -> Value {
    let report = ended.json();
    let checks = report["checks"].as_array().unwrap().clone();
    let mut found = checks.into_iter().filter(|check| check["key"] == key);
    let check = found.next().unwrap_or_else(|| panic!("no {key} in {report}"));
    assert!(found.next().is_none(), "{key} twice in {report}");
    check
}

fn nothing_was_written(folder: &Folder) {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["pledge.toml"]);
}

#[test]
fn a_configuration_that_would_run_is_fine_and_nothing_is_written() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&good(&[&node.url()]));
    let ended = folder.run(&CHECK_JSON);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr, "");
    let facts = check_of(&ended, "chains.local.rpc_urls[0]")["node"].clone();
    assert_eq!(facts["chain_id"], 31_337);
    assert_eq!(facts["client"], "scripted/v1");
    assert_eq!(facts["head_block"], 10);
    assert_eq!(facts["finalized_block"], Value::Null);
    assert_eq!(facts["keeps_history"], true);
    let facts = check_of(&ended, "chains.local.tokens.plg")["token"].clone();
    assert_eq!(facts["decimals"], 18);
    assert_eq!((&facts["start_block"], &facts["start"]), (&json!(0), &json!("found")));
    let storage = check_of(&ended, "storage.url");
    assert!(storage["message"].as_str().unwrap().contains("will be created"), "{storage}");
    nothing_was_written(&folder);
}

#[test]
fn what_is_found_is_reported_in_a_line_each() {
    let node = Node::with_the_first_hour(NORMAL);
    let ended = Folder::with_config(&good(&[&node.url()])).run(&CHECK);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("everything is fine\n"), "{}", ended.stdout);
    assert_eq!(ended.stdout.matches("\nok ").count() + 1, 4, "{}", ended.stdout);
}

#[test]
fn the_flags_of_run_are_checked_and_named() {
    let node = Node::with_the_first_hour(NORMAL);
    let (url, token, folder) = (node.url(), token().to_string(), Folder::new());
    let check = |more: &[&str]| {
        let listen = [("PLEDGE_SERVER__LISTEN", "127.0.0.1:0")];
        let flags = ["--rpc-url", &url, "--token", &token];
        folder.run_with(&listen, &[&CHECK_JSON[..], &flags, more].concat())
    };
    let fine = check(&[]);
    assert_eq!(fine.code, Some(0), "{}{}", fine.stdout, fine.stderr);
    for key in ["--rpc-url", "--token"] {
        assert_eq!(check_of(&fine, key)["outcome"], "ok");
    }
    let wrong = check(&["--start-block", "99"]);
    assert_eq!(wrong.code, Some(2), "{}{}", wrong.stdout, wrong.stderr);
    assert_eq!(check_of(&wrong, "--start-block")["outcome"], "wrong");
}

#[test]
fn a_web_socket_that_notifies_of_nothing_is_named_with_a_remedy() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&good(&[&node.url()]));
    let variables = [("PLEDGE_CHAINS__LOCAL__WS_URL", "ws://127.0.0.1:9/v2/s3cretkey")];
    let ended = folder.run_with(&variables, &CHECK_JSON);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let check = check_of(&ended, "chains.local.ws_url");
    assert_eq!(check["outcome"], "failed");
    assert!(check["message"].as_str().unwrap().contains("or remove it"), "{check}");
    assert!(!ended.stdout.contains("s3cretkey"), "{}", ended.stdout);
}

#[test]
fn a_node_that_is_down_is_reported_next_to_one_that_answers() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&good(&[NOBODY, &node.url()]));
    let ended = folder.run(&CHECK_JSON);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let down = check_of(&ended, "chains.local.rpc_urls[0]");
    assert_eq!(down["outcome"], "failed");
    assert!(down["message"].as_str().unwrap().contains("127.0.0.1:9"), "{down}");
    assert_eq!(check_of(&ended, "chains.local.rpc_urls[1]")["outcome"], "ok");
    assert_eq!(check_of(&ended, "chains.local.tokens.plg")["outcome"], "ok");
    nothing_was_written(&folder);
}

#[test]
fn tokens_that_no_node_was_asked_for_are_reported_as_such() {
    let ended = Folder::with_config(&good(&[NOBODY])).run(&CHECK_JSON);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let token = check_of(&ended, "chains.local.tokens.plg");
    assert_eq!(token["outcome"], "failed");
    assert!(token["message"].as_str().unwrap().contains("not checked"), "{token}");
}

#[test]
fn a_node_of_another_chain_is_wrong_and_the_right_one_is_asked_all_the_same() {
    let (right, wrong) = (Node::with_the_first_hour(NORMAL), Node::start_as(5, NORMAL));
    let ended = Folder::with_config(&good(&[&wrong.url(), &right.url()])).run(&CHECK_JSON);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    let other = check_of(&ended, "chains.local.rpc_urls[0]");
    assert_eq!(other["outcome"], "wrong");
    assert!(other["message"].as_str().unwrap().contains("chain 5"), "{other}");
    assert_eq!(check_of(&ended, "chains.local.tokens.plg")["outcome"], "ok");
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let node = Node::start(NORMAL);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let stranger = format!("0x{}", "ab".repeat(20));
    let toml = config(31_337, &[NOBODY, &node.url()], &stranger, "")
        .replace("127.0.0.1:0", &taken.local_addr().unwrap().to_string());
    let folder = Folder::with_config(&(toml + "[storage]\nurl = \"sqlite:nowhere/pledge.db\"\n"));
    let ended = folder.run(&CHECK_JSON);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    let outcomes = [
        ("server.listen", "failed"),
        ("storage.url", "wrong"),
        ("chains.local.rpc_urls[0]", "failed"),
        ("chains.local.rpc_urls[1]", "ok"),
        ("chains.local.tokens.plg.address", "wrong"),
    ];
    for (key, outcome) in outcomes {
        assert_eq!(check_of(&ended, key)["outcome"], outcome, "{key}");
    }
    let listen = check_of(&ended, "server.listen");
    assert!(listen["message"].as_str().unwrap().contains("with server.listen"), "{listen}");
    nothing_was_written(&folder);
}

#[test]
fn a_file_with_wrong_keys_is_reported_by_both_commands() {
    let checksum = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eb48";
    let unknown = good(&[NOBODY]) + "start_blok = 5\n";
    let cases = [
        (config(1, &[NOBODY], checksum, ""), "chains.local.tokens.plg.address"),
        (unknown, "chains.local.tokens.plg.start_blok"),
    ];
    for (toml, key) in cases {
        let folder = Folder::with_config(&toml);
        let checked = folder.run(&CHECK_JSON);
        assert_eq!(checked.code, Some(2), "{}", checked.stderr);
        assert_eq!(check_of(&checked, key)["outcome"], "wrong");
        let shown = folder.run(&SHOW);
        assert_eq!(shown.code, Some(2), "{}", shown.stdout);
        assert!(shown.stderr.contains(key) && shown.stdout.is_empty(), "{}", shown.stderr);
        nothing_was_written(&folder);
    }
}

#[test]
fn a_database_is_compared_and_left_as_it_is() {
    let node = Node::with_the_first_hour(NORMAL);
    let toml = good(&[&node.url()]);
    let folder = Folder::with_config(&toml);
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    let before = std::fs::read(folder.path().join("pledge.db")).unwrap();
    let fine = folder.run(&CHECK_JSON);
    assert_eq!(fine.code, Some(0), "{}", fine.stdout);
    assert_eq!(check_of(&fine, "chains.local.tokens.plg")["token"]["start"], "registered");
    std::fs::write(folder.path().join("pledge.toml"), toml + "start_block = 2\n").unwrap();
    let differs = folder.run(&CHECK_JSON);
    assert_eq!(differs.code, Some(2), "{}", differs.stdout);
    check_of(&differs, "chains.local.tokens.plg.start_block");
    assert_eq!(std::fs::read(folder.path().join("pledge.db")).unwrap(), before);
    assert!(!folder.path().join("pledge.db-wal").exists());
}

#[test]
fn a_database_of_another_program_is_wrong() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&good(&[&node.url()]));
    std::fs::write(folder.path().join("pledge.db"), "some text, no database ".repeat(99)).unwrap();
    let ended = folder.run(&CHECK_JSON);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    assert_eq!(check_of(&ended, "storage.url")["outcome"], "wrong");
}

#[test]
fn no_output_of_either_command_shows_a_secret() {
    let node = Node::with_the_first_hour(NORMAL);
    let at = format!("user:hunter2@{}", node.address);
    let urls = [
        format!("http://{at}/"),
        format!("http://{}/?key=s3cretkey", node.address),
        "http://127.0.0.1:9/v2/s3cretkey".to_owned(),
        format!("http://{}/v2/s3cretkey", node.address),
    ];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let broken = good(&["ftp://user:hunter2@node.example/s3cretkey"]);
    for toml in [good(&urls), broken] {
        let folder = Folder::with_config(&toml);
        for command in ["check", "show"] {
            for format in [&[][..], &["--json"][..]] {
                let arguments = [&["config", command][..], format].concat();
                let ended = folder.run_with(&[("RUST_LOG", "debug")], &arguments);
                let printed = ended.stdout + &ended.stderr;
                assert!(
                    !printed.contains("s3cretkey") && !printed.contains("hunter2"),
                    "{printed}"
                );
            }
        }
    }
}

#[test]
fn what_is_shown_names_its_origin_and_needs_no_node() {
    let folder = Folder::with_config(&good(&["https://node.example/s3cret"]));
    let variables = [("PLEDGE_CHAINS__LOCAL__CONFIRMATIONS", "9")];
    let ended = folder.run_with(&variables, &SHOW);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for line in [
        "[chains.local]",
        "rpc_urls = [\"https://node.example/***\"]  # file",
        "confirmations = 9  # environment",
        "retained_headers = 1024  # default",
        "url = \"sqlite:pledge.db\"  # default",
        "# start_block is found on the node  # default",
    ] {
        assert!(ended.stdout.lines().any(|shown| shown == line), "{line} in:\n{}", ended.stdout);
    }
    nothing_was_written(&folder);
}

/// Each line with the section that it is in, which may be commented out.
fn by_section(file: &str) -> Vec<(&str, &str)> {
    let mut section = "";
    let mut line_of = |line| {
        let bare: &str = str::strip_prefix(line, "# ").unwrap_or(line);
        if bare.starts_with('[') && bare.ends_with(']') {
            section = bare;
        }
        (section, line)
    };
    file.lines().map(&mut line_of).collect()
}

#[test]
fn the_file_that_init_writes_is_fine_once_its_node_is_filled_in() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::new();
    let written = folder.run(&["config", "init"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let file = folder.path().join("pledge.toml");
    let template = std::fs::read_to_string(&file).unwrap();
    let pool_address = format!("address = \"{}\"", pool());
    let filled = template
        .replace("https://your.node.example", &node.url())
        .replace("chain_id = 1\n", "chain_id = 31337\n")
        .replace("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", &token().to_string())
        .replace("start_block = 6082465", "start_block = 0")
        .replace("# [chains.mainnet.contracts", "[chains.mainnet.contracts")
        .replace("# address = \"0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2\"", &pool_address)
        .replace("# start_block = 16291127", "start_block = 0")
        .replace("# events = [", "events = [")
        // The default is another on a local chain.
        .replace("# clock_slack", "clock_slack");
    std::fs::write(&file, &filled).unwrap();
    let free = [("PLEDGE_SERVER__LISTEN", "127.0.0.1:0")];
    let checked = folder.run_with(&free, &CHECK);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    // The commented defaults of the template are the effective ones.
    let shown = folder.run(&SHOW).stdout;
    let in_effect = by_section(&shown);
    for (section, line) in by_section(&filled) {
        let Some(line) = line.strip_prefix("# ") else { continue };
        let Some((key, _)) = line.split_once(" = ") else { continue };
        let here = || in_effect.iter().filter(|(other, _)| *other == section);
        let has_default = here().any(|(_, shown)| shown.starts_with(&format!("{key} = ")));
        let is_shown = here().any(|(_, shown)| *shown == format!("{line}  # default"));
        assert!(is_shown || !has_default || key == "schedule", "{section} {line} in:\n{shown}");
    }
    let again = folder.run(&["config", "init"]);
    assert_eq!(again.code, Some(2), "{}", again.stdout);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), filled);
    assert_eq!(folder.run(&["config", "init", "--force"]).code, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), template);
}

#[test]
fn show_takes_the_flags_of_run_and_marks_what_is_theirs() {
    let node = Node::with_the_first_hour(NORMAL);
    let (folder, url, token) = (Folder::new(), node.url(), token().to_string());
    let flags = ["--rpc-url", &url, "--token", &token, "--rate", "0.05"];
    let ended = folder.run(&[&SHOW[..], &flags].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for line in [
        "[chains.chain_31337]",
        "chain_id = 31337  # flag",
        "rate = \"0.05\"  # flag",
        "window = \"1h\"  # default",
        "clock_slack = \"unlimited\"  # default",
    ] {
        assert!(ended.stdout.lines().any(|shown| shown == line), "{line} in:\n{}", ended.stdout);
    }
}

#[test]
fn the_port_of_another_pledge_is_no_failure() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&good(&[&node.url()]));
    let server = folder.start(&["run"]);
    let listen = [("PLEDGE_SERVER__LISTEN", server.server.as_str())];
    let ended = folder.run_with(&listen, &CHECK_JSON);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let check = check_of(&ended, "server.listen");
    assert!(check["message"].as_str().unwrap().contains("a running pledge"), "{check}");
}

#[test]
fn a_node_that_was_reset_is_no_node_of_the_ledger() {
    let node = Node::with_the_first_hour(NORMAL);
    node.mine_empty(THREE_PM + 3_700, 100);
    let folder = Folder::with_config(
        &(good(&[&node.url()]))
            .replace("[chains.local.tokens", "retained_headers = 64\n[chains.local.tokens"),
    );
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    assert_eq!(folder.run(&CHECK).code, Some(0));
    node.chain.fork_at(1);
    for blocks in [1, 120] {
        node.mine_empty(THREE_PM + 3_600, blocks);
        let ended = folder.run(&CHECK);
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(ended.stdout.contains("delete the database"), "{}", ended.stdout);
    }
}

#[test]
fn a_contract_without_decimals_is_taken_with_those_of_the_configuration() {
    let node = Node::with_the_first_hour(Oddities { decimals: NO_DECIMALS, ..NORMAL });
    let without = Folder::with_config(&good(&[&node.url()])).run(&CHECK);
    assert_eq!(without.code, Some(2), "{}", without.stdout);
    assert!(without.stdout.contains("key `decimals`"), "{}", without.stdout);
    let folder = Folder::with_config(&(good(&[&node.url()]) + "decimals = 6\n"));
    let ended = folder.run(&CHECK_JSON);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(check_of(&ended, "chains.local.tokens.plg")["token"]["decimals"], 6);
    assert_eq!(folder.run(&["index", "--until-head"]).code, Some(0));
    let other = good(&[&node.url()]) + "decimals = 8\n";
    std::fs::write(folder.path().join("pledge.toml"), other).unwrap();
    let differs = folder.run(&CHECK_JSON);
    assert_eq!(differs.code, Some(2), "{}", differs.stdout);
    check_of(&differs, "chains.local.tokens.plg.decimals");
    let own = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&(good(&[&own.url()]) + "decimals = 6\n"));
    let differs = folder.run(&CHECK_JSON);
    assert_eq!(differs.code, Some(2), "{}", differs.stdout);
    check_of(&differs, "chains.local.tokens.plg.decimals");
}
