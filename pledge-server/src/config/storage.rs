//! `[storage]`.

use super::raw::RawStorage;
use super::{Key, Problems, ServerUrl};

const DEFAULT_URL: &str = "sqlite:pledge.db";
const KINDS: &str = "memory:, sqlite:FILE or mysql://USER@HOST/DATABASE";
const MYSQL_EXAMPLE: &str = "mysql://pledge@127.0.0.1:3306/pledge";

/// Where the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// The store itself.
    pub url: StorageUrl,
}

/// A kind of store, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageUrl {
    /// In memory: gone with the process.
    Memory,
    /// In one `SQLite` file, relative to the current folder.
    Sqlite(String),
    /// In a database of a `MySQL` or MariaDB server.
    MySql(ServerUrl),
}

impl StorageConfig {
    pub(super) fn check(raw: RawStorage, key: &Key, problems: &mut Problems) -> Option<Self> {
        if raw.redis_url.is_some() {
            let what =
                "Redis is not built in yet: remove this key; pending blocks are held in memory";
            problems.add(&key.child("redis_url"), what);
        }
        let url = raw.url.as_deref().unwrap_or(DEFAULT_URL);
        let url = problems.take(&key.child("url"), StorageUrl::parse(url))?;
        Some(Self { url })
    }
}

impl StorageUrl {
    fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        match (scheme, rest) {
            ("memory", "") => Ok(Self::Memory),
            ("sqlite", location) => match location.strip_prefix("//").unwrap_or(location) {
                "" => Err("names no file: write sqlite:pledge.db".to_owned()),
                file if file.contains('?') => {
                    Err("takes no options: remove `?` and what follows".to_owned())
                }
                file => Ok(Self::Sqlite(file.to_owned())),
            },
            ("mysql" | "mariadb", _) => {
                let url = ServerUrl::parse(url, &["mysql", "mariadb"], MYSQL_EXAMPLE)?;
                if url.expose().path().len() < 2 {
                    return Err(format!("names no database: write {MYSQL_EXAMPLE}"));
                }
                Ok(Self::MySql(url))
            }
            // The rest of an unknown url may hold a password.
            _ => Err(format!("`{scheme}` is no kind of storage: use {KINDS}")),
        }
    }
}

impl std::fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(file) => write!(f, "sqlite:{file}"),
            Self::MySql(url) => url.fmt(f),
        }
    }
}
