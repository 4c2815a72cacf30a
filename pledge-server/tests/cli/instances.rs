//! Two instances over one database and one Redis, each with its own way to a node.

use std::time::Duration;

use pledge_core::primitives::Address;
use pledge_testing::{FaultProxy, MySqlPlace, OwnServer};
use redis::Commands;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::{Folder, Running};

/// A lease, two renewals, and what it takes to notice that a node is away.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(40);

struct Stage {
    runtime: Runtime,
    redis: OwnServer,
    node: Node,
    place: MySqlPlace,
}

impl Stage {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let redis = runtime.block_on(OwnServer::redis(&[]));
        let place = runtime.block_on(MySqlPlace::new());
        Self { redis, place, node: Node::with_the_first_hour(NORMAL), runtime }
    }

    /// An instance that reaches the node by a way of its own.
    fn instance(&self) -> (Folder, Running, FaultProxy) {
        let proxy = self.runtime.block_on(FaultProxy::before(self.node.address.to_string()));
        let folder = Folder::with_config(&format!(
            "[storage]\nurl = \"{}\"\nredis_url = \"{}\"\n\
             [chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"http://{}/\"]\npoll_interval = \"50ms\"\n\
             [chains.local.tokens.plg]\naddress = \"{}\"\n",
            self.place.url(),
            self.redis.url(),
            proxy.address(),
            token()
        ));
        let running = folder.start(&["run", "--listen", "127.0.0.1:0"]);
        (folder, running, proxy)
    }

    fn mint(&self, second: u64) {
        self.node.mine(THREE_PM + second, Address::ZERO, account(1), tokens(100));
        self.node.mine_empty(THREE_PM + second + 12, 8);
    }

    fn until_held(&self, server: &Running, whole: u64) {
        let board = format!("chains/{CHAIN}/tokens/{}/accounts?sort=balance", token());
        let held = tokens(whole).to_string();
        let is_held = |answer: &Value| answer["items"][0]["balance"] == held;
        server.get_within(TAKEN_OVER_WITHIN, &board, is_held);
    }
}

#[test]
fn whichever_instance_loses_its_way_to_a_node_the_other_follows() {
    let stage = Stage::new();
    let (_one_folder, one, one_way) = stage.instance();
    let (_other_folder, other, other_way) = stage.instance();
    stage.until_held(&one, 200);
    for (round, way) in [&one_way, &other_way, &one_way].into_iter().enumerate() {
        let round = u64::try_from(round).unwrap();
        way.refuse(true);
        way.cut();
        stage.mint(3_700 + round * 600);
        stage.until_held(&one, 300 + round * 100);
        let live = |chain: &Value| chain["status"] == "live";
        one.get_within(TAKEN_OVER_WITHIN, &format!("chains/{CHAIN}"), live);
        way.refuse(false);
    }
    for server in [one, other] {
        assert!(server.terminate().0.success());
    }
}

#[test]
fn a_lease_whose_end_lies_far_ahead_stops_nothing() {
    let stage = Stage::new();
    let (_folder, first, _way) = stage.instance();
    stage.until_held(&first, 200);
    let mut redis = redis::Client::open(stage.redis.url()).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis.keys("*{leases}*").unwrap();
    let key = |name: &str| keys.iter().find(|key| key.ends_with(name)).unwrap().clone();
    // The lowest of all instances, so the chain would be its own.
    let dead = "0".repeat(32);
    let offer = format!(
        "{{\"instance\":\"{dead}\",\"follows\":[{CHAIN}],\"settles\":[{CHAIN}],\"delivers\":true}}"
    );
    let _: () = redis.hset(key(":offers"), &dead, format!("9000 {offer}")).unwrap();
    let _: () = redis.zadd(key(":ends"), &dead, 4_000_000_000_000_i64).unwrap();
    let _: () = redis.persist(key(":ends")).unwrap();
    let _: () = redis.persist(key(":offers")).unwrap();
    first.wait_for("a new assignment of work", |line| line.contains("chains=\"\""));
    stage.mint(3_700);
    stage.until_held(&first, 300);
}
