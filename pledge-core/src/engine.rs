//! The whole engine over one store: any number of chains, settled and queried together.
//!
//! [`Engine`] joins [`Indexer`], [`EdgeFinder`], [`Settler`], [`Dispatcher`] and [`Queries`] for a
//! program of yours. Like them it neither sleeps nor spawns: [`Engine::catch_up`] does what is due
//! and returns.

mod builder;

use std::sync::Arc;
use std::time::SystemTime;

pub use builder::{EngineBuilder, FollowedChain, FollowedContract, FollowedToken};

use crate::edges::{EdgeFinder, Finding};
use crate::error::{ChainError, StoreError};
use crate::event::Consumer;
use crate::indexer::{ChainStatus, Indexer, IndexerError, Poll};
use crate::notify::{DispatchError, Dispatcher};
use crate::points::{SettleReport, Settler, SettlerError};
use crate::ports::{BalanceStore, EventStore, LogStore, PendingCache, PointsStore};
use crate::query::Queries;
use crate::stop::Stop;
use crate::types::{ChainId, ContractId, OutOfRange, TokenId};

/// How often in a row a chain may move under its indexer before a call gives up.
const MOVED_MAX: usize = 16;
/// Steps that a call takes to find edges: questions to a node that nobody waits for.
const EDGE_STEPS_MAX: usize = 16;

/// Why the engine could not be built, or a chain did not catch up.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A chain source had no answer about its chain or a token.
    #[error("chain {name} cannot be followed")]
    Source {
        /// The chain's name.
        name: String,
        /// The error that the source returned.
        source: ChainError,
    },
    /// Two sources have the same chain id.
    #[error("chain id {0} is followed twice: put both tokens into one FollowedChain")]
    SameChain(ChainId),
    /// A token is followed twice: it is unclear which of its rates counts.
    #[error("token {0} is followed twice: follow it once")]
    SameToken(TokenId),
    /// A contract is followed twice under one name: it is unclear which logs are kept.
    #[error("contract {0} is followed twice: give each a name of its own")]
    SameContract(ContractId),
    /// A contract's name cannot be one.
    #[error("a contract cannot be followed under this name")]
    ContractName(#[from] OutOfRange),
    /// Two notifiers share one position: an event delivered to one would be missed by the other.
    #[error("two notifiers are named {0}: give each a name of its own")]
    SameConsumer(Consumer),
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A chain did not advance. The step wrote nothing: wait, and catch up again.
    #[error("chain {chain} did not advance")]
    Index {
        /// The chain that did not advance.
        chain: ChainId,
        /// Why its indexer failed.
        source: IndexerError,
    },
    /// A chain is paused or halted until `Registry::resume_chain`.
    #[error("chain {chain} is {status}")]
    Latched {
        /// The chain that was stopped.
        chain: ChainId,
        /// Paused or halted, with the reason.
        status: ChainStatus,
    },
    /// A chain's closed windows are not settled: catch up again.
    #[error("chain {chain} is not settled")]
    Settle {
        /// The chain whose windows are not settled.
        chain: ChainId,
        /// Why its settler failed.
        source: SettlerError,
    },
    /// A notifier did not receive every event: the rest stays due, catch up again.
    #[error("consumer {consumer} did not receive every event")]
    Notify {
        /// Name of the notifier.
        consumer: Consumer,
        /// Why its delivery failed.
        source: DispatchError,
    },
}

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
    /// Halted tokens; their status has the reason. `Registry::resume_token` makes one active
    /// again.
    pub halted: Vec<TokenId>,
    /// The number of events that notifiers took, duplicates included.
    pub delivered: u64,
    /// Whether a stop came before everything was done.
    pub stopped: bool,
}

/// Follows chains into one store.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use std::time::{Duration, SystemTime};
/// # use pledge_core::engine::{Engine, EngineError, FollowedChain, FollowedToken};
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
/// # ) -> Result<(), EngineError> {
/// let mut engine = Engine::builder(store, pending)
///     .follow(FollowedChain::new("sepolia", source).token(usdx))
///     .build()
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
    indexers: Vec<(Indexer, EdgeFinder)>,
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
        EngineBuilder::new(store.clone(), store.clone(), store.clone(), store, pending)
    }

    /// Exact answers. Clone it to query at any time and from any task.
    pub const fn queries(&self) -> &Queries {
        &self.queries
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
        for (indexer, finder) in &mut self.indexers {
            let indexed = index(indexer, &now, stop, &mut progress, &mut sum).await;
            if indexed.is_ok() {
                find_edges(finder, &now, stop).await;
            }
            let settled = settle(&self.settler, indexer.chain(), stop, &mut sum).await;
            let listed = list_halted(&self.queries, indexer.chain(), &mut sum).await;
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

async fn index(
    indexer: &mut Indexer,
    now: &(impl Fn() -> SystemTime + Send),
    stop: &Stop,
    progress: &mut (impl FnMut(ChainId, &Poll) + Send),
    sum: &mut CaughtUp,
) -> Result<(), EngineError> {
    let chain = indexer.chain();
    let mut moved = 0;
    while !stop.is_requested() {
        let poll = indexer.poll(now()).await;
        progress(chain, &poll);
        match poll {
            Poll::Advanced(slice) => {
                sum.transfers += slice.transfers;
                sum.logs += slice.logs;
            }
            Poll::Rewound(_) => sum.reorgs += 1,
            Poll::Idle => return Ok(()),
            // Bounded, so that a chain that moves at every poll does not keep the others waiting.
            Poll::Retry(error) if error.is_passing() && moved < MOVED_MAX => {
                moved += 1;
                continue;
            }
            Poll::Retry(source) => return Err(EngineError::Index { chain, source }),
            Poll::Stopped(status) => return Err(EngineError::Latched { chain, status }),
        }
        moved = 0;
    }
    sum.stopped = true;
    Ok(())
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
