//! The stores of pledge in one SQLite file: the embedded, durable default.
//!
//! [`SqliteStore`] implements `BalanceStore`, `PointsStore`, `EventStore` and `Archive` of
//! `pledge-core` over one database, so a rewind takes back ledger and points, and records its
//! event, in one transaction. Pending blocks are worth no disk: `MemoryPending` of
//! `pledge-storage-memory` holds them.
//!
//! - One connection writes, under `BEGIN IMMEDIATE`; several read meanwhile, each call in one
//!   snapshot, and never wait for the writer (write-ahead log). `SqliteStore::for_readers` gives readers
//!   outside connections of their own, within bounds.
//! - `synchronous = FULL`: what a call answered `Ok` to survives a crash of the machine, unless the
//!   database was opened by [`SqliteDatabase::open_unsynced`], for a file that goes with its process.
//! - A file that is deleted or replaced while it is open is written to no more: every write is
//!   `Unavailable` from then on, and [`SqliteStore::check`] reports it without one. So is every write
//!   once a newer release has begun to change the schema.
//! - A new file is readable and writable by its owner alone, as are its log and its index.
//! - A call whose future is dropped is rolled back, unless it was already being committed: then it is
//!   there whole. Read the cursor again to know.
//! - Amounts are fixed-width big-endian blobs, never numbers of SQL: exact, and sorted as numbers.
//!
//! # Features
//!
//! - `office`, off by default: the stores of `pledge-office` in the same database, in tables of their own.

mod database;
mod dialect;
mod earlier;
mod error;
mod files;
mod migrate;
mod transaction;
mod values;

pub use database::SqliteDatabase;
pub use pledge_storage_sql::{CallerBounds, ReaderBounds, SchemaVersion, StoreLoad};

/// The ledger and the points of any number of chains, in one SQLite file.
///
/// A location is a path or `sqlite:` and a path. A file that does not exist is created; its folder is
/// not. A file that is only looked at (`open_read_only`) must exist, and is not written to, unless a
/// program that did not close it left its log behind. Closing folds the log into the file.
///
/// A clone is another handle to the same connections.
///
/// ```
/// use pledge_core::ports::{LedgerReads, Registry};
/// use pledge_core::types::ChainId;
/// use pledge_storage_sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("pledge.db");
/// # let location = format!("sqlite:{}", file.display());
/// let store = SqliteStore::open(&location).await?;
/// store.register_chain(ChainId::new(1), "ethereum").await?;
/// assert_eq!(store.chains().await?.len(), 1);
/// store.close().await;
/// # Ok(())
/// # }
/// ```
pub type SqliteStore = pledge_storage_sql::SqlStore<SqliteDatabase>;
