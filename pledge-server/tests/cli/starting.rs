//! Between the command line and the first block: files, ports, nodes, and what is warned about.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::node::{NORMAL, Node, THREE_PM, token, unused_token};
use crate::process::{Ended, Folder};

/// A port without a listener.
const NOBODY: &str = "http://127.0.0.1:9/";
const INDEX: [&str; 2] = ["index", "--until-head"];
const POINTS: &str = "[chains.local.tokens.plg.points]\nrate = \"0.05\"\n";

fn config(name: &str, urls: &[&str], of_chain: &str, points: &str) -> String {
    format!(
        "[chains.{name}]\nchain_id = 31337\nrpc_urls = {urls:?}\n{of_chain}\n\
         [chains.{name}.tokens.plg]\naddress = \"{}\"\n{}",
        token(),
        points.replace("local", name)
    )
}

fn write(folder: &Folder, toml: &str) {
    std::fs::write(folder.path().join("pledge.toml"), toml).unwrap();
}

fn ended_with(ended: &Ended, code: i32, texts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    for text in texts {
        assert!(ended.stderr.contains(text), "{text} in: {}", ended.stderr);
    }
}

/// The url of a node that answers every request with a status.
fn refusing(status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4_096];
            // A client that has gone gets no answer.
            let _ = stream.read(&mut request);
            let answer =
                format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn outputs_that_nobody_reads_change_no_exit_code() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config("local", &[&node.url()], "", ""));
    assert_eq!(folder.run_unread(&INDEX), Some(0));
    assert_eq!(folder.run_unread(&["status"]), Some(0));
    assert_eq!(folder.run_unread(&["demo", "--once"]), Some(0));
    assert_eq!(folder.run_unread(&["pause", "nowhere"]), Some(2));
    write(&folder, &config("local", &[NOBODY], "", ""));
    assert_eq!(folder.run_unread(&INDEX), Some(1));
}

#[test]
fn no_database_is_made_where_no_chain_is_configured() {
    let folder = Folder::new();
    ended_with(&folder.run(&INDEX), 2, &["--rpc-url"]);
    assert!(!folder.path().join("pledge.db").exists());
}

#[test]
fn no_database_is_made_where_the_port_is_taken() {
    let node = Node::start(NORMAL);
    let folder = Folder::with_config(&config("local", &[&node.url()], "", ""));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    ended_with(&folder.run(&["run", "--listen", &listen]), 1, &["in use"]);
    assert!(!folder.path().join("pledge.db").exists());
}

#[test]
fn a_database_is_found_however_its_url_is_written() {
    let folder = Folder::with_config("[storage]\nurl = \"sqlite://pledge.db\"\n");
    ended_with(&folder.run(&["migrate"]), 0, &[]);
    ended_with(&folder.run(&["status"]), 0, &[]);
}

#[test]
fn a_node_without_finalized_blocks_is_refused_where_they_decide() {
    let node = Node::with_the_first_hour(NORMAL);
    let toml = config("local", &[&node.url()], "finality = \"finalized\"", "");
    let ended = Folder::with_config(&toml).run(&INDEX);
    ended_with(&ended, 2, &["chains.local.finality", "use confirmations = N"]);
}

#[test]
fn a_node_that_refuses_is_left_out_while_another_answers() {
    let node = Node::with_the_first_hour(NORMAL);
    for status in [401, 402, 403, 404] {
        let toml = config("local", &[&refusing(status), &node.url()], "", "");
        let ended = Folder::with_config(&toml).run(&INDEX);
        ended_with(&ended, 0, &["a node is left out", &format!("HTTP status {status}")]);
    }
}

#[test]
fn where_no_node_answers_each_is_named_with_its_reason() {
    let toml = config("local", &[&refusing(401), &refusing(404)], "", "");
    let ended = Folder::with_config(&toml).run(&INDEX);
    ended_with(&ended, 1, &["chain local", "HTTP status 401", "HTTP status 404"]);
}

#[test]
fn a_refused_rate_is_found_before_anything_is_written() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config("local", &[&node.url()], "", POINTS));
    ended_with(&folder.run(&INDEX), 0, &[]);
    ended_with(&folder.run(&["settle", "--until-settled"]), 0, &[]);
    let changed = POINTS.replace("0.05", "0.10");
    write(&folder, &config("renamed", &[&node.url()], "", &changed));
    let refused = ["chains.renamed.tokens.plg.points", "settled already"];
    ended_with(&folder.run(&INDEX), 2, &refused);
    assert_eq!(folder.run(&["status", "--json"]).json()["chains"][0]["name"], "local");
    write(&folder, &config("renamed", &[NOBODY], "", &changed));
    ended_with(&folder.run(&INDEX), 2, &refused);
}

#[test]
fn a_programme_that_left_the_configuration_is_reported() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config("local", &[&node.url()], "", POINTS));
    let with_points = folder.run(&INDEX);
    assert!(!with_points.stderr.contains("still earns"), "{}", with_points.stderr);
    write(&folder, &config("local", &[&node.url()], "", ""));
    let warning = "still earns; to end it, add a step to rate \"0\"";
    ended_with(&folder.run(&INDEX), 0, &[warning, &token().to_string()]);
}

#[test]
fn a_token_that_left_the_configuration_is_followed_on_and_reported() {
    let node = Node::with_the_first_hour(NORMAL);
    let toml = config("local", &[&node.url()], "", "");
    let folder = Folder::with_config(&toml);
    ended_with(&folder.run(&INDEX), 0, &[]);
    write(&folder, &toml.replace(&token().to_string(), &unused_token().to_string()));
    node.mine_empty(THREE_PM + 7_200, 5);
    let warning = "still followed, though no longer in the configuration";
    ended_with(&folder.run(&INDEX), 0, &[warning, &token().to_string()]);
    let status = folder.run(&["status", "--json"]).json();
    let tokens = status["chains"][0]["tokens"].as_array().unwrap();
    let confirmed: Vec<_> = tokens.iter().map(|token| &token["last_confirmed_block"]).collect();
    assert_eq!(confirmed.len(), 2);
    assert_eq!(confirmed[0], confirmed[1]);
}

#[test]
fn a_programme_that_earns_nothing_any_more_may_leave() {
    let node = Node::with_the_first_hour(NORMAL);
    let points = POINTS.replace("0.05", "0");
    let folder = Folder::with_config(&config("local", &[&node.url()], "", &points));
    ended_with(&folder.run(&INDEX), 0, &[]);
    write(&folder, &config("local", &[&node.url()], "", ""));
    let ended = folder.run(&INDEX);
    assert!(!ended.stderr.contains("still earns"), "{}", ended.stderr);
}

#[test]
fn flags_next_to_a_file_are_reported_and_keep_the_name_of_a_chain() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&config("local", &[&node.url()], "", ""));
    ended_with(&folder.run(&INDEX), 0, &[]);
    let (url, token) = (node.url(), token().to_string());
    let quick = ["--json", "--rpc-url", &url, "--token", &token];
    let ended = folder.run(&[&INDEX[..], &quick].concat());
    ended_with(&ended, 0, &["pledge.toml is not read"]);
    assert_eq!(ended.json()["chains"][0]["name"], "local");
    assert_eq!(folder.run(&["status", "--json"]).json()["chains"][0]["name"], "local");
}

#[test]
fn a_log_filter_that_is_none_is_wrong_usage() {
    let ended = Folder::new().run_with(&[("RUST_LOG", "pledge=loud")], &["migrate"]);
    ended_with(&ended, 2, &["RUST_LOG", "expected one of"]);
}

#[test]
fn a_chain_that_is_unknown_is_wrong_usage() {
    let folder = Folder::new();
    ended_with(&folder.run(&["migrate"]), 0, &[]);
    ended_with(&folder.run(&["pause", "local"]), 2, &["`local`", "none yet"]);
    ended_with(&folder.run(&["resume", "local"]), 2, &["`local`"]);
}

#[test]
fn only_strange_variables_are_reported() {
    let variables = [("PLEDGE_SEED", "1"), ("PLEDGE_ANVIL", "anvil"), ("PLEDGE_LISTEN", "x")];
    let ended = Folder::new().run_with(&variables, &["migrate"]);
    ended_with(&ended, 0, &["PLEDGE_LISTEN is ignored"]);
    for ours in ["PLEDGE_SEED", "PLEDGE_ANVIL"] {
        assert!(!ended.stderr.contains(ours), "{}", ended.stderr);
    }
}
