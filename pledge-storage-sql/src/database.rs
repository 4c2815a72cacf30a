//! A database: where connections come from, and how a transaction ends.

use std::fmt::Debug;
use std::num::NonZeroU16;

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;

use crate::connection::Connection;
use crate::fault::Fault;

/// The name of the set that every database has.
pub(crate) const ENGINE: &str = "engine";

/// The version of a database's schema, and the newest that this release knows: of the first set of
/// migrations that is not up to date, of the engine's where all are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The set of migrations: `engine` or `office`.
    pub set: &'static str,
    /// The version of that set in the database; zero for none of it.
    pub found: i64,
    /// The version which [`SqlStore::open`](crate::SqlStore::open) brings it to.
    pub newest: i64,
    /// Whether the database has no tables of pledge yet, of any set.
    pub is_empty: bool,
}

impl SchemaVersion {
    /// Whether every set is up to date.
    pub const fn is_current(&self) -> bool {
        self.found == self.newest
    }

    /// Whether what the engine's ports read is up to date, whatever the sets behind it lack.
    pub fn has_engine(&self) -> bool {
        self.is_current() || self.set != ENGINE
    }

    /// Follows the number in a text: ` of the office`, and nothing for the engine's.
    pub fn of_set(&self) -> String {
        if self.set == ENGINE { String::new() } else { format!(" of the {}", self.set) }
    }
}

/// What a call does with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A write: whole, or taken back when it ends otherwise or is dropped. Each of its statements sees
    /// what is committed.
    Write,
    /// Several reads over one snapshot. They wait for no write.
    Read,
    /// A read of one statement, which is a snapshot by itself.
    ReadOnce,
}

/// A database that holds the tables of pledge. A clone is another handle to the same connections.
#[async_trait]
pub trait Database: Debug + Clone + Send + Sync + 'static {
    /// Opens the database and brings its schema up to date.
    async fn open(location: &str) -> Result<Self, Fault>;

    /// Opens the database to look at it: its schema stays as it is, and writes fail.
    async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault>;

    /// Another handle to the same database, for reads alone, with connections of its own: at most
    /// `connections_max`, made when they are needed. So the calls of one handle never wait for a
    /// connection that the other uses. Closing it closes these alone.
    fn for_readers(&self, connections_max: NonZeroU16) -> Self;

    /// Waits for the calls under way and closes every connection of this handle. A later call is
    /// `Unavailable`.
    async fn close(&self);

    /// Whether the database that was opened is still the one at its place. `Unavailable` if not, and it will
    /// not be again: every later write is refused.
    async fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Begins what one call does.
    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault>;
}

/// What one call does with the database. Dropped, it is taken back.
#[async_trait]
pub trait Transaction: Connection {
    /// Makes its writes durable. `Unavailable` also where that is unknown.
    async fn commit(self: Box<Self>) -> Result<(), Fault>;

    /// Takes its writes back, after an error of this kind. Afterwards none of its locks is left.
    async fn roll_back(self: Box<Self>, after: StoreErrorKind);
}
