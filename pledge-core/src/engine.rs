//! The whole engine over one store: any number of chains, settled and queried together.
//!
//! [`Engine`] joins [`Indexer`](crate::indexer::Indexer), [`EdgeFinder`], [`Settler`], [`Dispatcher`] and [`Queries`] for a
//! program of yours. Like them it neither sleeps nor spawns: [`Engine::catch_up`] does what is due
//! and returns. Between two calls chains, tokens, contracts and programmes can be added.
//!
//! Its parts serve a driver of your own: [`Following`] takes one chain step by step and decides what
//! follows each, [`Registration`] makes known to a store what is followed, and a [`Route`] joins a
//! chain's sources with the [`Ports`] of a database.

mod builder;
mod error;
mod followed;
mod following;
mod next;
mod registration;
mod route;

use std::sync::Arc;
use std::time::SystemTime;

pub use builder::EngineBuilder;
pub use error::EngineError;
pub use followed::{FollowedChain, FollowedContract, FollowedToken};
pub use following::{Following, Indexed};
pub use next::{Failure, Moved, Next, Patience, StopReason};
pub use registration::{Registration, RegistrationError, Subject};
pub use route::{Ports, Route};

use followed::AskedChain;

use crate::audit::Attribution;
use crate::edges::{EdgeFinder, Finding};
use crate::error::ChainError;
use crate::indexer::Poll;
use crate::notify::Dispatcher;
use crate::points::{Programme, SettleReport, Settler, SettlerConfig};
use crate::ports::{BalanceStore, EventStore, LogStore, PendingCache, PointsStore};
use crate::query::Queries;
use crate::stop::Stop;
use crate::types::{ChainId, ContractId, TokenId};

/// A call does not wait, so what fails ends it at once; a chain may move under its indexer 16 times.
/// Bounded, so that one that moves at every step does not keep the others waiting.
const PATIENCE: Patience = Patience { failures: 1, passing: 17 };
/// Rewinds of one chain in a call, bounded for the same reason.
const REWINDS_MAX: u64 = 16;
/// Steps that a call takes to find edges: questions to a node that nobody waits for.
const EDGE_STEPS_MAX: usize = 16;

/// What a call of [`Engine::catch_up`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// The number of transfers folded into the ledger.
    pub transfers: u64,
    /// The number of contracts' logs kept.
    pub logs: u64,
    /// The number of reorgs that reached the ledger.
    pub reorgs: u64,
    /// What was settled, over all chains.
    pub settled: SettleReport,
    /// Halted and paused tokens; their status has the reason. `Registry::resume_token` makes one
    /// active again.
    pub halted: Vec<TokenId>,
    /// The number of events that notifiers took, duplicates included.
    pub delivered: u64,
    /// Whether a stop came before everything was done.
    pub stopped: bool,
}

impl CaughtUp {
    const fn add(&mut self, indexed: Indexed) {
        self.transfers += indexed.transfers;
        self.logs += indexed.logs;
        self.reorgs += indexed.reorgs;
    }
}

/// Follows chains into one store.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use std::time::{Duration, SystemTime};
/// # use pledge_core::audit::Attribution;
/// # use pledge_core::engine::{Engine, FollowedChain, FollowedToken};
/// # use pledge_core::ports::{
/// #     BalanceStore, ChainSource, EventStore, LogStore, PendingCache, PointsStore,
/// # };
/// # use pledge_core::stop::Stop;
/// # async fn follow(
/// #     store: Arc<impl BalanceStore + PointsStore + EventStore + LogStore>,
/// #     pending: Arc<dyn PendingCache>,
/// #     source: impl ChainSource,
/// #     usdx: FollowedToken,
/// #     stop: Stop,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let mut engine = Engine::builder(store, pending)
///     .follow(FollowedChain::new("sepolia", source).token(usdx))
///     .build(&Attribution::program("backend", SystemTime::now())?)
///     .await?;
/// loop {
///     // A failed step is retried: the next call continues from the state in the store.
///     if let Err(error) = engine.catch_up(SystemTime::now, &stop, |_, _| {}).await {
///         eprintln!("{error:?}");
///     }
///     tokio::time::sleep(Duration::from_secs(2)).await;
/// }
/// # }
/// ```
///
/// The crate's documentation has a whole program.
#[derive(Debug)]
pub struct Engine {
    ports: Ports,
    chains: Vec<Chain>,
    settler: Settler,
    dispatchers: Vec<Dispatcher>,
    queries: Queries,
}

impl Engine {
    /// An engine over a store that keeps ledger, points, events and logs. `pending` serves
    /// `pending_balance`.
    pub fn builder<S: BalanceStore + PointsStore + EventStore + LogStore>(
        store: Arc<S>,
        pending: Arc<dyn PendingCache>,
    ) -> EngineBuilder {
        EngineBuilder::new(Ports::of(store, pending))
    }

    /// An engine that follows nothing yet.
    fn over(ports: Ports, settling: SettlerConfig, dispatchers: Vec<Dispatcher>) -> Self {
        let Ports { balances, points, logs, pending, .. } = ports.clone();
        let settler = Settler::new(balances.clone(), points.clone(), settling);
        let queries = Queries::new(balances, points, logs, pending);
        Self { ports, chains: Vec::new(), settler, dispatchers, queries }
    }

    /// Exact answers. Clone it to query at any time and from any task.
    pub const fn queries(&self) -> &Queries {
        &self.queries
    }

    /// Follows one more chain, from the next call of [`Engine::catch_up`] on. Nothing is written
    /// before its source has answered. Idempotent in the store; a chain that this engine follows
    /// already is an error.
    pub async fn follow(
        &mut self,
        chain: FollowedChain,
        by: &Attribution,
    ) -> Result<ChainId, EngineError> {
        let asked = chain.ask().await?;
        let id = asked.id;
        if self.chain(id).is_ok() {
            return Err(EngineError::SameChain(id));
        }
        self.admit(asked, by).await?;
        Ok(id)
    }

    /// Follows one more token of a chain: it catches up alone, then joins the others. A token that
    /// is followed already gets these rates, if they leave what is settled as it is.
    pub async fn add_token(
        &mut self,
        chain: ChainId,
        token: FollowedToken,
        by: &Attribution,
    ) -> Result<TokenId, EngineError> {
        let Chain { name, following, route, finder } = found(&mut self.chains, chain)?;
        let halting = token.halting();
        let asked = token.ask(chain, &*route.source).await;
        let asked = asked.map_err(|source| EngineError::Source { name: name.clone(), source })?;
        if halting.is_some() {
            // An indexer knows these tokens from its start; what it remembers it reads again. Before the
            // token is registered: a call that ends there must not leave it followed without its halt.
            route.halting_on_unreadable.extend(halting);
            following.go_on_by(route.indexer(chain, &self.ports));
        }
        asked.register(Registration::new(&self.ports), by).await?;
        *finder = route.finder(chain, &self.ports);
        Ok(asked.spec.id)
    }

    /// Keeps the logs of one more contract of a chain, from its start block on.
    pub async fn add_contract(
        &mut self,
        chain: ChainId,
        contract: FollowedContract,
    ) -> Result<ContractId, EngineError> {
        let spec = self.chain(chain).and_then(|_| Ok(contract.spec(chain)?))?;
        Registration::new(&self.ports).contract(&spec).await?;
        Ok(spec.id)
    }

    /// Puts one more programme on a token, which earns from its first block on; or changes a
    /// programme's rates after what is settled. Either is recorded with who it is by.
    pub async fn add_programme(
        &mut self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), EngineError> {
        let id = programme.id.token.chain;
        let Chain { route, finder, .. } = found(&mut self.chains, id)?;
        Registration::new(&self.ports).programme(programme, by).await?;
        // A finder that has found every edge rests until the chain moves, and this one has edges too.
        *finder = route.finder(id, &self.ports);
        Ok(())
    }

    fn chain(&self, id: ChainId) -> Result<&Chain, EngineError> {
        let found = self.chains.iter().find(|chain| chain.following.chain() == id);
        found.ok_or(EngineError::UnknownChain(id))
    }

    /// Registers a chain whose source has answered, and follows it.
    async fn admit(&mut self, asked: AskedChain, by: &Attribution) -> Result<(), EngineError> {
        asked.register(Registration::new(&self.ports), by).await?;
        let AskedChain { id, name, route, .. } = asked;
        let following = Following::new(route.indexer(id, &self.ports), PATIENCE);
        let finder = route.finder(id, &self.ports);
        self.chains.push(Chain { name, following, finder, route });
        Ok(())
    }

    /// Brings every chain to its newest confirmed block, settles every closed window, and notifies
    /// the notifiers.
    ///
    /// `now` is the wall clock, `SystemTime::now` in a program: it bounds the times of blocks and
    /// decides no amount. `progress` is called after every step. Dropping the future, or `stop`, is
    /// safe at any point: the next call continues from the state in the store.
    ///
    /// A chain that fails does not keep the others from catching up: all are tried, each one's
    /// status is in the store, and the first error is returned. A token that halts is no error: it
    /// is listed. Notifiers are called in any case, each independently of the others. Some edges of
    /// closed windows are searched for in each call; one that is not found is searched for again and
    /// is no error.
    pub async fn catch_up(
        &mut self,
        now: impl Fn() -> SystemTime + Send,
        stop: &Stop,
        mut progress: impl FnMut(ChainId, &Poll) + Send,
    ) -> Result<CaughtUp, EngineError> {
        let mut sum = CaughtUp::default();
        let mut outcome = Ok(());
        // A chain is settled and listed even if its indexer failed: windows that closed before stay
        // due.
        for Chain { following, finder, .. } in &mut self.chains {
            let chain = following.chain();
            let indexed = index(following, &now, stop, &mut progress).await;
            sum.add(following.indexed());
            if let Ok(stopped) = &indexed {
                sum.stopped |= stopped;
                find_edges(finder, &now, stop).await;
            }
            let indexed = indexed.map(|_| ());
            let settled = settle(&self.settler, chain, stop, &mut sum).await;
            let listed = list_halted(&self.queries, chain, &mut sum).await;
            outcome = outcome.and(indexed).and(settled).and(listed);
        }
        for dispatcher in &self.dispatchers {
            match dispatcher.drain(stop).await {
                Ok(drained) => {
                    sum.delivered += drained.delivered;
                    sum.stopped |= drained.more_due;
                }
                Err(source) => {
                    let consumer = dispatcher.consumer().clone();
                    outcome = outcome.and(Err(EngineError::Notify { consumer, source }));
                }
            }
        }
        outcome.map(|()| sum)
    }
}

/// One chain, and how it is followed.
#[derive(Debug)]
struct Chain {
    name: String,
    following: Following,
    finder: EdgeFinder,
    route: Route,
}

fn found(chains: &mut [Chain], id: ChainId) -> Result<&mut Chain, EngineError> {
    let mut chains = chains.iter_mut();
    chains.find(|chain| chain.following.chain() == id).ok_or(EngineError::UnknownChain(id))
}

/// Indexes up to the newest confirmed block; whether a stop came before.
async fn index(
    following: &mut Following,
    now: &(impl Fn() -> SystemTime + Send),
    stop: &Stop,
    progress: &mut (impl FnMut(ChainId, &Poll) + Send),
) -> Result<bool, EngineError> {
    let chain = following.chain();
    following.begin();
    while !stop.is_requested() {
        match following.step(now(), |poll| progress(chain, poll)).await {
            // Each slice and each failure between two rewinds begins the other counts again.
            Next::Again(Moved::Back(_)) if following.indexed().reorgs >= REWINDS_MAX => {
                let detail = format!(
                    "it was rewound {REWINDS_MAX} times in one call: its node shows one branch and then another"
                );
                let source = ChainError::transient("follow the chain", detail).into();
                return Err(EngineError::Index { chain, source });
            }
            // Not waited for: what only passes may be over at the next step.
            Next::Again(_) | Next::Wait(_) => {}
            Next::Rest => return Ok(false),
            Next::Stop(reason) => return Err(reason.of(chain)),
        }
    }
    Ok(true)
}

async fn find_edges(finder: &mut EdgeFinder, now: &(impl Fn() -> SystemTime + Send), stop: &Stop) {
    for _ in 0..EDGE_STEPS_MAX {
        if stop.is_requested() || !matches!(finder.step(now()).await, Ok(Finding::Advanced)) {
            return;
        }
    }
}

async fn settle(
    settler: &Settler,
    chain: ChainId,
    stop: &Stop,
    sum: &mut CaughtUp,
) -> Result<(), EngineError> {
    let report = settler.settle_chain(chain, stop, |_| {}).await;
    let report = report.map_err(|source| EngineError::Settle { chain, source })?;
    sum.settled = sum.settled.plus(&report);
    sum.stopped |= report.stopped;
    Ok(())
}

async fn list_halted(
    queries: &Queries,
    chain: ChainId,
    sum: &mut CaughtUp,
) -> Result<(), EngineError> {
    let tokens = queries.ledger().tokens(chain).await?;
    let halted = tokens.iter().filter(|token| !token.is_active());
    sum.halted.extend(halted.map(|token| token.spec.id));
    Ok(())
}
