//! A test world: scripted chains, any stores, and the API over them, all in this process.

mod away;
mod no_standings;
#[cfg(feature = "access")]
pub(crate) mod office;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

pub(crate) use no_standings::NoStandings;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use pledge_core::edges::{EdgeFinder, Finding};
use pledge_core::error::StoreErrorKind;
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenMetadata, TokenSpec};
use pledge_core::points::{Programme, SettleReport, Settler, SettlerConfig};
use pledge_core::ports::{BalanceStore, LogStore, PendingCache, PointsStore};
use pledge_core::primitives::{Address, U256, address};
use pledge_core::query::Queries;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{Amount, BlockNumber, ChainId, Decimals, Timestamp, TokenId};
use pledge_http::{
    Api, Health, Incident, Part, PartState, Process, Pulse, openapi_of_service, public_probes,
    router, service, service_over,
};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::world::operator;
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const ALICE: Address = address!("0xa11ce00000000000000000000000000000000001");
pub(crate) const BOB: Address = address!("0xb0b0000000000000000000000000000000000002");

/// The clock of the API, in unix seconds: an hour and a minute after the hour of most worlds began.
pub(crate) const CLOCK: u64 = 1_767_625_200 + 3_660;

/// Blocks above a confirmed one.
pub(crate) const CONFIRMATIONS: u64 = 2;

/// One or two handles on one store.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) balances: Arc<dyn BalanceStore>,
    pub(crate) points: Arc<dyn PointsStore>,
    pub(crate) logs: Arc<dyn LogStore>,
    pub(crate) pending: Arc<dyn PendingCache>,
}

impl Stores {
    pub(crate) fn in_memory() -> Self {
        let pending = Arc::new(MemoryPending::default());
        Self::of(Arc::new(MemoryStore::new()), pending)
    }

    pub(crate) fn of<S: BalanceStore + PointsStore + LogStore>(
        store: Arc<S>,
        pending: Arc<dyn PendingCache>,
    ) -> Self {
        Self { balances: store.clone(), points: store.clone(), logs: store, pending }
    }

    /// A ledger that cannot be reached.
    pub(crate) fn away() -> Self {
        Self::failing(StoreErrorKind::Unavailable)
    }

    /// A ledger of which every read fails in this way.
    pub(crate) fn failing(kind: StoreErrorKind) -> Self {
        Self { balances: Arc::new(away::Away(kind)), ..Self::in_memory() }
    }
}

/// What a process shows of itself, as a test sets it.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) incidents: Mutex<Vec<Incident>>,
    pub(crate) redis: Mutex<Option<PartState>>,
    pub(crate) is_ending: AtomicBool,
}

impl Process for Shown {
    fn incidents(&self) -> Vec<Incident> {
        self.incidents.lock().expect("no holder panics").clone()
    }

    fn parts(&self) -> Vec<Part> {
        vec![Part { name: "redis", state: *self.redis.lock().expect("no holder panics") }]
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }
}

/// Scripted chains, indexed and settled into some stores, and the API over them.
pub(crate) struct World {
    pub(crate) stores: Stores,
    pub(crate) pulse: Pulse,
    pub(crate) process: Arc<Shown>,
    chains: BTreeMap<ChainId, (ScriptedChain, Indexer, EdgeFinder)>,
    pub(crate) api: Api,
    pub(crate) health: Health,
    router: Router,
}

impl World {
    pub(crate) fn over(stores: Stores) -> Self {
        let Stores { balances, points, logs, pending } = stores.clone();
        let queries = Queries::new(balances, points, logs, pending);
        let pulse = Pulse::new(stores.balances.clone(), stores.logs.clone());
        let process = Arc::new(Shown::default());
        let clock = || UNIX_EPOCH + Duration::from_secs(CLOCK);
        let health = Health { pulse: pulse.clone(), process: process.clone(), clock };
        let api = Api { queries, clock };
        Self {
            router: service(api.clone(), health.clone()),
            api,
            health,
            pulse,
            process,
            stores,
            chains: BTreeMap::new(),
        }
    }

    pub(crate) fn in_memory() -> Self {
        Self::over(Stores::in_memory())
    }

    /// The scripts of its chains.
    #[cfg(feature = "access")]
    pub(crate) fn scripts(&self) -> BTreeMap<ChainId, ScriptedChain> {
        self.chains.iter().map(|(id, (script, ..))| (*id, script.clone())).collect()
    }

    /// With a chain whose genesis block has a time.
    pub(crate) async fn chain(&mut self, id: u64, genesis: u64) -> ScriptedChain {
        let chain = ChainId::new(id);
        let script = ScriptedChain::new(chain, time(genesis));
        let name = format!("chain-{id}");
        let registered = self.stores.balances.register_chain(chain, &name).await;
        registered.expect("a chain can be registered");
        let config = IndexerConfig {
            finality: Finality::Depth(CONFIRMATIONS),
            clock_slack: None,
            ..IndexerConfig::default()
        };
        let indexer = Indexer::new(
            chain,
            Arc::new(script.clone()),
            self.stores.balances.clone(),
            self.stores.pending.clone(),
            config,
        );
        let (balances, points) = (self.stores.balances.clone(), self.stores.points.clone());
        let finder = EdgeFinder::new(chain, Arc::new(script.clone()), balances, points);
        self.chains.insert(chain, (script.clone(), indexer, finder));
        script
    }

    /// With a token from genesis on, without programme.
    pub(crate) async fn token(&self, chain: u64, address: Address, decimals: u8) -> TokenId {
        let id = TokenId { chain: ChainId::new(chain), address };
        let spec = TokenSpec {
            id,
            metadata: TokenMetadata {
                symbol: "TOK".to_owned(),
                decimals: Decimals::new(decimals).expect("decimals of a test"),
            },
            start_block: BlockNumber::new(0),
        };
        let registered = self.stores.balances.register_token(&spec).await;
        registered.expect("a token can be registered").spec.id
    }

    /// With a token that earns by programme `main`.
    pub(crate) async fn earning(
        &self,
        chain: u64,
        address: Address,
        decimals: u8,
        rate: &str,
    ) -> TokenId {
        let token = self.token(chain, address, decimals).await;
        let rate = rate.parse().expect("a rate of a test");
        self.programme(&Programme::main(token, rate)).await;
        token
    }

    pub(crate) async fn programme(&self, programme: &Programme) {
        let put = self.stores.points.put_programme(programme, &operator()).await;
        put.expect("a programme can be put");
    }

    /// Indexes every chain up to its confirmed block, and finds the edges of the windows that closed.
    pub(crate) async fn index(&mut self) {
        self.index_alone().await;
        for (.., finder) in self.chains.values_mut() {
            let now = std::time::SystemTime::now();
            while finder.step(now).await.expect("the chain answers") == Finding::Advanced {}
        }
    }

    /// Indexes every chain up to its confirmed block.
    pub(crate) async fn index_alone(&mut self) {
        for (_, indexer, _) in self.chains.values_mut() {
            loop {
                match indexer.poll(std::time::SystemTime::now()).await {
                    Poll::Advanced(_) | Poll::Rewound(_) => {}
                    Poll::Idle => break,
                    other => panic!("the chain does not go on: {other:?}"),
                }
            }
        }
    }

    /// Confirms the newest block of every chain by mining empty ones on it in the same second, then
    /// indexes.
    pub(crate) async fn confirm(&mut self) {
        for (script, ..) in self.chains.values() {
            for _ in 0..CONFIRMATIONS {
                script.mine(script.head().time, &[]);
            }
        }
        self.index().await;
    }

    /// Mines an empty block on a chain at a time, and confirms it.
    pub(crate) async fn advance(&mut self, chain: u64, at: u64) {
        let (script, ..) = &self.chains[&ChainId::new(chain)];
        script.mine(time(at), &[]);
        self.confirm().await;
    }

    /// Settles every window that is closed.
    pub(crate) async fn settle(&self, token: TokenId) -> SettleReport {
        self.settle_until(token, |_| false).await
    }

    /// Settles closed windows, and stops after the batch for which `enough` is true.
    pub(crate) async fn settle_until(
        &self,
        token: TokenId,
        mut enough: impl FnMut(&SettleReport) -> bool + Send,
    ) -> SettleReport {
        let (balances, points) = (self.stores.balances.clone(), self.stores.points.clone());
        let settler = Settler::new(balances, points, SettlerConfig::default());
        let stop = Stop::never();
        let progress = |report: &SettleReport| {
            if enough(report) {
                stop.request();
            }
        };
        let run = settler.run(token, &stop, progress).await;
        run.expect("the store settles")
    }

    /// The answer of a path.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self.send("GET", path).await;
        let status = response.status();
        let expected =
            if status.is_success() { "application/json" } else { "application/problem+json" };
        assert_eq!(response.headers()[header::CONTENT_TYPE], expected, "{path}");
        (status, body_of(response).await)
    }

    /// The JSON answer of a path, with any status.
    pub(crate) async fn json(&self, path: &str) -> (StatusCode, Value) {
        let response = self.send("GET", path).await;
        (response.status(), body_of(response).await)
    }

    /// The answer of a path, which must be 200.
    pub(crate) async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// The problem document of a path, which must have the status.
    pub(crate) async fn problem(&self, path: &str, expected: u16) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status.as_u16(), expected, "{path}: {body}");
        assert_eq!(body["status"], expected, "{path}");
        for member in ["type", "title", "detail"] {
            assert!(body[member].is_string(), "{path}: {member} of {body}");
        }
        body
    }

    pub(crate) async fn send(&self, method: &str, path: &str) -> Response<Body> {
        send(self.router.clone(), method, path, &[]).await
    }

    /// The answer to a GET with some headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        send(self.router.clone(), "GET", path, headers).await
    }

    /// The answer where anybody may reach the routes, with any status.
    pub(crate) async fn public(&self, path: &str) -> (u16, Value) {
        let (routes, probes) = (router(self.api.clone()), public_probes(self.health.clone()));
        let router = service_over(routes, probes, &openapi_of_service());
        let request = Request::get(path).body(Body::empty()).expect("a request of a test");
        let answer = router.oneshot(request).await.expect("the router never fails");
        (answer.status().as_u16(), body_of(answer).await)
    }

    /// Every item of a list, read in pages of `limit`.
    pub(crate) async fn walk(&self, path: &str, limit: usize) -> Vec<Value> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{separator}limit={limit}");
        let mut items = Vec::new();
        let mut next = Some(first.clone());
        while let Some(path) = next {
            let page = self.ok(&path).await;
            let page_items = page["items"].as_array().expect("a page has items");
            assert!(page_items.len() <= limit, "{path}");
            items.extend(page_items.iter().cloned());
            let cursor = page["next_cursor"].as_str();
            next = cursor.map(|cursor| format!("{first}&cursor={cursor}"));
        }
        items
    }
}

/// The answer of a router to a request with some headers.
pub(crate) async fn send(
    router: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Response<Body> {
    let request = Request::builder().method(method).uri(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Body::empty()).expect("a request of a test");
    router.oneshot(request).await.expect("the router never fails")
}

pub(crate) async fn body_of(response: Response<Body>) -> Value {
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    serde_json::from_slice(&body.expect("a body in memory")).expect("every answer is JSON")
}

/// The path of a token.
pub(crate) fn token_path(token: TokenId) -> String {
    format!("/api/v1/chains/{}/tokens/{}", token.chain, token.address)
}

/// The path of an account on a token.
pub(crate) fn account_path(token: TokenId, account: Address) -> String {
    format!("{}/accounts/{account}", token_path(token))
}

pub(crate) fn time(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).expect("a time of a test")
}

/// Base units of whole tokens with 18 decimals.
pub(crate) fn whole(tokens: u64) -> Amount {
    Amount::new(U256::from(tokens) * U256::from(10).pow(U256::from(18)))
}

pub(crate) fn transfer(
    token: TokenId,
    from: Address,
    to: Address,
    amount: Amount,
) -> ScriptedTransfer {
    ScriptedTransfer { token: token.address, from, to, amount }
}

pub(crate) fn mint(token: TokenId, to: Address, amount: Amount) -> ScriptedTransfer {
    transfer(token, Address::ZERO, to, amount)
}
