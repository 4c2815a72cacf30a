//! `memory:`: one private file of `SQLite` in a folder that goes with the process.
//!
//! So a store that keeps nothing behaves as one that does, whatever it holds. The file is readable by
//! its owner alone, as its folder is.

use std::collections::BTreeSet;
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use pledge_cache_redis::Redis;
use pledge_core::error::StoreError;
use pledge_core::ports::{Archive, AuditReads, BalanceStore, EventStore, LogStore, PointsStore};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_storage_sqlite::{SqliteDatabase, SqliteStore};
use tempfile::TempDir;

use super::backend::{CALLERS, Storage};
use crate::config::ReadsConfig;
use crate::load::StoreLoad;
use crate::stores::{Database, Found, Readers, Stores};

/// The folders that are there now.
static FOLDERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

pub(super) struct Memory;

#[async_trait]
impl Storage for Memory {
    fn place(&self) -> anyhow::Result<String> {
        Ok("memory:".to_owned())
    }

    async fn open(&self, _redis: Option<&Redis>) -> anyhow::Result<Stores> {
        let folder = Folder::create()?;
        let database = SqliteDatabase::open_unsynced(&folder.location()?).await?;
        let store = SqliteStore::over(database);
        let access = Arc::new(store.for_callers(CALLERS).expect("it was opened just now"));
        let stores = Stores::of(store.clone()).with_access(access);
        Ok(stores.with_database(Private { store, folder }))
    }

    async fn missing(&self) -> anyhow::Result<Option<String>> {
        Ok(Some("`memory:` keeps nothing between commands".to_owned()))
    }

    async fn look(&self) -> anyhow::Result<(Stores, Found)> {
        Ok((Stores::in_memory(), Found::Memory))
    }
}

/// Opens a store that keeps nothing behind the process.
pub(crate) async fn open_private() -> anyhow::Result<Stores> {
    Memory.open(None).await
}

/// Removes every private folder, for an end that runs no destructors.
pub(crate) fn remove_private_folders() {
    for folder in std::mem::take(&mut *folders()) {
        // Nothing can be done about one that stays: the process ends.
        let _ = fs::remove_dir_all(folder);
    }
}

/// A store of this process alone. Closing it removes it.
#[derive(Debug)]
struct Private {
    store: SqliteStore,
    folder: Folder,
}

#[async_trait]
impl Database for Private {
    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }

    fn for_readers(&self, reads: ReadsConfig) -> Result<Readers, StoreError> {
        Database::for_readers(&self.store, reads)
    }

    async fn close(&self) {
        self.store.close().await;
        self.folder.remove();
    }

    fn load(&self) -> StoreLoad {
        super::load(self.store.load())
    }
}

/// A folder that is removed when it is dropped, and by [`remove_private_folders`].
#[derive(Debug)]
struct Folder(TempDir);

impl Folder {
    fn create() -> anyhow::Result<Self> {
        let mut folder = tempfile::Builder::new();
        folder.prefix("pledge-");
        #[cfg(unix)]
        folder.permissions(fs::Permissions::from_mode(0o700));
        let made = folder.tempdir().with_context(|| {
            let place = std::env::temp_dir();
            format!("no private file can be made in {}: name a folder in TMPDIR", place.display())
        })?;
        folders().insert(made.path().to_owned());
        Ok(Self(made))
    }

    fn location(&self) -> anyhow::Result<String> {
        let file = self.0.path().join("pledge.db");
        let file = file.to_str().context("the path of TMPDIR is no UTF-8: name another folder")?;
        Ok(format!("sqlite:{file}"))
    }

    fn remove(&self) {
        let path = self.0.path();
        if folders().remove(path)
            && let Err(error) = fs::remove_dir_all(path)
        {
            tracing::warn!("the private folder {} stays: {error}", path.display());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

fn folders() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stores {
    /// The ports of a store that holds everything; pending blocks stay in memory.
    pub fn of<S>(store: S) -> Self
    where
        S: BalanceStore + PointsStore + EventStore + LogStore + AuditReads + Archive,
    {
        Self::over(Arc::new(store), Arc::new(MemoryPending::default()))
    }

    /// The library's stores in memory, with nothing in them: to compare with, and for the demo.
    pub(crate) fn in_memory() -> Self {
        Self::of(MemoryStore::new())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use pledge_core::ports::Registry as _;
    use pledge_core::types::ChainId;

    use super::*;

    fn is_there(path: &Path) -> bool {
        folders().contains(path) || path.exists()
    }

    #[tokio::test]
    async fn a_private_store_is_removed_when_it_is_closed_and_the_others_stay() {
        let stores = async || Memory.open(None).await.unwrap();
        let (one, other) = (stores().await, stores().await);
        for stores in [&one, &other] {
            stores.balances.register_chain(ChainId::new(1), "one").await.unwrap();
        }
        one.close().await;
        assert_eq!(other.balances.chains().await.unwrap().len(), 1);
        other.close().await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_private_store_is_its_owners_alone() {
        let folder = Folder::create().unwrap();
        let store = SqliteStore::open(&folder.location().unwrap()).await.unwrap();
        store.register_chain(ChainId::new(1), "one").await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.0.path()), 0o700);
        for entry in fs::read_dir(folder.0.path()).unwrap() {
            let file = entry.unwrap().path();
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[tokio::test]
    async fn a_private_folder_goes_with_the_last_handle() {
        let folder = Folder::create().unwrap();
        let path = folder.0.path().to_owned();
        assert!(is_there(&path));
        drop(folder);
        assert!(!is_there(&path));
    }
}
