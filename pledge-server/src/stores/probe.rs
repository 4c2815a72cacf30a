//! Inspects a store without writing to it.

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;

use pledge_storage_memory::MemoryStore;
use pledge_storage_mysql::MySqlStore;
use pledge_storage_sqlite::{SchemaVersion, SqliteStore};

use super::{Stores, blame, url_key};
use crate::config::{ConfigError, ServerUrl, StorageConfig, StorageUrl};

/// What [`open`](super::open) would find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a store in memory.
    Memory,
    /// Nothing: the file will be created.
    NoFile,
    /// A database whose schema is up to date or can be brought up to date.
    Schema(SchemaVersion),
}

impl Found {
    /// Whether nothing is kept there yet.
    pub const fn is_empty(self) -> bool {
        !matches!(self, Self::Schema(SchemaVersion { is_empty: false, .. }))
    }
}

/// Inspects a store without writing to it. The returned stores are empty if there is nothing to
/// read, or if the schema has to be brought up to date first.
pub async fn look(config: &StorageConfig) -> anyhow::Result<(Stores, Found)> {
    match &config.url {
        StorageUrl::Memory => Ok((nothing(), Found::Memory)),
        StorageUrl::Sqlite(file) => look_at_file(&config.url, Path::new(file)).await,
        StorageUrl::MySql(url) => look_at_server(url).await,
    }
}

fn nothing() -> Stores {
    Stores::of(MemoryStore::new())
}

async fn look_at_server(url: &ServerUrl) -> anyhow::Result<(Stores, Found)> {
    let looked = MySqlStore::open_read_only(url.expose().as_str()).await;
    let (store, version) = looked.map_err(blame)?;
    let found = Found::Schema(version);
    if version.is_current() {
        return Ok((Stores::of_mysql(store), found));
    }
    store.close().await;
    Ok((nothing(), found))
}

async fn look_at_file(url: &StorageUrl, file: &Path) -> anyhow::Result<(Stores, Found)> {
    check_folder(file)?;
    if !file.exists() {
        return Ok((nothing(), Found::NoFile));
    }
    // Opened, though nothing is written: permissions do not show a file system that is read only.
    OpenOptions::new().write(true).open(file).map_err(|error| {
        let what = format!("`{}` cannot be written to ({error})", file.display());
        ConfigError::at(
            &url_key(),
            format!("{what}: make it writable for this user, or name another file"),
        )
    })?;
    let looked = SqliteStore::open_read_only(&url.to_string()).await;
    let (store, version) = looked.map_err(blame)?;
    let found = Found::Schema(version);
    if version.is_current() {
        return Ok((Stores::of_sqlite(store), found));
    }
    store.close().await;
    Ok((nothing(), found))
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

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("kept in memory, and gone with the process"),
            Self::NoFile => f.write_str("no file yet: it will be created"),
            Self::Schema(SchemaVersion { is_empty: true, .. }) => {
                f.write_str("empty: its tables will be created")
            }
            Self::Schema(version) if version.is_current() => {
                write!(f, "schema version {}", version.found)
            }
            Self::Schema(version) => {
                let SchemaVersion { found, newest, .. } = version;
                let of_set = version.of_set();
                write!(
                    f,
                    "schema version {found}{of_set}: `pledge migrate` brings it to {newest}; nothing was \
                     compared with it"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(set: &'static str, found: i64, is_empty: bool) -> Found {
        Found::Schema(SchemaVersion { set, found, newest: 9, is_empty })
    }

    #[test]
    fn a_database_without_tables_of_the_office_is_not_empty() {
        let behind = found("office", 0, false);
        assert!(!behind.is_empty());
        let text = behind.to_string();
        assert!(text.starts_with("schema version 0 of the office: `pledge migrate`"), "{text}");
        let earlier = found("engine", 8, false).to_string();
        assert!(earlier.starts_with("schema version 8: `pledge migrate`"), "{earlier}");
        assert_eq!(found("engine", 9, false).to_string(), "schema version 9");
    }

    #[test]
    fn a_database_without_any_table_is_empty() {
        let empty = found("engine", 0, true);
        assert!(empty.is_empty());
        assert_eq!(empty.to_string(), "empty: its tables will be created");
    }
}
