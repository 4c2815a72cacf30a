//! The ports of one database, and the way of one chain into it.

use std::sync::Arc;

use alloy_primitives::Address;

use crate::edges::EdgeFinder;
use crate::indexer::{Indexer, IndexerConfig};
use crate::ports::{BalanceStore, ChainSource, EventStore, LogStore, PendingCache, PointsStore};
use crate::types::ChainId;

/// The ports of one database, which must implement all but the last; decorators may wrap them.
#[derive(Debug, Clone)]
pub struct Ports {
    /// The ledger that is written.
    pub balances: Arc<dyn BalanceStore>,
    /// The points, in the same database.
    pub points: Arc<dyn PointsStore>,
    /// The events of both, in the same database.
    pub events: Arc<dyn EventStore>,
    /// The logs of contracts, in the same database.
    pub logs: Arc<dyn LogStore>,
    /// The pending blocks above the ledger.
    pub pending: Arc<dyn PendingCache>,
}

impl Ports {
    /// The ports of a store that implements each of them. `pending` serves `pending_balance`.
    pub fn of<S: BalanceStore + PointsStore + EventStore + LogStore>(
        store: Arc<S>,
        pending: Arc<dyn PendingCache>,
    ) -> Self {
        let (balances, points, events) = (store.clone(), store.clone(), store.clone());
        Self { balances, points, events, logs: store, pending }
    }
}

/// The sources of a chain, and the bounds within which they are read.
#[derive(Debug, Clone)]
pub struct Route {
    /// The source that is read.
    pub source: Arc<dyn ChainSource>,
    /// A second source that must agree before anything is committed.
    pub second: Option<Arc<dyn ChainSource>>,
    /// The bounds of a slice, and when a block is confirmed.
    pub config: IndexerConfig,
    /// Tokens that halt at an unreadable log: see [`Indexer::halting_on_unreadable`].
    pub halting_on_unreadable: Vec<Address>,
}

impl Route {
    /// Through one source.
    pub fn new(source: Arc<dyn ChainSource>, config: IndexerConfig) -> Self {
        Self { source, second: None, config, halting_on_unreadable: Vec::new() }
    }

    /// An indexer of a registered chain.
    pub fn indexer(&self, chain: ChainId, ports: &Ports) -> Indexer {
        let (balances, pending) = (ports.balances.clone(), ports.pending.clone());
        let indexer = Indexer::new(chain, self.source.clone(), balances, pending, self.config)
            .halting_on_unreadable(self.halting_on_unreadable.iter().copied())
            .keeping_logs(ports.logs.clone());
        match &self.second {
            Some(second) => indexer.cross_checked_by(second.clone()),
            None => indexer,
        }
    }

    /// A finder of the blocks at the edges of the chain's windows.
    pub fn finder(&self, chain: ChainId, ports: &Ports) -> EdgeFinder {
        let (balances, points) = (ports.balances.clone(), ports.points.clone());
        let finder = EdgeFinder::new(chain, self.source.clone(), balances, points);
        // Without a second source the finder asks the first one twice.
        match &self.second {
            Some(second) => finder.cross_checked_by(second.clone()),
            None => finder,
        }
    }
}
