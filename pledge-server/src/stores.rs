//! The stores, by configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pledge_core::engine::Ports;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::points::{Settler, SettlerConfig};
use pledge_core::ports::{
    Archive, AuditReads, BalanceStore, EventStore, Leases, LedgerReads, LogStore, PendingCache,
    PointsReads, PointsStore,
};
use pledge_core::query::Queries;
use pledge_http::PartState;

use crate::config::{ConfigError, Key, StorageConfig, StorageUrl};
use crate::load::StoreLoad;
use crate::wire::{self, Database};

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
    /// The leases by which instances that share the store find each other, if there are any.
    pub leases: Option<Arc<dyn Leases>>,
    /// The bounds of a settlement.
    pub settling: SettlerConfig,
    /// The Redis server, if one is configured.
    pub redis: Option<Arc<dyn Cache>>,
    /// The database behind the ports, which has to be closed.
    pub(crate) database: Option<Arc<dyn Database>>,
    /// Ledger and points through a cache for repeated reads, where that is faster.
    pub(crate) cached: Option<(Arc<dyn LedgerReads>, Arc<dyn PointsReads>)>,
}

/// A cache that may be lost at any time.
pub trait Cache: fmt::Debug + Send + Sync {
    /// Whether it is there.
    fn state(&self) -> PartState;
}

/// What [`open`] would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a private file, which goes with the process.
    Memory,
    /// Nothing: the file will be created.
    NoFile,
    /// A database whose schema is up to date or can be brought up to date.
    Schema(Schema),
}

/// How far a database's schema is: of the first set of migrations that is not up to date, of the
/// engine's where all are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Follows the version in a text: which set is meant, and nothing for the engine's.
    pub of_set: String,
    /// The version of the set; zero for none of it.
    pub found: i64,
    /// The version that `open` brings it to.
    pub newest: i64,
    /// Whether the database has no tables of pledge yet, of any set.
    pub is_empty: bool,
}

impl Schema {
    const fn is_current(&self) -> bool {
        self.found == self.newest
    }
}

impl Found {
    /// Whether nothing is kept there yet.
    pub const fn is_empty(&self) -> bool {
        !matches!(self, Self::Schema(Schema { is_empty: false, .. }))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("kept in a private file, and gone with the process"),
            Self::NoFile => f.write_str("no file yet: it will be created"),
            Self::Schema(Schema { is_empty: true, .. }) => {
                f.write_str("empty: its tables will be created")
            }
            Self::Schema(schema) if schema.is_current() => {
                write!(f, "schema version {}", schema.found)
            }
            Self::Schema(Schema { of_set, found, newest, .. }) => {
                write!(
                    f,
                    "schema version {found}{of_set}: `pledge migrate` brings it to {newest}; nothing was \
                     compared with it"
                )
            }
        }
    }
}

/// Opens the store, brings its schema up to date, and adds Redis if it is configured. A database
/// that is not one of `pledge` is a wrong key.
pub async fn open(config: &StorageConfig) -> anyhow::Result<Stores> {
    let stores = open_alone(config).await?;
    match &config.redis {
        Some(_) if !config.url.keeps() => {
            tracing::warn!("storage.redis_url is not used: no other process reads {}", config.url);
            Ok(stores)
        }
        Some(redis) => wire::join_redis(stores, redis, &config.url).await,
        None => Ok(stores),
    }
}

/// Like [`open`], without Redis: one-shot commands gain nothing from it.
pub async fn open_alone(config: &StorageConfig) -> anyhow::Result<Stores> {
    config.url.storage().open().await
}

/// Opens an existing store; never creates one.
pub async fn open_existing(config: &StorageConfig) -> anyhow::Result<Stores> {
    if !config.url.keeps() {
        return Err(keeps_nothing(&config.url));
    }
    match config.url.storage().missing().await? {
        Some(what) => Err(missing(&what)),
        None => open_alone(config).await,
    }
}

/// Opens an existing store for reading. On a server a user with `SELECT` is enough, and the schema
/// stays as it is. A file is opened for writing, since another program may start writing to it at
/// any time.
pub async fn open_to_read(config: &StorageConfig) -> anyhow::Result<Stores> {
    if !config.url.storage().has_read_only_users() {
        return open_existing(config).await;
    }
    let (stores, found) = look(config).await?;
    match found {
        Found::Schema(schema) if schema.is_current() => Ok(stores),
        Found::Schema(schema) if !schema.is_empty => Err(anyhow::anyhow!(
            "the schema of {} is of version {}{}, and {} is needed to read it: run `pledge migrate`",
            config.url,
            schema.found,
            schema.of_set,
            schema.newest
        )),
        Found::Schema(_) | Found::Memory | Found::NoFile => {
            Err(missing(&format!("the database {} is empty", config.url)))
        }
    }
}

/// Inspects a store without writing to it. The returned stores are empty if there is nothing to
/// read, or if the schema has to be brought up to date first.
pub async fn look(config: &StorageConfig) -> anyhow::Result<(Stores, Found)> {
    config.url.storage().look().await
}

fn keeps_nothing(url: &StorageUrl) -> anyhow::Error {
    let what = format!("`{url}` keeps nothing between commands: use sqlite:FILE");
    ConfigError::at(&url_key(), what).into()
}

fn missing(what: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{what}: set it up with `pledge run`, `pledge index` or `pledge migrate`, or name an \
         existing one in storage.url"
    )
}

/// Turns the error for a database that is not one of `pledge` into a wrong key.
pub(crate) fn blame(error: StoreError) -> anyhow::Error {
    match error.kind() {
        StoreErrorKind::Invalid => ConfigError::at(&url_key(), error.detail()).into(),
        _ => error.into(),
    }
}

pub(crate) fn url_key() -> Key {
    Key::root("storage").child("url")
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
            leases: None,
            settling: SettlerConfig::default(),
            redis: None,
            database: None,
            cached: None,
        }
    }

    /// With the database that has to be closed.
    pub(crate) fn with_database(self, database: impl Database + 'static) -> Self {
        Self { database: Some(Arc::new(database)), ..self }
    }

    /// Waits until the store can never be written to again, and returns why: its file was deleted
    /// or replaced, or a newer release has changed its schema. An unreachable server may come back,
    /// so it does not count.
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

    /// Queries over these stores, cached where possible.
    pub fn queries(&self) -> Queries {
        let Some((ledger, points)) = self.cached.clone() else {
            return self.uncached_queries();
        };
        Queries::new(ledger, points, self.logs.clone(), self.pending.clone())
    }

    /// Queries that read the database itself.
    pub fn uncached_queries(&self) -> Queries {
        let Self { balances, points, logs, pending, .. } = self;
        Queries::new(balances.clone(), points.clone(), logs.clone(), pending.clone())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(of_set: &str, found: i64, is_empty: bool) -> Found {
        Found::Schema(Schema { of_set: of_set.to_owned(), found, newest: 9, is_empty })
    }

    #[test]
    fn a_database_without_tables_of_the_office_is_not_empty() {
        let behind = found(" of the office", 0, false);
        assert!(!behind.is_empty());
        let text = behind.to_string();
        assert!(text.starts_with("schema version 0 of the office: `pledge migrate`"), "{text}");
        let earlier = found("", 8, false).to_string();
        assert!(earlier.starts_with("schema version 8: `pledge migrate`"), "{earlier}");
        assert_eq!(found("", 9, false).to_string(), "schema version 9");
    }

    #[test]
    fn a_database_without_any_table_is_empty() {
        let empty = found("", 0, true);
        assert!(empty.is_empty());
        assert_eq!(empty.to_string(), "empty: its tables will be created");
    }
}
