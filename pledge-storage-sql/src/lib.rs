//! What a store of pledge over SQL does, whatever the database.
//!
//! [`SqlStore`] implements `BalanceStore`, `PointsStore`, `EventStore`, `AuditReads`, `LogStore` and
//! `Archive` of `pledge-core` over a [`Database`]: every statement, what is decided between two of them, and how a row becomes a record.
//! A database brings its connections and transactions, what its errors mean, and a [`Dialect`].
//! `pledge-storage-sqlite` and `pledge-storage-mysql` are two.
//!
//! - Statements keep to what SQLite, MySQL, MariaDB and PostgreSQL share; the dialect words the rest.
//! - A migration is one text for every database, worded by the [`SchemaDialect`]; a [`Schema`] finds out
//!   how far a database is, and brings it up to date.
//! - Texts are few, and the same again for the same call: each is worth being kept prepared.
//! - A write locks the row of what it builds on (its chain, its token, a consumer's position), then
//!   reads and checks it. Those that assumed another state get `Conflict`.
//! - With the feature `office` it implements the ports of `pledge-office` too, in tables and with migrations
//!   of their own. Without it those tables are neither made nor needed, and left alone where they are.
//! - Amounts are fixed-width big-endian bytes, never numbers of SQL: exact, and sorted as numbers.

mod archive;
mod audit;
mod balance_store;
mod batch;
mod bulk;
mod column;
mod commit;
mod connection;
mod contracts;
mod database;
mod decision_log;
mod decisions;
mod dialect;
mod earnings;
mod edges;
mod event_store;
mod events;
mod fault;
mod histories;
mod load;
mod log_store;
mod new_blocks;
#[cfg(feature = "office")]
mod office;
mod outside;
mod points_reads;
mod points_store;
mod programmes;
mod query;
mod readers;
mod reads;
mod registry;
mod restate;
mod retention;
mod rewind;
mod row;
mod schema;
mod schema_dialect;
mod scope;
mod statements;
mod store;
mod unreadable;

pub use connection::{Connection, Row, Value};
pub use database::{Access, Database, SchemaVersion, Transaction};
pub use dialect::{Conflict, Dialect, EventCounter, Marks};
pub use fault::Fault;
pub use load::StoreLoad;
pub use outside::{CallerBounds, ReaderBounds};
pub use readers::SqlReaders;
pub use schema::{Place, Schema};
pub use schema_dialect::{ColumnType, Part, RowOrder, SchemaDialect};
pub use store::SqlStore;
