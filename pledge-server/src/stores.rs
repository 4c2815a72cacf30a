//! The ports of one store, as one value.

mod found;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::engine::Ports;
use pledge_core::error::StoreError;
use pledge_core::points::{Settler, SettlerConfig};
use pledge_core::ports::{
    Archive, AuditReads, BalanceStore, EventStore, Leases, LedgerReads, LogReads, LogStore,
    PendingCache, PointsReads, PointsStore,
};
use pledge_core::query::Queries;
use pledge_http::PartState;
use pledge_office::access::AccessStore;

use crate::config::ReadsConfig;
use crate::hints::SharedHints;
use crate::load::{LoadReader, StoreLoad};
use crate::rates::SharedRates;

pub use found::{Found, Schema};

/// How often a store is checked for being the one that was opened.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// The ports of one store.
#[derive(Debug, Clone)]
pub struct Stores {
    pub balances: Arc<dyn BalanceStore>,
    /// The points, in the same database.
    pub points: Arc<dyn PointsStore>,
    /// The events of both, in the same database.
    pub events: Arc<dyn EventStore>,
    /// The logs of contracts, in the same database.
    pub logs: Arc<dyn LogStore>,
    /// Who did what to any of them, in the same database.
    pub audit: Arc<dyn AuditReads>,
    /// Export and import of everything.
    pub archive: Arc<dyn Archive>,
    /// The pending blocks above the ledger.
    pub pending: Arc<dyn PendingCache>,
    /// Users, roles, keys and sign-ins, in the same database, if it keeps them.
    pub access: Option<Arc<dyn AccessStore>>,
    /// The leases by which instances that share the store find each other, if there are any.
    pub leases: Option<Arc<dyn Leases>>,
    /// The bounds of a settlement.
    pub settling: SettlerConfig,
    /// The Redis server, if one is configured.
    pub redis: Option<Arc<dyn Cache>>,
    /// Counts the requests of clients with other instances, if Redis is configured.
    pub rates: Option<Arc<dyn SharedRates>>,
    /// Lets other instances know of new events, if Redis is configured.
    pub hints: Option<Arc<dyn SharedHints>>,
    /// The database behind the ports, which has to be closed.
    pub(crate) database: Option<Arc<dyn Database>>,
}

/// An open database behind the ports.
#[async_trait]
pub(crate) trait Database: fmt::Debug + Send + Sync {
    /// An error if it can never be written to again.
    async fn check(&self) -> Result<(), StoreError>;

    /// Its reading halves for readers outside: within bounds, over connections of their own, which
    /// closing it closes too. Through a cache for repeated reads, where that is faster.
    fn for_readers(&self, reads: ReadsConfig) -> Result<Readers, StoreError>;

    /// How busy its connections are, those of readers outside not counted.
    fn load(&self) -> StoreLoad;

    /// Closes its connections.
    async fn close(&self);
}

/// The reading halves of the ports of one store.
#[derive(Debug)]
pub struct Readers {
    pub(crate) ledger: Arc<dyn LedgerReads>,
    pub(crate) points: Arc<dyn PointsReads>,
    pub(crate) logs: Arc<dyn LogReads>,
    /// How busy their connections are.
    pub(crate) load: LoadReader,
}

impl Readers {
    /// Queries over them, and over the pending blocks of these stores.
    pub fn queries(self, stores: &Stores) -> Queries {
        Queries::new(self.ledger, self.points, self.logs, stores.pending.clone())
    }
}

/// A cache that may be lost at any time.
pub trait Cache: fmt::Debug + Send + Sync {
    /// Whether it is there.
    fn state(&self) -> PartState;
}

impl Stores {
    /// The ports of a store that holds everything but the pending blocks.
    pub(crate) fn over<S>(store: Arc<S>, pending: Arc<dyn PendingCache>) -> Self
    where
        S: BalanceStore + PointsStore + EventStore + LogStore + AuditReads + Archive,
    {
        Self {
            balances: store.clone(),
            points: store.clone(),
            events: store.clone(),
            logs: store.clone(),
            audit: store.clone(),
            archive: store,
            pending,
            access: None,
            leases: None,
            settling: SettlerConfig::default(),
            redis: None,
            rates: None,
            hints: None,
            database: None,
        }
    }

    /// With users, roles, keys and sign-ins.
    pub(crate) fn with_access(self, access: Arc<dyn AccessStore>) -> Self {
        Self { access: Some(access), ..self }
    }

    /// With the database that has to be closed.
    pub(crate) fn with_database(self, database: impl Database + 'static) -> Self {
        Self { database: Some(Arc::new(database)), ..self }
    }

    /// Waits until the store can never be written to again, and returns why: its file was deleted
    /// or replaced, or a newer release has changed its schema. An unreachable server may come back, and a
    /// change that was only begun may be withdrawn, so neither counts.
    pub async fn lost(&self) -> anyhow::Error {
        let Some(database) = &self.database else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = database.check().await {
                return error.into();
            }
            tokio::time::sleep(LOOKED_AT_EVERY).await;
        }
    }

    /// How busy the connections of the database are, if there is one.
    pub(crate) fn load(&self) -> Option<StoreLoad> {
        self.database.as_ref().map(|database| database.load())
    }

    /// Closes the connections and merges the write-ahead log of a file; what keeps nothing is gone
    /// then. A process that ends without it loses nothing.
    pub async fn close(&self) {
        if let Some(database) = &self.database {
            database.close().await;
        }
    }

    /// Queries over these stores, for the process's own work.
    pub fn queries(&self) -> Queries {
        let Self { balances, points, logs, pending, .. } = self;
        Queries::new(balances.clone(), points.clone(), logs.clone(), pending.clone())
    }

    /// The reading halves for readers outside, whom the process's own work never waits for. Called once:
    /// the connections last until the store is closed.
    pub fn for_readers(&self, reads: ReadsConfig) -> Result<Readers, StoreError> {
        match &self.database {
            Some(database) => database.for_readers(reads),
            None => Ok(Readers {
                ledger: self.balances.clone(),
                points: self.points.clone(),
                logs: self.logs.clone(),
                load: LoadReader::default(),
            }),
        }
    }

    /// The ports that an engine works with.
    pub fn ports(&self) -> Ports {
        let Self { balances, points, events, logs, pending, .. } = self.clone();
        Ports { balances, points, events, logs, pending }
    }

    /// The settler over these stores.
    pub fn settler(&self) -> Settler {
        Settler::new(self.balances.clone(), self.points.clone(), self.settling)
    }
}
