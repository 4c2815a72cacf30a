//! The stores of pledge in one SQLite file: the embedded, durable default.
//!
//! [`SqliteStore`] implements `BalanceStore`, `PointsStore` and `EventStore` of `pledge-core` over one
//! database, so a rewind takes the ledger and the points back, and says so, in one transaction.
//! Pending blocks are worth no disk: `MemoryPending` of `pledge-storage-memory` holds them beside it.
//!
//! - One connection writes, under `BEGIN IMMEDIATE`; several read beside it, each call in one
//!   snapshot, and never wait for the writer (write-ahead log).
//! - `synchronous = FULL`: what a call answered `Ok` to survives a crash of the machine.
//! - A call whose future is dropped is rolled back, unless it was already being committed: then it is
//!   there whole. Read the cursor again to know.
//! - Amounts are fixed-width big-endian blobs, never numbers of SQL: exact, and sorted as numbers.

mod balance_store;
mod batch;
mod bulk;
mod commit;
mod earnings;
mod error;
mod event_store;
mod events;
mod histories;
mod migrate;
mod points_reads;
mod points_store;
mod programmes;
mod reads;
mod registry;
mod restate;
mod rewind;
mod row;
mod store;

pub use migrate::SchemaVersion;
pub use store::SqliteStore;
