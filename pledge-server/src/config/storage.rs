//! `[storage]`.

use super::raw::RawStorage;
use super::{Key, Problems};

const DEFAULT_URL: &str = "sqlite:pledge.db";
const KINDS: &str = "memory: or sqlite:FILE";

/// Where the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageConfig {
    /// In memory: gone with the process.
    Memory,
    /// In one `SQLite` file, relative to the current folder.
    Sqlite(String),
}

impl StorageConfig {
    pub(super) fn check(raw: RawStorage, key: &Key, problems: &mut Problems) -> Option<Self> {
        if raw.redis_url.is_some() {
            let what =
                "Redis is not built in yet: remove this key; pending blocks are held in memory";
            problems.add(&key.child("redis_url"), what);
        }
        let url = raw.url.as_deref().unwrap_or(DEFAULT_URL);
        problems.take(&key.child("url"), Self::parse(url))
    }

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
            ("mysql" | "mariadb", _) => Err(format!("MySQL is not built in yet: use {KINDS}")),
            // The rest of an unknown url may hold a password.
            _ => Err(format!("`{scheme}` is no kind of storage: use {KINDS}")),
        }
    }
}

impl std::fmt::Display for StorageConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(file) => write!(f, "sqlite:{file}"),
        }
    }
}
