//! `pledge watch`, and the live updates of a running server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pledge_core::primitives::Address;
use pledge_testing::OwnServer;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::{Folder, Running};

const LISTEN: [&str; 3] = ["run", "--listen", "127.0.0.1:0"];

fn folder(node: &Node, sections: &str) -> Folder {
    Folder::with_config(&format!(
        "{sections}\n[chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\n\
         poll_interval = \"50ms\"\n[chains.local.tokens.plg]\naddress = \"{}\"\n",
        node.url(),
        token()
    ))
}

fn until_live(server: &Running) {
    server.get_until(&format!("chains/{CHAIN}"), |chain| chain["status"] == "live");
}

fn mint(node: &Node, second: u64) {
    node.mine(THREE_PM + second, Address::ZERO, account(1), tokens(100));
    node.mine_empty(THREE_PM + second + 12, 8);
}

fn api(server: &Running) -> String {
    format!("http://{}", server.server)
}

fn topic() -> String {
    format!("account:{CHAIN}:{}:{}", token(), account(1))
}

/// Waits until all of these are printed.
fn until_printed(watch: &Running, texts: &[&str]) {
    let until = Instant::now() + Duration::from_secs(20);
    while !texts.iter().all(|text| watch.printed().contains(text)) {
        assert!(Instant::now() < until, "{texts:?} is not in:\n{}", watch.printed());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The next line as JSON that passes a test.
fn line(watch: &Running, test: impl Fn(&Value) -> bool) -> Value {
    let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default();
    parse(&watch.wait_for("{", |line| test(&parse(line))))
}

#[test]
fn watch_shows_states_then_what_happens_and_ends_well_by_ctrl_c() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, "");
    let server = folder.start(&LISTEN);
    until_live(&server);
    let watch = Folder::new().begin(&["watch", "chains", &topic(), "--api", &api(&server)]);
    // States and events of different topics come in any order.
    until_printed(&watch, &["chain 31337 (local): live", &format!("{}: 200, points", topic())]);
    mint(&node, 7_200);
    until_printed(&watch, &["confirmed, changes: 1", &format!("{}: 300, points", topic())]);
    let (status, _) = watch.interrupt();
    assert!(status.success());
}

#[test]
fn watch_prints_json_lines_and_goes_on_after_its_last_event_when_the_server_comes_back() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, "");
    let server = folder.start(&LISTEN);
    until_live(&server);
    let address = server.server.clone();
    let watch = Folder::new().begin(&["watch", "chains", "--json", "--api", &api(&server)]);
    line(&watch, |line| line["type"] == "state" && line["state"]["status"] == "live");
    let (status, took) = server.terminate();
    assert!(status.success() && took < Duration::from_secs(3), "{took:?}");
    let interrupted = line(&watch, |line| line["type"] == "interrupted");
    assert!(interrupted["reason"].as_str().unwrap().contains("restarting"), "{interrupted}");
    mint(&node, 7_200);
    let again = folder.start(&["run", "--listen", &address]);
    let event = line(&watch, |line| line["type"] == "event");
    assert_eq!(event["event"]["type"], "confirmed", "{event}");
    drop(again);
}

#[test]
fn what_cannot_be_watched_is_named() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, "");
    let server = folder.start(&LISTEN);
    until_live(&server);
    let empty = Folder::new();
    let prices = empty.run(&["watch", "prices"]);
    assert_eq!(prices.code, Some(2), "{}", prices.stderr);
    assert!(prices.stderr.contains("`prices` is no topic: chains, settlements or account:"));
    let no_api = empty.run(&["watch", "--api", "ftp://x"]);
    assert_eq!(no_api.code, Some(2), "{}", no_api.stderr);
    let unknown = topic().replace(&CHAIN.to_string(), "7");
    let unknown = empty.run(&["watch", &unknown, "--api", &api(&server)]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("is not followed"), "{}", unknown.stderr);
    let key = [("PLEDGE_API_KEY", "pledge_ab_s3cret")];
    let refused = empty.run_with(&key, &["watch", "--api", &api(&server)]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("unauthenticated") && !refused.stderr.contains("s3cret"));
}

/// A socket that is open, by a client that does not read it; `None` where there is no room for it.
fn open_socket(server: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server).unwrap();
    let request = format!(
        "GET /api/v1/ws HTTP/1.1\r\nhost: {server}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    head.starts_with(b"HTTP/1.1 101").then_some(stream)
}

/// A metric without labels; `None` where there is no room for the question.
fn metric(server: &Running, name: &str) -> Option<u64> {
    let mut stream = TcpStream::connect(&server.server).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn until_metric(server: &Running, name: &str, expected: u64) {
    let until = Instant::now() + Duration::from_secs(20);
    while metric(server, name) != Some(expected) {
        assert!(Instant::now() < until, "{name} is {:?}", metric(server, name));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_socket_keeps_its_seat_and_outlasts_the_time_for_a_request_and_an_answer() {
    const SEATS: usize = 6;
    let node = Node::with_the_first_hour(NORMAL);
    let limits = format!(
        "[limits]\nconnections_per_address = {SEATS}\nrequest_timeout = \"300ms\"\n\
         answer_timeout = \"300ms\"\nheader_timeout = \"300ms\""
    );
    let folder = folder(&node, &limits);
    let server = folder.start(&LISTEN);
    until_live(&server);
    let mut stream = TcpStream::connect(&server.server).unwrap();
    stream.write_all(b"GET /api/v1/stream?topics=chains HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    until_metric(&server, "pledge_live_readers", 1);
    // One that is refused for a moment, while the connection of a metric is closed, is tried again.
    let mut sockets = Vec::new();
    while sockets.len() < SEATS - 1 {
        sockets.extend(open_socket(&server.server));
    }
    std::thread::sleep(Duration::from_secs(1));
    assert!(open_socket(&server.server).is_none(), "all are busy, and none is evicted");
    drop(sockets);
    until_metric(&server, "pledge_live_readers", 1);
    let mut read = [0; 1 << 14];
    let mut seen = String::new();
    mint(&node, 7_200);
    while !seen.contains("event: confirmed") {
        let bytes = stream.read(&mut read).unwrap();
        assert!(bytes > 0, "{seen}");
        seen += &String::from_utf8_lossy(&read[..bytes]);
    }
    assert!(!seen.contains("content-encoding") && seen.contains("text/event-stream"), "{seen}");
}

#[test]
fn a_server_that_stops_closes_its_sockets_with_1012_in_time() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, "");
    let server = folder.start(&LISTEN);
    until_live(&server);
    let mut sockets: Vec<_> = (0..20).map(|_| open_socket(&server.server).unwrap()).collect();
    let (status, took) = server.terminate();
    assert!(status.success() && took < Duration::from_secs(3), "{took:?}");
    for socket in &mut sockets {
        let mut frame = [0; 4];
        socket.read_exact(&mut frame).unwrap();
        assert_eq!((frame[0], u16::from_be_bytes([frame[2], frame[3]])), (0x88, 1012));
    }
}

/// Two instances over one file and one Redis: one follows the chain, readers are at the other.
#[test]
fn an_event_reaches_the_readers_of_another_instance_by_a_hint_and_without_redis_within_its_look() {
    let runtime = Runtime::new().unwrap();
    let mut redis = runtime.block_on(OwnServer::redis(&[]));
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, &format!("[storage]\nredis_url = \"{}\"", redis.url()));
    let (first, second) = (folder.start(&LISTEN), folder.start(&LISTEN));
    until_live(&first);
    let watches = [&first, &second].map(|server| {
        let watch = Folder::new().begin(&["watch", "chains", "--json", "--api", &api(server)]);
        line(&watch, |line| line["type"] == "state");
        watch
    });
    let event = |watch| line(watch, |line| line["type"] == "event")["id"].clone();
    mint(&node, 7_200);
    assert_eq!(event(&watches[0]), event(&watches[1]));
    redis.kill();
    mint(&node, 7_400);
    assert_eq!(event(&watches[0]), event(&watches[1]));
    runtime.block_on(redis.start());
    mint(&node, 7_600);
    assert_eq!(event(&watches[0]), event(&watches[1]));
}
