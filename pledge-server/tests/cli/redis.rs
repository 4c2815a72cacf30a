//! Redis with a store: faster after a restart, and harmless when it is away.

use pledge_core::primitives::Address;
use pledge_testing::OwnServer;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::Folder;

const LISTEN: [&str; 3] = ["run", "--listen", "127.0.0.1:0"];
const NOBODY: &str = "redis://me:hunter2@127.0.0.1:9";

fn folder(node: &Node, redis: &str) -> Folder {
    Folder::with_config(&format!(
        "[storage]\nredis_url = \"{redis}\"\n\
         [chains.local]\nchain_id = 31337\nrpc_urls = [\"{}\"]\npoll_interval = \"50ms\"\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n",
        node.url(),
        token()
    ))
}

fn of_account() -> String {
    format!("chains/{CHAIN}/tokens/{}/accounts/{}", token(), account(1))
}

/// Mints 50 tokens in a block that is not confirmed.
fn pend(node: &Node) {
    node.mine(THREE_PM + 7_200, Address::ZERO, account(1), tokens(50));
}

fn holds(whole: u64) -> impl Fn(&Value) -> bool {
    move |answer| answer["pending_balance"] == tokens(whole).to_string()
}

fn redis_is(status: &'static str) -> impl Fn(&Value) -> bool {
    let overall = if status == "up" { "ready" } else { "degraded" };
    move |ready| ready["status"] == overall && ready["redis"]["status"] == status
}

#[test]
fn a_restarted_server_shows_the_pending_balance_before_a_node_answers() {
    let redis = Runtime::new().unwrap().block_on(OwnServer::redis(&[]));
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, &redis.url());
    let server = folder.start(&LISTEN);
    server.get_until(&of_account(), holds(200));
    pend(&node);
    server.get_until(&of_account(), holds(250));
    assert!(server.terminate().0.success());
    drop(node);
    let again = folder.start(&LISTEN);
    // A Redis that is slow for a moment is asked again a second later.
    let answer = again.get_until(&of_account(), holds(250));
    assert_eq!(answer["balance"], tokens(200).to_string());
}

#[test]
fn a_redis_that_goes_and_comes_back_is_reported_and_changes_no_answer() {
    let runtime = Runtime::new().unwrap();
    let mut redis = runtime.block_on(OwnServer::redis(&[]));
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, &redis.url());
    let server = folder.start(&LISTEN);
    server.get_until("/readyz", redis_is("up"));
    redis.kill();
    pend(&node);
    server.get_until(&of_account(), holds(250));
    let ready = server.get_until("/readyz", redis_is("degraded"));
    assert!(ready["redis"]["since"].is_u64() && ready["redis"].get("reason").is_none(), "{ready}");
    runtime.block_on(redis.start());
    server.get_until("/readyz", redis_is("up"));
    server.get_until(&of_account(), holds(250));
}

#[test]
fn a_redis_that_was_never_there_is_degraded_and_shows_no_password() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node, NOBODY);
    let check = folder.run(&["config", "check"]);
    assert_eq!(check.code, Some(1), "{}", check.stdout);
    assert!(check.stdout.contains("FAILED  storage.redis_url"), "{}", check.stdout);
    let shown = folder.run(&["config", "show"]).stdout;
    assert!(shown.contains("redis://me:***@127.0.0.1:9"), "{shown}");
    assert!(!format!("{}{}{shown}", check.stdout, check.stderr).contains("hunter2"));
    let server = folder.start(&LISTEN);
    server.get_until(&of_account(), holds(200));
    server.get_until("/readyz", redis_is("degraded"));
}
