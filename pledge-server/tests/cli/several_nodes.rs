//! `pledge run` over two nodes, with a proxy before each.

use pledge_core::primitives::Address;
use pledge_testing::FaultProxy;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::{Folder, Running};

/// Two nodes of one chain, each behind a proxy, and a server that follows it.
struct Stage {
    nodes: [Node; 2],
    proxies: [FaultProxy; 2],
    folder: Folder,
    server: Running,
    _runtime: Runtime,
}

impl Stage {
    fn begin(more: &str) -> Self {
        let first = Node::with_the_first_hour(NORMAL);
        let second = Node::serve(first.chain.clone(), NORMAL, "127.0.0.1:0");
        let nodes = [first, second];
        let runtime = Runtime::new().unwrap();
        let proxies = nodes
            .each_ref()
            .map(|node| runtime.block_on(FaultProxy::before(node.address.to_string())));
        let urls = proxies.each_ref().map(|proxy| format!("http://{}/", proxy.address()));
        let folder = Folder::with_config(&format!(
            "[chains.local]\nchain_id = {CHAIN}\nrpc_urls = {urls:?}\npoll_interval = \"50ms\"\n{more}\n\
             [chains.local.tokens.plg]\naddress = \"{}\"\n",
            token()
        ));
        let server = folder.start(&["run", "--listen", "127.0.0.1:0"]);
        Self { nodes, proxies, folder, server, _runtime: runtime }
    }

    /// Mints 100 tokens and confirms it.
    fn mint(&self, seconds: u64) {
        let node = &self.nodes[0];
        node.mine(THREE_PM + seconds, Address::ZERO, account(1), tokens(100));
        node.mine_empty(THREE_PM + seconds, 8);
    }

    fn away(&self, node: usize, is_away: bool) {
        self.proxies[node].refuse(is_away);
        if is_away {
            self.proxies[node].cut();
        }
    }

    fn until_held(&self, whole: u64) {
        let path = format!("chains/{CHAIN}/tokens/{}/accounts/{}", token(), account(1));
        self.server.get_until(&path, |answer| answer["balance"] == tokens(whole).to_string());
    }

    fn until_status(&self, status: &str) -> Value {
        self.server.get_until(&format!("chains/{CHAIN}"), |answer| answer["status"] == status)
    }

    /// Whether the ledger is the chain's.
    fn verify(&self) {
        let verified = self.folder.run(&["verify", "--rpc-url", &self.nodes[0].url(), "--json"]);
        assert_eq!(verified.json()["tokens"][0]["verdict"], "ok", "{}", verified.stdout);
    }
}

#[test]
fn a_second_node_takes_over_and_the_first_is_reported() {
    let stage = Stage::begin("");
    stage.until_held(200);
    stage.away(0, true);
    stage.mint(3_700);
    stage.until_held(300);
    stage.until_status("live");
    let unused = |ready: &Value| ready["incidents"][0]["work"] == "using every node";
    let ready = stage.server.get_until("/readyz", unused);
    let host = stage.proxies[0].address().to_string();
    assert!(!ready.to_string().contains(&host), "{ready}");
    stage.server.wait_for(&host, |line| line.contains("using every node"));
    stage.verify();
}

#[test]
fn after_an_outage_of_both_nodes_no_block_is_missing() {
    let stage = Stage::begin("");
    stage.until_held(200);
    for node in [0, 1] {
        stage.away(node, true);
    }
    for round in 0..10 {
        stage.mint(3_700 + round * 600);
    }
    stage.until_status("degraded");
    for node in [1, 0] {
        stage.away(node, false);
    }
    stage.until_held(1_200);
    stage.until_status("live");
    stage.verify();
}

#[test]
fn what_cannot_be_cross_checked_is_not_committed() {
    let stage = Stage::begin("cross_check = true");
    stage.until_held(200);
    stage.away(1, true);
    stage.mint(3_700);
    stage.until_status("degraded");
    stage.folder.shows("cannot be cross-checked");
    stage.away(1, false);
    stage.until_held(300);
    stage.until_status("live");
    stage.verify();
}

#[test]
fn a_cross_check_of_one_node_is_a_wrong_key() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&format!(
        "[chains.local]\nchain_id = {CHAIN}\nrpc_urls = [{:?}]\ncross_check = true\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n",
        node.url(),
        token()
    ));
    let ended = folder.run(&["index", "--until-head"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("chains.local.cross_check: needs a second node"),
        "{}",
        ended.stderr
    );
}
