//! The stores, by configuration.

mod probe;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pledge_cache_redis::{Cached, Redis, RedisLeases, RedisPending};
use pledge_core::engine::Ports;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::points::{Settler, SettlerConfig};
use pledge_core::ports::{
    Archive, AuditReads, BalanceStore, EventStore, Leases, LedgerReads, LogStore, PendingCache,
    PointsReads, PointsStore,
};
use pledge_core::primitives::{hex, keccak256};
use pledge_core::query::Queries;
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_storage_mysql::MySqlStore;
use pledge_storage_sqlite::SqliteStore;

use crate::config::{ConfigError, Key, RedisConfig, StorageConfig, StorageUrl};

pub use probe::{Found, look};

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
    pub redis: Option<Redis>,
    database: Database,
    /// Ledger and points through a cache for repeated reads, where that is faster.
    cached: Option<(Arc<dyn LedgerReads>, Arc<dyn PointsReads>)>,
}

/// The database behind the stores, which has to be closed.
#[derive(Debug, Clone)]
enum Database {
    None,
    Sqlite(SqliteStore),
    MySql(MySqlStore),
}

/// Opens the store, brings its schema up to date, and adds Redis if it is configured. A database
/// that is not one of `pledge` is a wrong key.
pub async fn open(config: &StorageConfig) -> anyhow::Result<Stores> {
    let stores = open_alone(config).await?;
    match &config.redis {
        Some(redis) => stores.with_redis(redis, &config.url).await,
        None => Ok(stores),
    }
}

/// Like [`open`], without Redis: one-shot commands gain nothing from it.
pub async fn open_alone(config: &StorageConfig) -> anyhow::Result<Stores> {
    match &config.url {
        StorageUrl::Memory => Ok(Stores::of(MemoryStore::new())),
        StorageUrl::Sqlite(_) => {
            let store = SqliteStore::open(&config.url.to_string()).await;
            Ok(Stores::of_sqlite(store.map_err(blame)?))
        }
        StorageUrl::MySql(url) => {
            let store = MySqlStore::open(url.expose().as_str()).await;
            Ok(Stores::of_mysql(store.map_err(blame)?))
        }
    }
}

/// Opens an existing store; never creates one.
pub async fn open_existing(config: &StorageConfig) -> anyhow::Result<Stores> {
    match &config.url {
        StorageUrl::Memory => Err(keeps_nothing()),
        StorageUrl::Sqlite(file) if !Path::new(file).exists() => Err(no_file(file)?),
        StorageUrl::MySql(_) if look(config).await?.1.is_empty() => Err(is_empty(&config.url)),
        StorageUrl::Sqlite(_) | StorageUrl::MySql(_) => open_alone(config).await,
    }
}

/// Opens an existing store for reading. On a server a user with `SELECT` is enough, and the schema
/// stays as it is. A file is opened for writing, since another program may start writing to it at
/// any time.
pub async fn open_to_read(config: &StorageConfig) -> anyhow::Result<Stores> {
    if !matches!(config.url, StorageUrl::MySql(_)) {
        return open_existing(config).await;
    }
    let (stores, found) = look(config).await?;
    match found {
        Found::Schema(version) if version.is_current() => Ok(stores),
        Found::Schema(version) if !version.is_empty => Err(anyhow::anyhow!(
            "the schema of {} is of version {}{}, and {} is needed to read it: run `pledge migrate`",
            config.url,
            version.found,
            version.of_set(),
            version.newest
        )),
        Found::Schema(_) | Found::Memory | Found::NoFile => Err(is_empty(&config.url)),
    }
}

fn keeps_nothing() -> anyhow::Error {
    ConfigError::at(&url_key(), "`memory:` keeps nothing between commands: use sqlite:FILE").into()
}

fn no_file(file: &str) -> anyhow::Result<anyhow::Error> {
    let file = std::path::absolute(file)?;
    Ok(missing(&format!("there is no database `{}`", file.display())))
}

fn is_empty(url: &StorageUrl) -> anyhow::Error {
    missing(&format!("the database {url} is empty"))
}

fn missing(what: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{what}: set it up with `pledge run`, `pledge index` or `pledge migrate`, or name an \
         existing one in storage.url"
    )
}

/// Turns the error for a database that is not one of `pledge` into a wrong key.
fn blame(error: StoreError) -> anyhow::Error {
    match error.kind() {
        StoreErrorKind::Invalid => ConfigError::at(&url_key(), error.detail()).into(),
        _ => error.into(),
    }
}

/// A prefix per store, so that stores that share a Redis server do not read each other's keys. One
/// database under two names gets two scopes, which only costs speed.
fn scope(store: &StorageUrl) -> anyhow::Result<String> {
    let place = match store {
        StorageUrl::Sqlite(file) => std::path::absolute(file)?.display().to_string(),
        StorageUrl::Memory | StorageUrl::MySql(_) => store.to_string(),
    };
    Ok(hex::encode(&keccak256(place)[..8]))
}

fn redis_key() -> Key {
    Key::root("storage").child("redis_url")
}

fn url_key() -> Key {
    Key::root("storage").child("url")
}

impl Stores {
    /// The ports of a store that holds everything; pending blocks stay in memory.
    pub fn of<S>(store: S) -> Self
    where
        S: BalanceStore + PointsStore + EventStore + LogStore + AuditReads + Archive,
    {
        let store = Arc::new(store);
        Self {
            balances: store.clone(),
            points: store.clone(),
            events: store.clone(),
            logs: store.clone(),
            audit: store.clone(),
            archive: store,
            pending: Arc::new(MemoryPending::default()),
            leases: None,
            settling: SettlerConfig::default(),
            redis: None,
            database: Database::None,
            cached: None,
        }
    }

    fn of_sqlite(store: SqliteStore) -> Self {
        Self { database: Database::Sqlite(store.clone()), ..Self::of(store) }
    }

    fn of_mysql(store: MySqlStore) -> Self {
        Self { database: Database::MySql(store.clone()), ..Self::of(store) }
    }

    /// Adds pending blocks on a Redis server. If the store is on a server too, also adds cached
    /// reads and the leases of the instances that share it.
    async fn with_redis(self, config: &RedisConfig, store: &StorageUrl) -> anyhow::Result<Self> {
        let prefix = format!("{}:{}", config.prefix, scope(store)?);
        let redis = Redis::connect(config.url.expose().as_str(), &prefix).await;
        let redis = redis.map_err(|error| match error.kind() {
            StoreErrorKind::Invalid => ConfigError::at(&redis_key(), error.detail()).into(),
            _ => anyhow::Error::from(error),
        })?;
        let pending = Arc::new(RedisPending::new(redis.clone()));
        let stores = Self { pending, redis: Some(redis.clone()), ..self };
        let Database::MySql(store) = &stores.database else {
            return Ok(stores);
        };
        let cached = Arc::new(Cached::new(store.clone(), redis.clone()));
        let leases: Arc<dyn Leases> = Arc::new(RedisLeases::new(redis));
        Ok(Self { leases: Some(leases), cached: Some((cached.clone(), cached)), ..stores })
    }

    /// Waits until the store can never be written to again, and returns why: its file was deleted
    /// or replaced, or a newer release has changed its schema. An unreachable server may come back,
    /// so it does not count.
    pub async fn lost(&self) -> anyhow::Error {
        loop {
            let checked = match &self.database {
                Database::None => return std::future::pending().await,
                Database::Sqlite(store) => store.check().await,
                Database::MySql(store) => store.check().await,
            };
            if let Err(error) = checked {
                return error.into();
            }
            tokio::time::sleep(LOOKED_AT_EVERY).await;
        }
    }

    /// Closes the connections and merges the write-ahead log of a file. A process that ends without
    /// it loses nothing.
    pub async fn close(&self) {
        match &self.database {
            Database::None => {}
            Database::Sqlite(store) => store.close().await,
            Database::MySql(store) => store.close().await,
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
