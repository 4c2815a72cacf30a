//! The stores, by configuration.

use std::path::Path;
use std::sync::Arc;

use pledge_core::error::StoreErrorKind;
use pledge_core::points::{Settler, SettlerConfig};
use pledge_core::ports::{BalanceStore, EventStore, PendingCache, PointsStore};
use pledge_core::query::Queries;
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_storage_sqlite::SqliteStore;

use crate::config::{ConfigError, Key, StorageConfig};

/// The ports of one store.
#[derive(Debug, Clone)]
pub struct Stores {
    /// The ledger.
    pub balances: Arc<dyn BalanceStore>,
    /// The points, in the same database.
    pub points: Arc<dyn PointsStore>,
    /// What happened to both, in the same database.
    pub events: Arc<dyn EventStore>,
    /// The blocks above the ledger.
    pub pending: Arc<dyn PendingCache>,
    file: Option<SqliteStore>,
}

/// Opens the store, and brings its schema up to date. A file that cannot be one is a wrong key.
pub async fn open(config: &StorageConfig) -> anyhow::Result<Stores> {
    match config {
        StorageConfig::Memory => Ok(Stores::of(MemoryStore::new())),
        StorageConfig::Sqlite(_) => {
            let store = SqliteStore::open(&config.to_string()).await;
            let store = store.map_err(|error| match error.kind() {
                StoreErrorKind::Invalid => ConfigError::at(&url_key(), error).into(),
                _ => anyhow::Error::from(error),
            })?;
            let mut stores = Stores::of(store.clone());
            stores.file = Some(store);
            Ok(stores)
        }
    }
}

/// Opens a store that earlier commands have filled: never creates one.
pub async fn open_existing(config: &StorageConfig) -> anyhow::Result<Stores> {
    match config {
        StorageConfig::Memory => {
            let what = "memory: keeps nothing between commands: use sqlite:FILE";
            Err(ConfigError::at(&url_key(), what).into())
        }
        StorageConfig::Sqlite(file) if !Path::new(file).exists() => {
            let what = format!(
                "there is no database `{file}` in the current folder: make one with `pledge run`, \
                 `pledge index` or `pledge migrate`, or name it in storage.url"
            );
            Err(anyhow::anyhow!(what))
        }
        StorageConfig::Sqlite(_) => open(config).await,
    }
}

fn url_key() -> Key {
    Key::root("storage").child("url")
}

impl Stores {
    /// The ports of a store that holds ledger, points and events; pending blocks stay in memory.
    pub fn of<S: BalanceStore + PointsStore + EventStore>(store: S) -> Self {
        let store = Arc::new(store);
        Self {
            balances: store.clone(),
            points: store.clone(),
            events: store,
            pending: Arc::new(MemoryPending::default()),
            file: None,
        }
    }

    /// Folds the database's log into its file. A process that ends without it loses nothing.
    pub async fn close(&self) {
        if let Some(store) = &self.file {
            store.close().await;
        }
    }

    /// Answers for people.
    pub fn queries(&self) -> Queries {
        Queries::new(self.balances.clone(), self.points.clone(), self.pending.clone())
    }

    /// The settler over these stores, with its default bounds.
    pub fn settler(&self) -> Settler {
        Settler::new(self.balances.clone(), self.points.clone(), SettlerConfig::default())
    }
}
