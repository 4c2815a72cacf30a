//! `pledge run`.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use pledge_core::primitives::Address;
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{ChainId, Timestamp};

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::Folder;

const NOBODY: &str = "http://127.0.0.1:9/";
const LISTEN: [&str; 3] = ["run", "--listen", "127.0.0.1:0"];

fn chain(name: &str, id: u64, url: &str) -> String {
    format!(
        "[chains.{name}]\nchain_id = {id}\nrpc_urls = [\"{url}\"]\npoll_interval = \"50ms\"\n\
         [chains.{name}.tokens.plg]\naddress = \"{}\"\n\
         [chains.{name}.tokens.plg.points]\nrate = \"0.05\"\n",
        token()
    )
}

fn board_by_balance() -> String {
    format!("chains/{CHAIN}/tokens/{}/accounts?sort=balance", token())
}

fn board() -> String {
    format!("chains/{CHAIN}/tokens/{}/accounts?sort=points", token())
}

#[test]
fn run_without_a_file_indexes_settles_and_serves() {
    let node = Node::with_the_first_hour(NORMAL);
    let (url, token) = (node.url(), token().to_string());
    let quick = ["--rpc-url", &url, "--token", &token, "--rate", "0.05"];
    let folder = Folder::new();
    let server = folder.start(&[&LISTEN[..], &quick].concat());
    let points =
        |answer: &serde_json::Value| answer["items"][0]["points"] == "6.666666666666666666";
    server.get_until(&board(), points);
    assert!(folder.path().join("pledge.db").exists());
    let verified = folder.run(&["verify", "--rpc-url", &url, "--json"]);
    assert_eq!(verified.json()["tokens"][0]["verdict"], "ok");
    let (status, took) = server.terminate();
    assert!(status.success());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_server_writes_its_lines_into_files_too() {
    let node = Node::with_the_first_hour(NORMAL);
    let config = format!("[logs]\ndir = \"logs\"\n{}", chain("local", CHAIN, &node.url()));
    let folder = Folder::with_config(&config);
    let server = folder.start(&LISTEN);
    server.get_until(&board(), |answer| answer["items"][0].is_object());
    assert!(server.terminate().0.success());
    let read = |name| std::fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
    assert!(read("app.log").contains("pledge_server"), "{}", read("app.log"));
    assert_eq!(read("error.log"), "");
}

#[test]
fn log_files_that_cannot_be_written_are_refused_before_anything_starts() {
    let node = Node::with_the_first_hour(NORMAL);
    let config = format!("[logs]\ndir = \"pledge.toml\"\n{}", chain("local", CHAIN, &node.url()));
    let folder = Folder::with_config(&config);
    let ended = folder.run(&LISTEN);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("logs.dir: `pledge.toml` cannot be written to"),
        "{}",
        ended.stderr
    );
    assert!(!folder.path().join("pledge.db").exists());
}

/// What it wrote from then on would be gone with it.
#[test]
fn a_database_that_is_deleted_or_replaced_ends_the_process_with_the_reason() {
    let node = Node::with_the_first_hour(NORMAL);
    let config = chain("local", CHAIN, &node.url());
    for command in [&LISTEN[..], &["index"]] {
        for is_replaced in [false, true] {
            let folder = Folder::with_config(&config);
            let file = folder.path().join("pledge.db");
            let process = folder.begin(command);
            let held = || {
                folder.run(&["status", "--json"]).json()["chains"][0]["tokens"][0]["holders"]
                    .clone()
            };
            while !file.exists() || held() != 1 {
                std::thread::sleep(Duration::from_millis(50));
            }
            if is_replaced {
                std::fs::copy(&file, folder.path().join("other")).unwrap();
                std::fs::rename(folder.path().join("other"), &file).unwrap();
            } else {
                std::fs::remove_file(&file).unwrap();
            }
            let (status, lines) = process.ends();
            let said = lines.join("\n");
            assert_eq!(status.code(), Some(1), "{command:?}: {said}");
            assert!(said.contains("replaced while it was open"), "{command:?}: {said}");
            assert!(said.contains(&file.display().to_string()), "{command:?}: {said}");
        }
    }
}

#[test]
fn run_follows_new_blocks_and_forks() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    let server = folder.start(&LISTEN);
    let path = format!("chains/{CHAIN}/tokens/{}/accounts/{}", token(), account(1));
    let held =
        |answer: &serde_json::Value, whole: u64| answer["balance"] == tokens(whole).to_string();
    server.get_until(&path, |answer| held(answer, 200));
    // The second mint never was: its block is orphaned, and with it the settled window.
    node.chain.fork_at(1);
    node.mine_empty(THREE_PM + 3_600, 12);
    server.get_until(&path, |answer| held(answer, 100));
    let half = |answer: &serde_json::Value| answer["items"][0]["points"] == "4.166666666666666666";
    server.get_until(&board(), half);
}

#[test]
fn an_unreachable_node_degrades_its_chain_and_no_other() {
    let node = Node::with_the_first_hour(NORMAL);
    let toml = chain("local", CHAIN, &node.url()) + &chain("away", 5, NOBODY);
    let folder = Folder::with_config(&toml);
    let server = folder.start(&LISTEN);
    let live = |answer: &serde_json::Value| answer["status"] == "live";
    server.get_until(&format!("chains/{CHAIN}"), live);
    let away = server.get_until("chains/5", |answer| answer["status"] == "degraded");
    assert_eq!(away["reason_code"], "node-or-store-fails", "{away}");
    assert!(!away.to_string().contains("127.0.0.1:9"), "{away}");
    folder.shows("127.0.0.1:9");
    let (status, took) = server.terminate();
    assert!(status.success());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_node_that_comes_back_is_followed_again() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    let server = folder.start(&LISTEN);
    let status = format!("chains/{CHAIN}");
    server.get_until(&status, |answer| answer["status"] == "live");
    let (script, address) = (node.chain.clone(), node.address.to_string());
    drop(node);
    server.get_until(&status, |answer| answer["status"] == "degraded");
    let node = Node::serve(script, NORMAL, &address);
    node.mine_empty(THREE_PM + 7_200, 8);
    server.get_until(&status, |answer| answer["status"] == "live");
}

#[test]
fn pausing_from_another_process_stops_the_running_one() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    let server = folder.start(&LISTEN);
    let path = format!("chains/{CHAIN}");
    server.get_until(&path, |answer| answer["status"] == "live");
    assert_eq!(folder.run(&["pause", "local"]).code, Some(0));
    server.get_until(&path, |answer| answer["status"] == "paused");
    server.wait_for("`pledge resume local`", |line| line.contains("paused"));
    assert_eq!(folder.run(&["resume", "local"]).code, Some(0));
    node.mine_empty(THREE_PM + 7_200, 1);
    server.get_until(&path, |answer| answer["status"] == "live");
}

#[test]
fn verify_agrees_while_the_server_runs() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    let server = folder.start(&LISTEN);
    let path = format!("chains/{CHAIN}");
    server.get_until(&path, |answer| answer["status"] == "live");
    let ended = folder.run(&["verify", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.json()["tokens"][0]["verdict"], "ok");
}

/// A command that waits for a node that accepts connections and never answers can be stopped.
fn stops_while_a_node_is_silent(folder: &Folder, node: &TcpListener, arguments: &[&str]) {
    let waiting = folder.begin(arguments);
    let _connection = node.accept().unwrap();
    let (status, took) = waiting.terminate();
    assert_eq!(status.code(), Some(1));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_command_obeys_a_stop_while_it_waits_for_a_node() {
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, token) = (format!("http://{}/", node.local_addr().unwrap()), token().to_string());
    let quick = ["index", "--rpc-url", &url, "--token", &token];
    stops_while_a_node_is_silent(&Folder::new(), &node, &quick);
    let configured = Folder::with_config(&chain("local", CHAIN, &url));
    stops_while_a_node_is_silent(&configured, &node, &["index", "--until-head"]);
}

#[test]
fn an_outage_is_logged_once_when_it_begins_and_once_when_it_is_over() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    let indexing = folder.begin(&["index"]);
    folder.run_until(&["status"], |ended| ended.stdout.contains("live"));
    let (script, address) = (node.chain.clone(), node.address.to_string());
    drop(node);
    indexing.wait_for("WARN", |line| line.contains("local"));
    let node = Node::serve(script, NORMAL, &address);
    node.mine_empty(THREE_PM + 7_200, 1);
    indexing.wait_for("indexing goes on", |line| line.contains("local"));
}

#[test]
fn a_node_that_comes_back_as_a_shorter_chain_is_waited_for_and_nothing_is_lost() {
    let node = Node::with_the_first_hour(NORMAL);
    node.mine(THREE_PM + 7_200, Address::ZERO, account(2), tokens(1));
    node.mine_empty(THREE_PM + 7_212, 8);
    // Genesis is not among the headers held then.
    let toml = chain("local", CHAIN, &node.url());
    let toml = toml.replace("address", "start_block = 1\naddress");
    let folder = Folder::with_config(&toml);
    let server = folder.start(&LISTEN);
    let status = format!("chains/{CHAIN}");
    server.get_until(&status, |answer| answer["status"] == "live");
    let (script, address) = (node.chain.clone(), node.address.to_string());
    drop(node);
    let genesis = Timestamp::new(THREE_PM + 1).unwrap();
    let shorter = ScriptedChain::new(ChainId::new(CHAIN), genesis);
    let shorter = Node::serve(shorter, NORMAL, &address);
    folder.shows("was reset");
    server.get_until(&status, |answer| answer["status"] == "degraded");
    let board = server.get(&board_by_balance());
    assert_eq!(board["items"].as_array().unwrap().len(), 2, "{board}");
    drop(shorter);
    let _node = Node::serve(script, NORMAL, &address);
    server.get_until(&status, |answer| answer["status"] == "live");
}

#[test]
fn a_node_that_is_down_at_the_start_is_followed_when_it_comes() {
    let node = Node::with_the_first_hour(NORMAL);
    let (script, address) = (node.chain.clone(), node.address.to_string());
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    drop(node);
    let server = folder.start(&LISTEN);
    let status = format!("chains/{CHAIN}");
    server.get_until(&status, |answer| answer["status"] == "degraded");
    folder.shows("chains.local.rpc_urls");
    let _node = Node::serve(script, NORMAL, &address);
    server.get_until(&status, |answer| answer["status"] == "live");
}

#[test]
fn two_servers_over_one_file_both_follow_and_agree() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    let servers = [folder.start(&LISTEN), folder.start(&LISTEN)];
    node.mine(THREE_PM + 7_200, Address::ZERO, account(2), tokens(1));
    node.mine_empty(THREE_PM + 7_212, 8);
    for server in &servers {
        let board = |answer: &serde_json::Value| answer["items"].as_array().unwrap().len() == 2;
        server.get_until(&board_by_balance(), board);
    }
    assert_eq!(folder.run(&["verify", "--json"]).json()["tokens"][0]["verdict"], "ok");
    for server in servers {
        assert!(server.terminate().0.success());
    }
}

#[test]
fn an_interrupted_command_reports_where_it_stopped_and_goes_on_the_next_time() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    for round in 0..3 {
        let indexing = folder.begin(&["index"]);
        let block = format!("block {} confirmed", 4 + round);
        folder.run_until(&["status"], |ended| {
            ended.stdout.contains("live")
                && ended.stdout.contains(&format!("confirmed {}", 4 + round))
        });
        let (status, lines) = indexing.interrupt();
        assert!(status.success(), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains(&block)), "{lines:?}");
        node.mine_empty(THREE_PM + 7_200 + round * 12, 1);
    }
}

#[test]
fn a_failing_web_socket_is_logged_and_no_log_shows_its_key() {
    let node = Node::with_the_first_hour(NORMAL);
    let web_socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/v2/s3cr3t?key=s3cr3t", web_socket.local_addr().unwrap());
    let folder = Folder::with_config(&chain("local", CHAIN, &node.url()));
    let filter = "trace,tungstenite::handshake::client=trace";
    let variables = [("RUST_LOG", filter), ("PLEDGE_CHAINS__LOCAL__WS_URL", &url)];
    let server = folder.begin_with(&variables, &LISTEN);
    let (mut connection, _) = web_socket.accept().unwrap();
    connection.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").unwrap();
    drop(connection);
    server.wait_for("", |line| {
        assert!(!line.contains("s3cr3t"), "{line}");
        line.contains("403") && line.contains("polling goes on")
    });
}
