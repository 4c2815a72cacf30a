//! `sqlite:FILE`.

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_storage_sqlite::SqliteStore;

use super::backend::Parsed;
use super::{Database, Storage};
use crate::config::ConfigError;
use crate::load::StoreLoad;
use crate::stores::{Found, Stores, blame, url_key};

/// A file, relative to the current folder.
#[derive(Debug)]
struct File(String);

pub(super) fn parse(_url: &str, rest: &str) -> Parsed {
    match rest.strip_prefix("//").unwrap_or(rest) {
        "" => Err("names no file: write sqlite:pledge.db".to_owned()),
        file if file.contains('?') => {
            Err("takes no options: remove `?` and what follows".to_owned())
        }
        file => Ok(Arc::new(File(file.to_owned()))),
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.0)
    }
}

#[async_trait]
impl Storage for File {
    fn place(&self) -> anyhow::Result<String> {
        Ok(std::path::absolute(&self.0)?.display().to_string())
    }

    async fn open(&self) -> anyhow::Result<Stores> {
        let store = SqliteStore::open(&self.to_string()).await;
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
        let looked = SqliteStore::open_read_only(&self.to_string()).await;
        let (store, version) = looked.map_err(blame)?;
        let found = Found::Schema(super::schema(&version));
        if version.is_current() {
            return Ok((stores(store), found));
        }
        store.close().await;
        Ok((Stores::in_memory(), found))
    }
}

#[async_trait]
impl Database for SqliteStore {
    async fn check(&self) -> Result<(), StoreError> {
        Self::check(self).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    fn load(&self) -> StoreLoad {
        super::load(Self::load(self))
    }
}

fn stores(store: SqliteStore) -> Stores {
    Stores::of(store.clone()).with_database(store)
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
