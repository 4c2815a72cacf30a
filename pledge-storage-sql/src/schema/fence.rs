//! The fence: a process whose schema a newer release has changed writes nothing any more.
//!
//! A write reads the record of migrations first, in its own transaction. One that did so before a newer
//! release recorded its change is waited for by that release
//! ([`SchemaDialect::let_writes_end`](crate::SchemaDialect::let_writes_end)), which costs the write nothing:
//! a transaction keeps its lock on the definition of a table that it has read.

use std::sync::{Arc, LazyLock, OnceLock};

use super::sets::SETS;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;

static NEWEST: LazyLock<String> = LazyLock::new(|| {
    let of_set = SETS.iter().map(|_| "(migration_set = ? AND version > ?)");
    let is_newer = of_set.collect::<Vec<_>>().join(" OR ");
    format!("SELECT version FROM schema_migration WHERE {is_newer} ORDER BY version DESC LIMIT 1")
});

/// Stops the writes of a running process once a newer release has begun to change the schema that it
/// opened. A clone is another handle to the same fence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fence {
    /// The version that the first refused write found.
    newer: Arc<OnceLock<u32>>,
}

impl Fence {
    /// Lets a write begin, in whose transaction `db` is. `Unavailable` where a set has the record of a
    /// newer release, whole or only begun.
    pub(crate) async fn pass(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        let mut newer = query(NEWEST.as_str());
        for set in SETS {
            newer = newer.bind(set.name).bind(set.newest());
        }
        let Some(version) = newer.value(db, "version").await? else { return Ok(()) };
        Err(closed(*self.newer.get_or_init(|| version)))
    }

    /// Whether every write passed so far. Asks the database nothing. `Unavailable` if one did not.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.newer.get().map_or(Ok(()), |version| Err(closed(*version)))
    }
}

fn closed(version: u32) -> Fault {
    Fault::unavailable(format!(
        "the schema is of version {version} by a newer release of pledge, and nothing more is written: \
         stop this process and start that release"
    ))
}
