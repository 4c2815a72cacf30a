//! The stores of pledge in one database of a MySQL (8 or later) or MariaDB (10.8 or later) server.
//!
//! [`MySqlStore`] implements `BalanceStore`, `PointsStore`, `LogStore`, `EventStore` and `Archive`
//! of `pledge-core` over one database, so a rewind takes back ledger, points and contracts' logs,
//! and records its event, in one transaction.
//!
//! - A write locks the row of what it builds on (its chain, its token, a consumer's position), then
//!   reads and checks it: under `READ COMMITTED` it sees what the last writer left. Any number of
//!   processes may write; those that assumed another state get `Conflict`.
//! - Reads never wait for a write, and each call reads one snapshot (`REPEATABLE READ`, read only).
//!   `MySqlStore::for_readers` gives readers outside connections of their own, within bounds.
//! - A write that met a deadlock or waited too long for a lock is taken back and answers
//!   `Unavailable`: the caller tries again. Nothing is tried again in here.
//! - A connection that is lost during a commit answers `Unavailable` too, and the write may be there
//!   or not. A write names what it builds on, so the same call again does no harm; to know, read the
//!   cursor.
//! - A server that does not answer is given up after a time ([`Timeouts`]): `Unavailable`, once
//!   more.
//! - Once a newer release has begun to change the schema, every write is `Unavailable`. Once the change
//!   is whole, [`MySqlStore::check`] gives the reason; one that is withdrawn lets writes go on.
//! - A call whose future is dropped is rolled back, unless it was already being committed: then it is
//!   there whole.
//! - Amounts are fixed-width big-endian bytes, never numbers of SQL: exact, and sorted as numbers.
//!
//! # Features
//!
//! - `office`, off by default: the stores of `pledge-office` in the same database, in tables of their own.

mod database;
mod dialect;
mod direct;
mod earlier;
mod endpoint;
mod error;
mod migrate;
mod pool;
mod session;
mod timeouts;
mod transaction;
mod values;

pub use database::MySqlDatabase;
pub use pledge_storage_sql::{CallerBounds, ReaderBounds, SchemaVersion, StoreLoad};
pub use timeouts::Timeouts;

/// The ledger and the points of any number of chains, in one database of a server.
///
/// A location is a URL that names a database, which must exist. `?ssl-mode=` and the other parameters
/// are those of the server's own clients; without one the connection is encrypted if the server can.
/// A user or a database that the server does not know is `Invalid`.
///
/// A clone is another handle to the same connections.
///
/// ```no_run
/// use pledge_core::ports::{LedgerReads, Registry};
/// use pledge_core::types::ChainId;
/// use pledge_storage_mysql::MySqlStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MySqlStore::open("mysql://pledge:secret@127.0.0.1:3306/pledge").await?;
/// store.register_chain(ChainId::new(1), "ethereum").await?;
/// assert_eq!(store.chains().await?.len(), 1);
/// store.close().await;
/// # Ok(())
/// # }
/// ```
pub type MySqlStore = pledge_storage_sql::SqlStore<MySqlDatabase>;
