//! The fence: a process whose schema a newer release has changed writes nothing any more.
//!
//! A write reads the record of migrations first, in its own transaction. One that did so before a newer
//! release recorded its change is waited for by that release
//! ([`SchemaDialect::let_writes_end`](crate::SchemaDialect::let_writes_end)), which costs the write nothing:
//! a transaction keeps its lock on the definition of a table that it has read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use super::sets::SETS;
use crate::connection::{Connection, Row};
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

static NEWEST: LazyLock<String> = LazyLock::new(|| {
    let of_set = SETS.iter().map(|_| "(migration_set = ? AND version > ?)");
    let is_newer = of_set.collect::<Vec<_>>().join(" OR ");
    format!(
        "SELECT version, made FROM schema_migration WHERE {is_newer} \
         ORDER BY made DESC, version DESC LIMIT 1"
    )
});

/// The record of a newer release.
struct Newer {
    version: u32,
    /// Whether its change was made to the end. One that was only begun may be withdrawn.
    is_whole: bool,
}

impl FromRow for Newer {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self { version: row.get("version")?, is_whole: row.get("made")? })
    }
}

/// Stops the writes of a running process once a newer release has begun to change the schema that it
/// opened, until the change is withdrawn. A clone is another handle to the same fence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fence {
    /// The version of a change that is whole, as the first look found that met one.
    newer: Arc<OnceLock<u32>>,
    /// Whether the last look found a change that was only begun.
    is_begun: Arc<AtomicBool>,
}

impl Fence {
    /// Lets a write begin, in whose transaction `db` is. `Unavailable` where a set has the record of a
    /// newer release, whole or only begun.
    pub(crate) async fn pass(&self, db: &mut dyn Connection) -> Result<(), Fault> {
        self.look(db).await?.map_or(Ok(()), |version| Err(begun(version)))
    }

    /// Looks for a newer release, and returns the version that it has only begun. `Unavailable` where its change
    /// is whole.
    pub(crate) async fn look(&self, db: &mut dyn Connection) -> Result<Option<u32>, Fault> {
        let mut newer = query(NEWEST.as_str());
        for set in SETS {
            newer = newer.bind(set.name).bind(set.newest());
        }
        let found: Option<Newer> = newer.one(db).await?;
        let is_begun = found.as_ref().is_some_and(|newer| !newer.is_whole);
        self.is_begun.store(is_begun, Ordering::Relaxed);
        match found {
            None => Ok(None),
            Some(Newer { version, is_whole: false }) => Ok(Some(version)),
            Some(Newer { version, is_whole: true }) => {
                Err(closed(*self.newer.get_or_init(|| version)))
            }
        }
    }

    /// `Unavailable` once the whole change of a newer release was found. Asks the database nothing.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.newer.get().map_or(Ok(()), |version| Err(closed(*version)))
    }

    /// Whether the last look found a change that was only begun, so that only another look shows what
    /// has become of it.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.is_begun.load(Ordering::Relaxed)
    }
}

fn begun(version: u32) -> Fault {
    Fault::unavailable(format!(
        "a newer release of pledge is bringing the schema to version {version}, and nothing is written \
         meanwhile: once that is done, stop this process and start that release"
    ))
}

fn closed(version: u32) -> Fault {
    Fault::unavailable(format!(
        "the schema is of version {version} by a newer release of pledge, and nothing more is written: \
         stop this process and start that release"
    ))
}
