//! A store that counts what it asks of its database.

#[path = "../../../pledge-storage-sql/tests/support/watched.rs"]
mod watched;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pledge_storage_sql::{Database, Fault, SqlStore};
use pledge_storage_sqlite::SqliteDatabase;
use tempfile::TempDir;
use watched::{Rows, Watch, Watched};

/// Statements that answer rows, and the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) statements: usize,
    pub(crate) rows: usize,
}

/// What was asked since it was read last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    statements: AtomicUsize,
    rows: AtomicUsize,
}

impl Counter {
    pub(crate) fn take(&self) -> Cost {
        let Counts { statements, rows } = &*self.0;
        Cost {
            statements: statements.swap(0, Ordering::Relaxed),
            rows: rows.swap(0, Ordering::Relaxed),
        }
    }
}

impl Watch for Counter {
    fn rows(&self, _is_clock: bool, rows: Rows) -> Result<Rows, Fault> {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
        self.0.rows.fetch_add(rows.len(), Ordering::Relaxed);
        Ok(rows)
    }
}

/// A database that counts.
pub(crate) type Counted = Watched<SqliteDatabase, Counter>;

/// An empty store, and what it asks.
pub(crate) async fn counted(folder: &TempDir) -> (SqlStore<Counted>, Counter) {
    let file = folder.path().join("pledge.db");
    let database = Counted::open(file.to_str().unwrap()).await.unwrap();
    let counter = database.watch.clone();
    (SqlStore::over(database), counter)
}
