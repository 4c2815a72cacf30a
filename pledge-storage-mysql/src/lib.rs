//! The stores of pledge in one database of a MySQL (8 or later) or MariaDB (10.6 or later) server.
//!
//! [`MySqlStore`] implements `BalanceStore`, `PointsStore` and `EventStore` of `pledge-core` over one
//! database, so a rewind takes the ledger and the points back, and says so, in one transaction.
//!
//! - A write locks the row of what it builds on (its chain, its token, a consumer's position), then
//!   reads and checks it: under `READ COMMITTED` it sees what the last writer left. Any number of
//!   processes may write; those that assumed another state get `Conflict`.
//! - Reads never wait for a write, and each call reads one snapshot (`REPEATABLE READ`, read only).
//! - A write that met a deadlock or waited too long for a lock is taken back and answers
//!   `Unavailable`: the caller tries again. Nothing is tried again in here.
//! - A connection that is lost during a commit answers `Unavailable` too, and the write may be there
//!   or not. A write names what it builds on, so the same call again does no harm; to know, read the
//!   cursor.
//! - A call whose future is dropped is rolled back, unless it was already being committed: then it is
//!   there whole.
//! - Amounts are fixed-width big-endian bytes, never numbers of SQL: exact, and sorted as numbers.

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
mod session;
mod store;

pub use migrate::SchemaVersion;
pub use store::MySqlStore;
