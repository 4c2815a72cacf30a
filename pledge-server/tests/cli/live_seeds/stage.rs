//! A chain, a database, a Redis, two servers over them, and the readers of both.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pledge_core::primitives::Address;
use pledge_core::types::Timestamp;
use pledge_testing::{MySqlPlace, OwnServer};
use tokio::runtime::Runtime;

use super::act::Act;
use super::reader::{Addresses, Reader};
use crate::node::{CHAIN, NORMAL, Node, account, token, tokens};
use crate::process::{Folder, Running};
use crate::updates::Way;

const LISTEN: [&str; 3] = ["run", "--listen", "127.0.0.1:0"];
pub(super) const CONFIRMATIONS: u64 = 2;
/// The pause after each act, in milliseconds, by chance.
const PAUSE: std::ops::Range<u64> = 0..150;

/// Which database the servers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Sqlite,
    MariaDb,
}

/// How often what happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Happened {
    pub(super) reorgs: u32,
    pub(super) terminated: u32,
    pub(super) killed: u32,
    pub(super) redis: u32,
}

pub(super) struct Stage {
    // Dropped from the top: those who read before what they read from.
    pub(super) readers: Vec<Reader>,
    servers: [Option<Running>; 2],
    addresses: Addresses,
    pub(super) folder: Folder,
    pub(super) node: Node,
    redis: OwnServer,
    _place: Option<MySqlPlace>,
    pub(super) runtime: Runtime,
    pub(super) random: fastrand::Rng,
    pub(super) happened: Happened,
}

fn account_topic() -> String {
    format!("account:{CHAIN}:{}:{}", token(), account(1))
}

fn config(storage: &str, redis: &OwnServer, node: &Node) -> String {
    format!(
        "[storage]\nurl = \"{storage}\"\nredis_url = \"{}\"\n\
         [limits]\nconnections_per_address = 1000\n\
         [chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\npoll_interval = \"50ms\"\n\
         confirmations = {CONFIRMATIONS}\n[chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        redis.url(),
        node.url(),
        token()
    )
}

impl Stage {
    pub(super) fn new(seed: u64, over: Over) -> Self {
        let runtime = Runtime::new().unwrap();
        let redis = runtime.block_on(OwnServer::redis(&[]));
        let place = (over == Over::MariaDb).then(|| runtime.block_on(MySqlPlace::new()));
        let node = Node::with_the_first_hour(NORMAL);
        let folder = Folder::new();
        let file = format!("sqlite:{}", folder.path().join("pledge.db").display());
        let url = place.as_ref().map_or(file, MySqlPlace::url);
        std::fs::write(folder.path().join("pledge.toml"), config(&url, &redis, &node)).unwrap();
        let mut stage = Self {
            readers: Vec::new(),
            servers: [None, None],
            addresses: Arc::new(Mutex::new([String::new(), String::new()])),
            folder,
            node,
            redis,
            _place: place,
            runtime,
            random: fastrand::Rng::with_seed(seed),
            happened: Happened::default(),
        };
        stage.start(0);
        stage.start(1);
        stage.begin_to_read();
        stage
    }

    /// Each group of topics over each way.
    fn begin_to_read(&mut self) {
        let all = format!("chains,settlements,{}", account_topic());
        for topics in ["chains", "settlements", &all] {
            for way in [Way::EventStream, Way::Socket] {
                let (addresses, random) = (Arc::clone(&self.addresses), self.random.fork());
                self.readers.push(Reader::start(&self.runtime, (way, topics), addresses, random));
            }
        }
        let until = Instant::now() + Duration::from_secs(20);
        while !self.readers.iter().all(|reader| reader.record().begun.is_some()) {
            assert!(Instant::now() < until, "a reader does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn step(&mut self) {
        let act = Act::draw(&mut self.random, self.readers.len());
        match act {
            Act::Mint { after, amount, confirmations } => self.mint(after, amount, confirmations),
            Act::Reorg { depth, amount } => self.reorg(depth, amount),
            Act::Hour => self.mint(3_600, 1, CONFIRMATIONS),
            Act::Terminate(at) => self.terminate(at),
            Act::Kill(at) => {
                self.happened.killed += u32::from(self.servers[at].take().is_some());
            }
            Act::Start(at) => self.start(at),
            Act::FlushRedis => {
                self.happened.redis += 1;
                let client = redis::Client::open(self.redis.url()).unwrap();
                redis::cmd("FLUSHALL").exec(&mut client.get_connection().unwrap()).unwrap();
            }
            Act::RestartRedis { away } => {
                self.happened.redis += 1;
                self.redis.kill();
                std::thread::sleep(away);
                self.runtime.block_on(self.redis.start());
            }
            Act::Move(reader) => self.readers[reader].moves(),
        }
        std::thread::sleep(Duration::from_millis(self.random.u64(PAUSE)));
    }

    /// The calm after it all: both servers run, and one more transfer is confirmed.
    pub(super) fn calm_down(&mut self) {
        self.start(0);
        self.start(1);
        self.mint(60, 1, CONFIRMATIONS);
    }

    fn mint(&self, after: u64, amount: u64, confirmations: u64) {
        let time = self.node.chain.head().time.get() + after;
        self.node.mine(time, Address::ZERO, account(1), tokens(amount));
        self.node.mine_empty(time + 12, confirmations);
    }

    /// The other branch is one block longer, and its blocks are of the time of those that they replace.
    fn reorg(&mut self, depth: u64, amount: u64) {
        self.happened.reorgs += 1;
        let chain = &self.node.chain;
        let head = chain.head().number.get();
        let fork = head.saturating_sub(depth).max(1);
        let time = chain.block(fork).unwrap().time.get() + 12;
        chain.fork_at(fork);
        self.node.mine(time, Address::ZERO, account(1), tokens(amount));
        for block in fork + 1..=head {
            let time = Timestamp::new(time + 12 * (block - fork)).unwrap();
            self.node.chain.mine(time, &[]);
        }
    }

    fn terminate(&mut self, at: usize) {
        let Some(server) = self.servers[at].take() else { return };
        self.happened.terminated += 1;
        let (status, took) = server.terminate();
        assert!(
            status.success(),
            "a server that is asked to stop ends with {status} after {took:?}"
        );
    }

    fn start(&mut self, at: usize) {
        if self.servers[at].is_none() {
            let server = self.folder.start(&LISTEN);
            self.addresses.lock().unwrap()[at].clone_from(&server.server);
            self.servers[at] = Some(server);
        }
    }

    /// Both servers, in the calm.
    pub(super) fn servers(&self) -> [&Running; 2] {
        self.servers.each_ref().map(|server| server.as_ref().expect("both run"))
    }
}
