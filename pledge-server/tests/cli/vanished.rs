//! A reader whose machine vanishes: it acknowledges nothing any more.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pledge_core::primitives::Address;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::Folder;

/// A network of two addresses that nobody else has: that of the server, and that of the reader.
const SERVER: &str = "10.251.83.1";
const READER: &str = "10.251.83.2";
/// How long the server is patient, in its configuration.
const PATIENCE: Duration = Duration::from_secs(3);
/// For the system's own clock, and a busy machine. By itself the system gives up after a quarter of an hour.
const LATE: Duration = Duration::from_secs(7);

/// A wire to a machine of its own: a network namespace.
struct Wire {
    machine: String,
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}: {status}");
}

impl Wire {
    fn new() -> Self {
        let id = std::process::id() % 100_000;
        let (machine, near, far) =
            (format!("pledge{id}"), format!("plnear{id}"), format!("plfar{id}"));
        ip(&format!("netns add {machine}"));
        let wire = Self { machine };
        let machine = &wire.machine;
        ip(&format!("link add {near} type veth peer name {far} netns {machine}"));
        ip(&format!("addr add {SERVER}/30 dev {near}"));
        ip(&format!("link set {near} up"));
        ip(&format!("-n {machine} addr add {READER}/30 dev {far}"));
        ip(&format!("-n {machine} link set {far} up"));
        wire
    }

    /// Runs a program on the other machine.
    fn run(&self, program: &[&str]) -> Child {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.machine]).args(program);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The other machine no longer has its address: what comes for it is dropped without a word.
    fn vanish(&self) {
        ip(&format!("-n {} addr flush to {READER}/32", self.machine));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.machine]).status();
    }
}

/// The connections of the reader, as the system lists them.
fn connections() -> usize {
    let of = ["-Htn", "state", "established", "dst", READER];
    let listed = Command::new("ss").args(of).output().unwrap();
    String::from_utf8(listed.stdout).unwrap().lines().count()
}

fn until_connections(number: usize, most: Duration) -> Duration {
    let begun = Instant::now();
    while connections() != number {
        assert!(begun.elapsed() < most, "{} connections and not {number}", connections());
        std::thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}

#[test]
#[ignore = "needs root, ip, ss and curl: scripts/long.sh vanished"]
fn a_stream_to_a_machine_that_vanishes_ends_within_the_time_for_a_write() {
    let wire = Wire::new();
    let node = Node::with_the_first_hour(NORMAL);
    let folder = Folder::with_config(&format!(
        "[limits]\nwrite_timeout = \"{}s\"\n\
         [chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\npoll_interval = \"50ms\"\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n",
        PATIENCE.as_secs(),
        node.url(),
        token()
    ));
    let server = folder.begin(&["run", "--listen", &format!("{SERVER}:0")]);
    let line = server.wait_for(&format!("http://{SERVER}:"), |line| line.contains("/api/v1"));
    let (_, address) = line.split_once("http://").unwrap();
    let (address, _) = address.split_once('/').unwrap();
    let url = format!("http://{address}/api/v1/stream?topics=chains");
    let mut reader = wire.run(&["curl", "-sN", &url]);
    until_connections(1, Duration::from_secs(20));
    wire.vanish();
    node.mine(THREE_PM + 7_200, Address::ZERO, account(1), tokens(100));
    node.mine_empty(THREE_PM + 7_212, 8);
    let took = until_connections(0, PATIENCE + LATE);
    println!("the stream of a machine that vanished ended after {took:?}");
    assert!(took >= PATIENCE / 2, "it ended for another reason, after {took:?}");
    let _ = reader.kill();
    let _ = reader.wait();
}
