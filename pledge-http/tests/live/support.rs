//! A scripted chain in a store, hubs over it, and clients that speak the bytes themselves.

mod door;
mod socket;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use pledge_core::admission::Admission;
use pledge_core::event::EventSeq;
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenMetadata, TokenSpec};
use pledge_core::points::{Programme, Settler, SettlerConfig};
use pledge_core::ports::{EventReads, PointsStore, Registry};
use pledge_core::primitives::{Address, address};
use pledge_core::query::Queries;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{Amount, BlockNumber, ChainId, Decimals, Timestamp, TokenId};
use pledge_http::live::{Hub, LiveLimits, LiveParts, OwnOrigin, Turns, routes};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::world::operator;
use tokio::task::JoinSet;

pub(crate) use door::{Door, caller};
pub(crate) use socket::{Frame, Socket};
pub(crate) use stream::Stream;

pub(crate) const ALICE: Address = address!("0xa11ce00000000000000000000000000000000001");
pub(crate) const CHAIN: ChainId = ChainId::new(1);
pub(crate) const TOKEN: TokenId =
    TokenId { chain: CHAIN, address: address!("0x70ce000000000000000000000000000000000001") };
/// A full hour.
pub(crate) const GENESIS: u64 = 1_767_625_200;
const CONFIRMATIONS: u64 = 2;

/// One chain with a token that earns, indexed into a store in memory.
pub(crate) struct Place {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) pending: Arc<MemoryPending>,
    pub(crate) script: ScriptedChain,
    indexer: Indexer,
}

/// More than any test needs at once.
const TURNS: u16 = 64;

impl Place {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let pending = Arc::new(MemoryPending::default());
        let script = ScriptedChain::new(CHAIN, time(GENESIS));
        store.register_chain(CHAIN, "one").await.expect("a chain can be registered");
        let decimals = Decimals::new(18).expect("decimals of a test");
        let metadata = TokenMetadata { symbol: "TOK".to_owned(), decimals };
        let spec = TokenSpec { id: TOKEN, metadata, start_block: BlockNumber::new(0) };
        store.register_token(&spec).await.expect("a token can be registered");
        let programme = Programme::main(TOKEN, "0.05".parse().expect("a rate of a test"));
        store.put_programme(&programme, &operator()).await.expect("a programme can be put");
        let config = IndexerConfig {
            finality: Finality::Depth(CONFIRMATIONS),
            clock_slack: None,
            ..IndexerConfig::default()
        };
        let source = Arc::new(script.clone());
        let indexer = Indexer::new(CHAIN, source, store.clone(), pending.clone(), config);
        let mut place = Self { store, pending, script, indexer };
        place.mine(&[(ALICE, 100)]).await;
        place
    }

    /// Mines a block ten minutes after the one before, with mints to accounts, confirms it and indexes.
    pub(crate) async fn mine(&mut self, mints: &[(Address, u64)]) {
        self.mine_later(600, mints).await;
    }

    pub(crate) async fn mine_later(&mut self, seconds: u64, mints: &[(Address, u64)]) {
        let mints: Vec<_> = mints.iter().map(|(to, amount)| mint(*to, *amount)).collect();
        let at = self.script.head().time.get() + seconds;
        self.script.mine(time(at), &mints);
        for _ in 0..CONFIRMATIONS {
            self.script.mine(time(at), &[]);
        }
        self.index().await;
    }

    /// Replaces the newest blocks by others, one more than there were, so that the ledger goes back.
    pub(crate) async fn reorg(&mut self, blocks: u64, mints: &[(Address, u64)]) {
        let head = self.script.head();
        self.script.fork_at(head.number.get().saturating_sub(blocks).max(1));
        let mints: Vec<_> = mints.iter().map(|(to, amount)| mint(*to, *amount)).collect();
        self.script.mine(head.time, &mints);
        while self.script.head().number.get() <= head.number.get() {
            self.script.mine(head.time, &[]);
        }
        self.index().await;
    }

    pub(crate) async fn index(&mut self) {
        loop {
            match self.indexer.poll(SystemTime::now()).await {
                Poll::Advanced(_) | Poll::Rewound(_) => {}
                Poll::Idle => break,
                other => panic!("the chain does not go on: {other:?}"),
            }
        }
    }

    /// Settles every window that is closed.
    pub(crate) async fn settle(&self) {
        let settler =
            Settler::new(self.store.clone(), self.store.clone(), SettlerConfig::default());
        settler.run(TOKEN, &Stop::never(), |_| {}).await.expect("the store settles");
    }

    /// The id of the newest event.
    pub(crate) async fn newest(&self) -> EventSeq {
        self.store.kept_events().await.expect("the store answers").newest
    }

    pub(crate) fn parts(&self) -> LiveParts {
        let (store, turns) = (self.store.clone(), TURNS.try_into().expect("not zero"));
        let queries =
            Queries::new(store.clone(), store.clone(), store.clone(), self.pending.clone());
        LiveParts {
            events: store,
            queries,
            turns: Turns {
                admission: Admission::new(turns, 10_000),
                wait: Duration::from_secs(10),
            },
            authenticator: None,
            public_reads: true,
            origins: Arc::new(OwnOrigin),
            hints: None,
            limits: quick(),
        }
    }

    pub(crate) async fn serve(&self) -> Server {
        Server::begin(self.parts()).await
    }
}

/// The bounds of a server, with the waits of a test.
pub(crate) fn quick() -> LiveLimits {
    LiveLimits {
        look_every: Duration::from_millis(10),
        check_every: Duration::from_millis(20),
        reread_every: Duration::from_millis(200),
        ..LiveLimits::default()
    }
}

/// A hub with its routes on a port, until it is dropped.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Returns once it takes readers.
    pub(crate) async fn begin(parts: LiveParts) -> Self {
        let hub = Hub::new(parts);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port has an address");
        let app = Router::new().nest("/api/v1", routes(hub.clone()));
        let mut tasks = JoinSet::new();
        let running = hub.clone();
        tasks.spawn(async move { running.run().await });
        tasks.spawn(async move { axum::serve(listener, app).await.expect("a test serves") });
        hub.opened().await;
        Self { hub, address, _tasks: tasks }
    }

    /// Waits until this number of readers is there.
    pub(crate) async fn until_readers(&self, number: u64) {
        let waits = async {
            while self.hub.counts().readers != number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waits).await;
        assert!(waited.is_ok(), "{:?} and not {number} readers", self.hub.counts());
    }

    pub(crate) async fn stream(&self, topics: &str) -> Stream {
        Stream::open(self.address, &format!("topics={topics}"), &[]).await
    }

    pub(crate) async fn socket(&self) -> Socket {
        Socket::open(self.address, "/api/v1/ws", &[]).await.expect("a socket opens")
    }
}

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) async fn soon<T>(what: &str, waits: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, waits).await;
    waited.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

pub(crate) fn time(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).expect("a time of a test")
}

fn mint(to: Address, amount: u64) -> ScriptedTransfer {
    let (token, from) = (TOKEN.address, Address::ZERO);
    ScriptedTransfer { token, from, to, amount: Amount::from(amount) }
}

pub(crate) fn account_topic(account: Address) -> String {
    format!("account:{CHAIN}:{}:{account}", TOKEN.address)
}
