//! `sqlite:FILE`.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_cache_redis::Redis;
use pledge_core::error::StoreError;
use pledge_storage_sqlite::SqliteStore;

use super::backend::{CALLERS, Storage, bounds, looked_at};
use super::opening::{blame, url_key};
use crate::config::{ConfigError, ReadsConfig};
use crate::load::{LoadReader, StoreLoad};
use crate::stores::{Database, Found, Readers, Stores};

/// A file, relative to the current folder.
pub(super) struct File(pub(super) String);

impl File {
    fn location(&self) -> String {
        format!("sqlite:{}", self.0)
    }
}

#[async_trait]
impl Storage for File {
    fn place(&self) -> anyhow::Result<String> {
        Ok(std::path::absolute(&self.0)?.display().to_string())
    }

    async fn open(&self, _redis: Option<&Redis>) -> anyhow::Result<Stores> {
        let store = SqliteStore::open(&self.location()).await;
        Ok(stores(store.map_err(blame)?))
    }

    async fn missing(&self) -> anyhow::Result<Option<String>> {
        if Path::new(&self.0).exists() {
            return Ok(None);
        }
        let file = std::path::absolute(&self.0)?;
        Ok(Some(format!("there is no database `{}`", file.display())))
    }

    async fn look(&self) -> anyhow::Result<(Stores, Found)> {
        let file = Path::new(&self.0);
        check_folder(file)?;
        if !file.exists() {
            return Ok((Stores::in_memory(), Found::NoFile));
        }
        // Opened, though nothing is written: permissions do not show a file system that is read only.
        OpenOptions::new().write(true).open(file).map_err(|error| {
            let what = format!("`{}` cannot be written to ({error})", file.display());
            ConfigError::at(
                &url_key(),
                format!("{what}: make it writable for this user, or name another file"),
            )
        })?;
        looked_at(SqliteStore::open_read_only(&self.location()).await, stores).await
    }
}

#[async_trait]
impl Database for SqliteStore {
    async fn check(&self) -> Result<(), StoreError> {
        Self::check(self).await
    }

    fn for_readers(&self, reads: ReadsConfig) -> Result<Readers, StoreError> {
        let readers = Arc::new(Self::for_readers(self, bounds(reads))?);
        let busy = readers.clone();
        let load = LoadReader::new(move || super::load(busy.load()));
        Ok(Readers { ledger: readers.clone(), points: readers.clone(), logs: readers, load })
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    fn load(&self) -> StoreLoad {
        super::load(Self::load(self))
    }
}

fn stores(store: SqliteStore) -> Stores {
    let access = Arc::new(store.for_callers(CALLERS).expect("it was opened just now"));
    Stores::of(store.clone()).with_access(access).with_database(store)
}

/// Checks that the folder is writable. The database needs it even if the file exists, for its log.
fn check_folder(file: &Path) -> Result<(), ConfigError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // A file without a name: nothing is left of it.
    tempfile::tempfile_in(folder).map(drop).map_err(|error| {
        let what = format!("nothing can be written to the folder `{}` ({error})", folder.display());
        ConfigError::at(&url_key(), format!("{what}: create it, or name a file in another"))
    })
}
