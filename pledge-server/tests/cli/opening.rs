//! What is served before the nodes have answered, and what must not delay it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use pledge_core::primitives::{Address, U256};
use pledge_testing::hostile_node::{Call, transfer};
use pledge_testing::{HostileChain, HostileNode};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, token, unused_token};
use crate::process::Folder;

const TOKENS: u64 = 60;
/// Those of the search for deployments, of all tokens together: one token alone took 24.
const REQUESTS_MAX: usize = 120;
/// Twice the longest wait of the server before it tries again.
const RETRY_MAX: Duration = Duration::from_secs(60);

fn chain(name: &str, id: u64, url: &str) -> String {
    format!(
        "[chains.{name}]\nchain_id = {id}\nrpc_urls = [\"{url}\"]\npoll_interval = \"50ms\"\n\
         [chains.{name}.tokens.plg]\naddress = \"{}\"\n",
        token()
    )
}

/// A node that accepts connections and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn http_answers_while_no_node_has() {
    let (_silent, url) = silent();
    let folder = Folder::with_config(&chain("local", CHAIN, &url));
    let address = free_port();
    let mut server = folder.begin(&["run", "--listen", &address]);
    server.server.clone_from(&address);
    let begun = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing listens on {address}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.get("/healthz"), json!({ "status": "alive" }));
    assert_eq!(server.get("/readyz")["title"], "Starting");
    assert_eq!(server.get("chains")["title"], "Starting");
    let ready = server.get_until("/readyz", |ready| ready["chains"].is_array());
    assert_eq!(ready["chains"][0]["name"], "local", "{ready}");
    assert_eq!(server.get("chains")["items"][0]["chain_id"], CHAIN);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(server.terminate().0.success());
}

#[test]
fn a_chain_whose_node_is_silent_holds_up_no_other() {
    let node = Node::with_the_first_hour(NORMAL);
    let (_silent, url) = silent();
    let toml = chain("local", CHAIN, &node.url()) + &chain("silent", 5, &url);
    let folder = Folder::with_config(&toml);
    let server = folder.start(&["run", "--listen", "127.0.0.1:0"]);
    server.get_until(&format!("chains/{CHAIN}"), |chain| chain["status"] == "live");
    server.get_until("chains/5", |chain| chain["status"] == "degraded");
}

#[test]
fn a_token_that_is_refused_holds_up_no_other_and_is_named() {
    let node = Node::with_the_first_hour(NORMAL);
    let stranger = format!("0x{}", "ab".repeat(20));
    let late = format!("address = \"{}\"\nstart_block = 1000", unused_token());
    let toml = chain("local", CHAIN, &node.url())
        + &format!("[chains.local.tokens.bad]\naddress = \"{stranger}\"\n")
        + &format!("[chains.local.tokens.late]\n{late}\n");
    let folder = Folder::with_config(&toml);
    let server = folder.start(&["run", "--listen", "127.0.0.1:0"]);
    server.get_until(&format!("chains/{CHAIN}"), |chain| chain["status"] == "live");
    // A busy machine may have other incidents before, and other reasons at first.
    server.get_until("/readyz", |ready| {
        let mut incidents = ready["incidents"].as_array().into_iter().flatten();
        let work = "registering tokens and contracts";
        let is_open = incidents.any(|incident| incident["work"] == work);
        is_open && ready["status"] == "degraded"
    });
    let refused = ["chains.local.tokens.bad.address: no contract code", "tokens.late.start_block"];
    server.wait_for("registering tokens", |line| refused.iter().all(|one| line.contains(one)));
    // Later than the chain now, and not for ever.
    node.mine_empty(crate::node::THREE_PM + 3_700, 1_000);
    let of_chain = |answer: &Value| answer["items"].as_array().map(Vec::len) == Some(2);
    server.get_within(RETRY_MAX, &format!("chains/{CHAIN}/tokens"), of_chain);
    server.wait_for("registering tokens", |line| {
        line.contains("tokens.bad") && !line.contains("tokens.late")
    });
}

#[test]
fn a_chain_without_any_token_reports_why_and_a_missing_finality_stops_no_server() {
    let (node, other) = (Node::with_the_first_hour(NORMAL), Node::start_as(5, NORMAL));
    let stranger = format!("0x{}", "ab".repeat(20));
    let finalized = chain("local", CHAIN, &node.url())
        .replace("poll_interval", "finality = \"finalized\"\npoll_interval");
    let toml =
        finalized + &chain("other", 5, &other.url()).replace(&token().to_string(), &stranger);
    let folder = Folder::with_config(&toml);
    let server = folder.start(&["run", "--listen", "127.0.0.1:0"]);
    server.get_until("chains/5", |chain| chain["status"] == "degraded");
    folder.shows("chains.other.tokens.plg.address: no contract code");
    let local = server.get_until(&format!("chains/{CHAIN}"), |chain| chain["head_block"] == 10);
    assert_eq!(local["last_confirmed_block"], Value::Null, "{local}");
}

#[test]
fn a_wrong_chain_id_is_refused_though_another_chain_is_silent() {
    let node = Node::start(NORMAL);
    let (_silent, url) = silent();
    let toml = chain("local", 1, &node.url()) + &chain("silent", 5, &url);
    let folder = Folder::with_config(&toml);
    let ended = folder.run(&["run", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("chains.local.rpc_urls[0]"), "{}", ended.stderr);
    assert!(!folder.path().join("pledge.db").exists());
}

fn numbered(number: u64) -> Address {
    let mut bytes = [0x7e; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Address::from(bytes)
}

/// A chain of 400 blocks on which many tokens were deployed, here and there.
fn busy() -> HostileChain {
    let chain = HostileChain::new(CHAIN, 0);
    let [from, to] = [Address::ZERO, Address::repeat_byte(0xb0)];
    for height in 1..=400 {
        chain.mine(12 * height, &[transfer(numbered(0), from, to, U256::from(height))]);
    }
    for number in 0..TOKENS {
        chain.deploy_at(numbered(number), &format!("T{number}"), 18, 3 + number * 37 % 395);
    }
    chain
}

#[test]
fn sixty_tokens_are_looked_up_together() {
    let runtime = Runtime::new().unwrap();
    let node = runtime.block_on(HostileNode::of(&busy()));
    node.takes(Duration::from_millis(20));
    let mut toml = format!("[chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\n", node.url());
    for number in 0..TOKENS {
        let address = numbered(number);
        toml += &format!("[chains.local.tokens.t{number}]\naddress = \"{address:#x}\"\n");
    }
    let folder = Folder::with_config(&toml);
    let begun = Instant::now();
    let server = folder.start(&["run", "--listen", "127.0.0.1:0"]);
    let serving = begun.elapsed();
    let tokens = format!("chains/{CHAIN}/tokens?limit=1000");
    let all = |answer: &Value| answer["items"].as_array().map(Vec::len) == Some(60);
    let answer = server.get_until(&tokens, all);
    // Those that follow what is registered already depend on the time that the rest takes.
    let looks_up = |calls: &Vec<Call>| {
        calls.iter().any(|call| ["eth_getCode", "eth_call"].contains(&call.method.as_str()))
    };
    let requests = node.requests().into_iter().filter(looks_up).count();
    let registered = begun.elapsed();
    println!("serving after {serving:?}, 60 tokens after {registered:?} and {requests} requests");
    assert!(requests <= REQUESTS_MAX, "{requests}");
    let items = answer["items"].as_array().unwrap();
    let starts: Vec<u64> = items.iter().map(|item| item["start_block"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (0..TOKENS).map(|number| 3 + number * 37 % 395).collect();
    assert_eq!(starts, expected);
}
