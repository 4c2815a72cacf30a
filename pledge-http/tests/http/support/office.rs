//! A world with users: the routes behind their gatekeeper, over one database for engine and office.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use pledge_access::JwtTokens;
use pledge_core::audit::{Actor, ActorKind, Attribution};
use pledge_core::engine::Ports;
use pledge_core::error::ChainError;
use pledge_core::event::ReorgRecord;
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, RewindPlan};
use pledge_core::operate::{OperateError, Rewinder};
use pledge_core::simulation::ScriptedChain;
use pledge_core::types::{ChainId, ProgrammeId, Timestamp};
use pledge_http::access::{self, AccessApi, BackgroundActs, Gatekeeper, Operator, RequestOrigin};
use pledge_http::{probes, service_over};
use pledge_office::access::{
    Authenticator, By, Expected, GivenGrants, NewUser, Nonces, Password, PasswordHash, Passwords,
    PasswordsError, Profile, Purpose, RefreshTimes, Registration, RoleName, Secrets, SessionParts,
    Sessions, SignIn, SignInParts, User, UserId, UserName, UserWrites, Wallets,
};
use pledge_office::base::{Random, WallClock};
use pledge_storage_memory::MemoryPending;
use pledge_storage_sqlite::SqliteStore;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::{CONFIRMATIONS, Stores, World, body_of};
use crate::worlds::{MINUTE, THREE_PM, TOKEN};

pub(crate) const PASSWORD: &str = "correct horse battery";
const SECRET: &str = "a secret of thirty-two bytes: 123456";

/// A world with users, and the API over it.
pub(crate) struct Office {
    pub(crate) world: World,
    /// Lets one rewind of an office that `waits` begin for each permit.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) store: SqliteStore,
    pub(crate) api: AccessApi,
    pub(crate) router: Router,
    _folder: TempDir,
}

/// Bytes that count up from call to call, so that examples are the same in each run.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let call = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().zip(call.iter().rev().cycle()).for_each(|(byte, of)| *byte = *of);
    }
}

/// Passwords that are kept as they are: what they cost is no matter of the routes.
#[derive(Debug)]
struct PlainPasswords;

fn hash_of(password: &str) -> PasswordHash {
    let hex = pledge_core::primitives::hex::encode(password);
    PasswordHash::new(&format!("$plain${hex}")).expect("a short text")
}

#[async_trait]
impl Passwords for PlainPasswords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError> {
        Ok(hash_of(password.expose()))
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        Ok(hash.is_some_and(|hash| *hash == hash_of(password.expose())))
    }

    fn is_outdated(&self, _: &PasswordHash) -> bool {
        false
    }
}

#[derive(Debug)]
struct Machine;

impl WallClock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::of_clock(SystemTime::now()).expect("the clock of a test")
    }
}

/// Goes back over the scripted chains of a world.
#[derive(Debug)]
struct OverScripts {
    ports: Ports,
    chains: BTreeMap<ChainId, ScriptedChain>,
    is_away: bool,
    /// What it waits for first.
    gate: Option<Arc<Semaphore>>,
}

#[async_trait]
impl Rewinder for OverScripts {
    async fn rewind(
        &self,
        plan: &RewindPlan,
        by: &Attribution,
    ) -> Result<ReorgRecord, OperateError> {
        let Self { ports, chains, is_away, gate } = self;
        if let Some(gate) = gate {
            gate.acquire().await.expect("it is never closed").forget();
        }
        if *is_away {
            let error = ChainError::transient("read a block", "no node answers");
            return Err(OperateError::Rewind(error.into()));
        }
        let chain = chains.get(&plan.chain).ok_or(OperateError::NoNode(plan.chain))?.clone();
        let Ports { balances, pending, logs, .. } = ports.clone();
        let finality = Finality::Depth(CONFIRMATIONS);
        let config = IndexerConfig { finality, clock_slack: None, ..IndexerConfig::default() };
        let indexer = Indexer::new(plan.chain, Arc::new(chain), balances, pending, config);
        let mut indexer = indexer.keeping_logs(logs);
        indexer.rewind_as_planned(plan, by).await.map_err(OperateError::Rewind)
    }
}

/// How an office is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) registration: Registration,
    pub(crate) public_reads: bool,
    /// Whether anybody can sign in.
    pub(crate) is_configured: bool,
    /// Whether no node answers.
    pub(crate) is_away: bool,
    /// Whether a rewind waits at [`Office::gate`].
    pub(crate) waits: bool,
    /// How long a request waits for the end of a rewind.
    pub(crate) patience: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            registration: Registration::Closed,
            public_reads: true,
            is_configured: true,
            is_away: false,
            waits: false,
            patience: Duration::from_secs(30),
        }
    }
}

impl Office {
    pub(crate) async fn new() -> Self {
        Self::with(Rules::default()).await
    }

    pub(crate) async fn with(rules: Rules) -> Self {
        Self::played(rules, async |_: &mut World| Vec::new()).await
    }

    /// One whose only chain is paused, and an operator's access token.
    pub(crate) async fn paused(rules: Rules) -> (Self, String) {
        let office = Self::played(rules, async |world: &mut World| {
            world.chain(1, THREE_PM).await;
            world.token(1, TOKEN, 18).await;
            world.advance(1, THREE_PM + MINUTE).await;
            Vec::new()
        })
        .await;
        let operator = office.signed_in("olga", "operator").await;
        let because = Some(json!({ "reason": "a deep fork" }));
        office.ok(Some(&operator), "POST", "/chains/1/pause", because).await;
        (office, operator)
    }

    /// An office around a world that is played first, with the programmes that a configuration declares.
    pub(crate) async fn played(
        rules: Rules,
        play: impl AsyncFnOnce(&mut World) -> Vec<ProgrammeId>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("office.db").display());
        let store = SqliteStore::open(&url).await.expect("a fresh database");
        let pending = Arc::new(MemoryPending::default());
        let shared = Arc::new(store.clone());
        let mut world = World::over(Stores::of(shared.clone(), pending.clone()));
        let declared = play(&mut world).await.into_iter().collect();
        let ports = Ports::of(shared.clone(), pending);
        let random: Arc<dyn Random> = Arc::new(Counting::default());
        let sign_in =
            rules.is_configured.then(|| Arc::new(sign_in(&store, &random, rules.registration)));
        let authenticator = sign_in
            .as_ref()
            .map(|sign_in| Arc::new(sign_in.sessions().clone()) as Arc<dyn Authenticator>);
        let gate = Arc::new(Semaphore::new(0));
        let rewinder = Arc::new(OverScripts {
            ports: ports.clone(),
            chains: world.scripts(),
            is_away: rules.is_away,
            gate: rules.waits.then(|| gate.clone()),
        });
        let background = BackgroundActs::new(rules.patience);
        let api = AccessApi {
            store: shared.clone(),
            sign_in,
            audit: shared,
            operator: Operator { ports, rewinder, background, declared },
            queries: world.api.queries.clone(),
            random,
            clock: || UNIX_EPOCH + Duration::from_secs(super::CLOCK),
        };
        let keeper = Gatekeeper { authenticator, public_reads: rules.public_reads, watch: None };
        let router = service_of(&world, &api, &keeper);
        Self { world, gate, store, api, router, _folder: folder }
    }

    /// Takes back what a plan has, whatever waits at the gate.
    pub(crate) async fn rewind_at_once(&self, plan: &RewindPlan, by: &Attribution) {
        let (ports, chains) = (self.api.operator.ports.clone(), self.world.scripts());
        let rewinder = OverScripts { ports, chains, is_away: false, gate: None };
        rewinder.rewind(plan, by).await.expect("the plan fits");
    }

    /// The same routes behind another gatekeeper.
    pub(crate) fn kept_by(&self, keeper: &Gatekeeper) -> Router {
        service_of(&self.world, &self.api, keeper)
    }

    /// A user with [`PASSWORD`] and a role everywhere.
    pub(crate) async fn user(&self, name: &str, role: &str) -> User {
        let mut bytes = [0; 16];
        self.api.random.fill(&mut bytes);
        self.user_of(UserId::from_bytes(bytes), name, role).await
    }

    /// The same, of an id.
    pub(crate) async fn user_of(&self, id: UserId, name: &str, role: &str) -> User {
        let actor = Actor::new(ActorKind::CommandLine, "root").expect("a short name");
        let by = By::machine(Attribution::new(actor, super::time(super::CLOCK)));
        let user = NewUser {
            id,
            profile: Profile {
                name: Some(UserName::new(name).expect("a name of a test")),
                ..Profile::default()
            },
            password: Some(hash_of(PASSWORD)),
            wallets: Vec::new(),
        };
        let role = RoleName::new(role).expect("a role of a test");
        let made = self.store.create_user(&user, &GivenGrants::everywhere(role), &by).await;
        made.expect("a user can be made")
    }

    /// The tokens of a user that signs in.
    pub(crate) async fn tokens(&self, name: &str) -> Value {
        let body = json!({ "name": name, "password": PASSWORD });
        self.ok(None, "POST", "/auth/password", Some(body)).await
    }

    /// The access token of a new user with a role.
    pub(crate) async fn signed_in(&self, name: &str, role: &str) -> String {
        self.user(name, role).await;
        self.token(name).await
    }

    /// The access token of a user that signs in.
    pub(crate) async fn token(&self, name: &str) -> String {
        text(&self.tokens(name).await["access_token"])
    }

    /// The answer to a request, of which each has an idempotency key of its own.
    pub(crate) async fn ask(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let key = fresh_key();
        let response = self.send(token, method, path, &key, body).await;
        let status = response.status();
        (status, body_of(response).await)
    }

    /// The answer to a request, which must be 200.
    pub(crate) async fn ok(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let (status, answer) = self.ask(token, method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answer
    }

    /// The code of the problem that a request is, with its status.
    pub(crate) async fn refused(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, String) {
        let (status, problem) = self.ask(token, method, path, body).await;
        assert!(status.as_u16() >= 400, "{method} {path}: {problem}");
        (status.as_u16(), text(&problem["code"]))
    }

    /// A request below the API, with its headers.
    pub(crate) async fn send(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Response<Body> {
        let request = request(token, method, path, key, body);
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }
}

fn service_of(world: &World, api: &AccessApi, keeper: &Gatekeeper) -> Router {
    let routes = access::guarded(world.api.clone(), keeper);
    let routes = routes.merge(access::routes(api.clone(), keeper));
    service_over(routes, probes(world.health.clone()), &access::openapi_of_service())
}

/// A request below the API as a host passes it on: with where it is from.
pub(crate) fn request(
    token: Option<&str>,
    method: &str,
    path: &str,
    key: &str,
    body: Option<Value>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if method != "GET" {
        request = request.header("idempotency-key", key);
    }
    request = request.header(header::USER_AGENT, "test/1");
    let origin = RequestOrigin {
        address: "198.51.100.7".parse().expect("an address"),
        request: "req-1".parse().expect("a short id"),
    };
    request = request.extension(origin);
    let request = match body {
        None => request.body(Body::empty()),
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
    };
    request.expect("a request of a test")
}

/// An idempotency key that no other request of these tests has.
pub(crate) fn fresh_key() -> String {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    format!("test-{:08}", KEYS.fetch_add(1, Ordering::Relaxed))
}

fn sign_in(store: &SqliteStore, random: &Arc<dyn Random>, registration: Registration) -> SignIn {
    let secrets = Secrets::new(&[SECRET]).expect("a long secret");
    let wallets = Wallets::new(BTreeMap::new());
    let sessions = Sessions::new(SessionParts {
        store: Arc::new(store.clone()),
        tokens: Arc::new(JwtTokens::new(&secrets.keys(Purpose::AccessToken), "app.example")),
        wallets: wallets.clone(),
        refresh_keys: secrets.keys(Purpose::RefreshToken),
        times: RefreshTimes::USUAL,
        random: random.clone(),
        clock: Arc::new(Machine),
    });
    let expected = Expected {
        scheme: "https".to_owned(),
        domain: "app.example".to_owned(),
        chains: Vec::new(),
    };
    let parts = SignInParts {
        store: Arc::new(store.clone()),
        passwords: Arc::new(PlainPasswords),
        wallets,
        nonces: Nonces::new(secrets.keys(Purpose::Nonce)),
        expected,
        registration,
        random: random.clone(),
        clock: Arc::new(Machine),
    };
    SignIn::new(parts, sessions)
}

/// The text of a member.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
