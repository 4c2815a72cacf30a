//! The stores, by configuration.

mod probe;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pledge_cache_redis::{Cached, Redis, RedisLeases, RedisPending};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::points::{Settler, SettlerConfig};
use pledge_core::ports::{Archive, BalanceStore, EventStore, Leases, PendingCache, PointsStore};
use pledge_core::primitives::{hex, keccak256};
use pledge_core::query::Queries;
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_storage_mysql::MySqlStore;
use pledge_storage_sqlite::SqliteStore;

use crate::config::{ConfigError, Key, RedisConfig, StorageConfig, StorageUrl};

pub use probe::{Found, look};

/// How often it is looked whether a file is still there.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// The ports of one store.
#[derive(Debug, Clone)]
pub struct Stores {
    /// The ledger.
    pub balances: Arc<dyn BalanceStore>,
    /// The points, in the same database.
    pub points: Arc<dyn PointsStore>,
    /// What happened to both, in the same database.
    pub events: Arc<dyn EventStore>,
    /// All of it, to be moved.
    pub archive: Arc<dyn Archive>,
    /// The blocks above the ledger.
    pub pending: Arc<dyn PendingCache>,
    /// Where instances that share the store tell each other that they are there, if anywhere.
    pub leases: Option<Arc<dyn Leases>>,
    /// The bounds of a settlement.
    pub settling: SettlerConfig,
    /// The Redis server beside the store, if one is configured.
    pub redis: Option<Redis>,
    database: Database,
    /// Ledger and points for those who ask the same again and again, where that is faster.
    cached: Option<(Arc<dyn BalanceStore>, Arc<dyn PointsStore>)>,
}

/// What has to be closed.
#[derive(Debug, Clone)]
enum Database {
    None,
    Sqlite(SqliteStore),
    MySql(MySqlStore),
}

/// Opens the store, brings its schema up to date, and puts Redis beside it if there is one. What
/// cannot be a database of ours is a wrong key.
pub async fn open(config: &StorageConfig) -> anyhow::Result<Stores> {
    let stores = open_alone(config).await?;
    match &config.redis {
        Some(redis) => stores.beside(redis, &config.url).await,
        None => Ok(stores),
    }
}

/// As [`open`], without Redis: for commands that end, which gain nothing by it.
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

/// Opens a store that earlier commands have filled: never creates one.
pub async fn open_existing(config: &StorageConfig) -> anyhow::Result<Stores> {
    match &config.url {
        StorageUrl::Memory => Err(keeps_nothing()),
        StorageUrl::Sqlite(file) if !Path::new(file).exists() => Err(no_file(file)?),
        StorageUrl::MySql(_) if look(config).await?.1.is_empty() => Err(is_empty(&config.url)),
        StorageUrl::Sqlite(_) | StorageUrl::MySql(_) => open_alone(config).await,
    }
}

/// Opens a store that earlier commands have filled, to read it alone. On a server, a user who may read
/// is enough, and the schema stays as it is. A file is opened as for writing, since a program that
/// writes to it may come at any time.
pub async fn open_to_read(config: &StorageConfig) -> anyhow::Result<Stores> {
    if !matches!(config.url, StorageUrl::MySql(_)) {
        return open_existing(config).await;
    }
    let (stores, found) = look(config).await?;
    match found {
        Found::Schema(version) if version.is_current() => Ok(stores),
        Found::Schema(version) if version.found > 0 => Err(anyhow::anyhow!(
            "the schema of {} is of version {}, and {} is needed to read it: run `pledge migrate`",
            config.url,
            version.found,
            version.newest
        )),
        Found::Schema(_) | Found::Memory | Found::NoFile => Err(is_empty(&config.url)),
    }
}

fn keeps_nothing() -> anyhow::Error {
    ConfigError::at(&url_key(), "memory: keeps nothing between commands: use sqlite:FILE").into()
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
        "{what}: make one with `pledge run`, `pledge index` or `pledge migrate`, or name it in \
         storage.url"
    )
}

/// What cannot be a database of ours is a wrong key.
fn blame(error: StoreError) -> anyhow::Error {
    match error.kind() {
        StoreErrorKind::Invalid => ConfigError::at(&url_key(), error.detail()).into(),
        _ => error.into(),
    }
}

/// Tells one store from another, so that those who share a Redis server take nothing for their own.
/// Whoever reaches one database by two names has two scopes, and loses speed alone.
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
    /// The ports of a store that holds ledger, points and events; pending blocks stay in memory.
    pub fn of<S: BalanceStore + PointsStore + EventStore + Archive>(store: S) -> Self {
        let store = Arc::new(store);
        Self {
            balances: store.clone(),
            points: store.clone(),
            events: store.clone(),
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

    /// With pending blocks on a Redis server; if the store is on a server too, with its larger answers
    /// and the leases of those who share it.
    async fn beside(self, config: &RedisConfig, store: &StorageUrl) -> anyhow::Result<Self> {
        let prefix = format!("{}:{}", config.prefix, scope(store)?);
        let redis = Redis::connect(config.url.expose().as_str(), &prefix).await;
        let redis = redis.map_err(|error| match error.kind() {
            StoreErrorKind::Invalid => ConfigError::at(&redis_key(), error.detail()).into(),
            _ => anyhow::Error::from(error),
        })?;
        let pending = Arc::new(RedisPending::new(redis.clone()));
        let beside = Self { pending, redis: Some(redis.clone()), ..self };
        let Database::MySql(store) = &beside.database else {
            return Ok(beside);
        };
        let cached = Arc::new(Cached::new(store.clone(), redis.clone()));
        let leases: Arc<dyn Leases> = Arc::new(RedisLeases::new(redis));
        Ok(Self { leases: Some(leases), cached: Some((cached.clone(), cached)), ..beside })
    }

    /// Waits until the store can never be written to again, and answers why: its file was deleted or
    /// replaced. A server that is away may come back, so it is no reason.
    pub async fn lost(&self) -> anyhow::Error {
        let Database::Sqlite(store) = &self.database else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = store.check().await {
                return error.into();
            }
            tokio::time::sleep(LOOKED_AT_EVERY).await;
        }
    }

    /// Ends the connections; folds the log of a file into it. A process that ends without it loses
    /// nothing.
    pub async fn close(&self) {
        match &self.database {
            Database::None => {}
            Database::Sqlite(store) => store.close().await,
            Database::MySql(store) => store.close().await,
        }
    }

    /// Answers for people.
    pub fn queries(&self) -> Queries {
        let stored = || (self.balances.clone(), self.points.clone());
        let (balances, points) = self.cached.clone().unwrap_or_else(stored);
        Queries::new(balances, points, self.pending.clone())
    }

    /// The settler over these stores.
    pub fn settler(&self) -> Settler {
        Settler::new(self.balances.clone(), self.points.clone(), self.settling)
    }
}
