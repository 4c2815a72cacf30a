//! What those who run the server see, and who else does.

use serde_json::{Value, json};

use crate::node::{CHAIN, NORMAL, Node, token};
use crate::process::{Folder, Running, ask};

fn folder(node: &Node, server: &str) -> Folder {
    Folder::with_config(&format!(
        "[storage]\nurl = \"memory:\"\n[server]\n{server}\n\
         [chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\npoll_interval = \"50ms\"\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    ))
}

const BOTH: &str = "listen = \"127.0.0.1:0\"\noperations_listen = \"127.0.0.1:0\"";

/// A server with a listener of its own for those who run it, and the address of that.
fn with_operations(folder: &Folder) -> (Running, String) {
    let server = folder.start(&["run"]);
    let printed = server.printed();
    let (_, operations) = printed.split_once("; metrics at http://").unwrap();
    let (address, _) = operations.split_once("/metrics").unwrap();
    let address = address.to_owned();
    (server, address)
}

fn status_of(server: &str, path: &str) -> String {
    let answer = ask(server, path);
    answer.split_whitespace().nth(1).unwrap().to_owned()
}

fn json_of(server: &str, path: &str) -> Value {
    let answer = ask(server, path);
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn until_live(server: &Running) {
    server.get_until(&format!("chains/{CHAIN}"), |chain| chain["status"] == "live");
}

/// Scrapes until every line is there.
fn scraped_until(address: &str, lines: &[&str]) -> String {
    for _ in 0..500 {
        let scrape = ask(address, "/metrics");
        if lines.iter().all(|line| scrape.lines().any(|shown| shown == *line)) {
            return scrape;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{lines:?} in\n{}", ask(address, "/metrics"));
}

#[test]
fn a_server_that_this_machine_alone_reaches_shows_its_figures() {
    let node = Node::with_the_first_hour(NORMAL);
    let server = folder(&node, "listen = \"127.0.0.1:0\"").start(&["run"]);
    until_live(&server);
    let scrape = scraped_until(
        &server.server,
        &[
            "pledge_store_up 1",
            "pledge_chain_state{chain=\"local\",state=\"live\"} 1",
            "pledge_chain_state{chain=\"local\",state=\"halted\"} 0",
            "pledge_chain_head_block{chain=\"local\"} 10",
            "pledge_tokens{chain=\"local\",state=\"active\"} 1",
            "pledge_node_state{chain=\"local\",node=\"0\",state=\"current\"} 1",
            "pledge_points_windows_behind{chain=\"local\",token=\"0x7070707070707070707070707070707070707070\",programme=\"main\"} 0",
        ],
    );
    assert!(scrape.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{scrape}");
    let route = "pledge_http_requests_total{method=\"GET\",route=\"/api/v1/chains/{chain_id}\",status=\"200\"}";
    for name in
        [route, "process_open_fds ", "process_resident_memory_bytes ", "pledge_node_calls_total"]
    {
        assert!(scrape.lines().any(|line| line.starts_with(name)), "{name} in\n{scrape}");
    }
    let ready = server.get("/readyz");
    assert_eq!(ready["chains"][0]["name"], "local");
}

#[test]
fn what_is_for_those_who_run_the_server_goes_to_a_listener_of_its_own() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, BOTH);
    let (server, operations) = with_operations(&folder);
    until_live(&server);
    assert_eq!(status_of(&server.server, "/metrics"), "404");
    assert_eq!(server.get("/readyz"), json!({ "status": "ready", "codes": [] }));
    assert_eq!(json_of(&operations, "/readyz")["chains"][0]["name"], "local");
    assert_eq!(status_of(&operations, &format!("/api/v1/chains/{CHAIN}")), "404");
    scraped_until(&operations, &["pledge_store_up 1"]);
    for address in [&server.server, &operations] {
        assert_eq!(json_of(address, "/healthz"), json!({ "status": "alive" }));
        assert_eq!(json_of(address, "/ping"), json!({ "message": "pong" }));
    }
}

#[test]
fn readers_from_elsewhere_learn_that_a_node_is_away_and_not_which() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, BOTH);
    let (server, operations) = with_operations(&folder);
    until_live(&server);
    drop(node);
    let ready = server.get_until("/readyz", |ready| ready["status"] == "degraded");
    assert!(!ready.to_string().contains("local"), "{ready}");
    let full = json_of(&operations, "/readyz");
    assert!(full["incidents"].to_string().contains("local"), "{full}");
    assert_eq!(status_of(&server.server, "/readyz?strict"), "503");
}

#[test]
fn a_server_that_others_reach_shows_no_figures() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, "listen = \"0.0.0.0:0\"");
    let running = folder.begin(&["run"]);
    let line = running.wait_for("http://0.0.0.0:", |line| line.contains("/api/v1"));
    let port = line.split("http://0.0.0.0:").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let server = format!("127.0.0.1:{port}");
    assert_eq!(status_of(&server, "/metrics"), "404");
    assert!(json_of(&server, "/readyz").get("chains").is_none());
}

#[test]
fn a_busy_port_for_operations_is_refused_by_its_key() {
    let node = Node::with_the_first_hour(NORMAL);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let key = format!(
        "listen = \"127.0.0.1:0\"\noperations_listen = \"{}\"",
        taken.local_addr().unwrap()
    );
    let folder = folder(&node, &key);
    let ended = folder.run(&["run"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("another port with server.operations_listen"),
        "{}",
        ended.stderr
    );
    let check = folder.run(&["config", "check"]).stdout;
    let line = check.lines().find(|line| line.contains("server.operations_listen"));
    assert!(line.is_some_and(|line| line.starts_with("FAILED")), "{check}");
}
