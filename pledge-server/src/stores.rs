//! The stores, by configuration.

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::points::{Settler, SettlerConfig};
use pledge_core::ports::{BalanceStore, EventStore, PendingCache, PointsStore};
use pledge_core::query::Queries;
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_storage_sqlite::{SchemaVersion, SqliteStore};

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
            Ok(Stores::of_file(store.map_err(blame)?))
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
            let file = std::path::absolute(file)?;
            let what = format!(
                "there is no database `{}`: make one with `pledge run`, \
                 `pledge index` or `pledge migrate`, or name it in storage.url",
                file.display()
            );
            Err(anyhow::anyhow!(what))
        }
        StorageConfig::Sqlite(_) => open(config).await,
    }
}

/// What [`open`] would find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a store in memory.
    Memory,
    /// Nothing: the file will be created.
    NoFile,
    /// A database whose schema is as it should be, or will be.
    File(SchemaVersion),
}

/// Looks at a store without writing anything. What is answered is empty where there is nothing to
/// read, or nothing that can be read before the schema is brought up to date.
pub async fn look(config: &StorageConfig) -> anyhow::Result<(Stores, Found)> {
    let nothing = || Stores::of(MemoryStore::new());
    let StorageConfig::Sqlite(file) = config else {
        return Ok((nothing(), Found::Memory));
    };
    let file = Path::new(file);
    check_folder(file)?;
    if !file.exists() {
        return Ok((nothing(), Found::NoFile));
    }
    OpenOptions::new().write(true).open(file).map_err(|error| {
        let what = format!("`{}` cannot be written to ({error})", file.display());
        ConfigError::at(&url_key(), format!("{what}: give us the right, or name another file"))
    })?;
    let looked = SqliteStore::open_read_only(&config.to_string()).await;
    let (store, version) = looked.map_err(blame)?;
    let found = Found::File(version);
    if version.is_current() {
        return Ok((Stores::of_file(store), found));
    }
    store.close().await;
    Ok((nothing(), found))
}

/// The database's log stands beside it, so the folder must be writable also where the file exists.
fn check_folder(file: &Path) -> Result<(), ConfigError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // A file without a name: nothing is left of it.
    tempfile::tempfile_in(folder).map(drop).map_err(|error| {
        let what = format!("nothing can be written to the folder `{}` ({error})", folder.display());
        ConfigError::at(&url_key(), format!("{what}: create it, or name a file in another"))
    })
}

/// A file that cannot be a database of ours is a wrong key.
fn blame(error: StoreError) -> anyhow::Error {
    match error.kind() {
        StoreErrorKind::Invalid => ConfigError::at(&url_key(), error.detail()).into(),
        _ => error.into(),
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("kept in memory, and gone with the process"),
            Self::NoFile => f.write_str("no file yet: it will be created"),
            Self::File(version) if version.is_current() => {
                write!(f, "schema version {}", version.found)
            }
            Self::File(SchemaVersion { found, newest }) => {
                write!(f, "schema version {found}, to be brought to {newest}; not read before that")
            }
        }
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

    fn of_file(store: SqliteStore) -> Self {
        Self { file: Some(store.clone()), ..Self::of(store) }
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
