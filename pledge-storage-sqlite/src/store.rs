//! The database: one connection that writes, several that read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pledge_core::error::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::{Fault, codes, primary_code};
use crate::migrate::{SchemaVersion, migrate, schema_version};

/// How long a write waits for another program that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS_MAX: u32 = 8;
const STATEMENTS_CACHED_MAX: usize = 512;
const WRITER_CACHE_KIB: u32 = 64 * 1024;
const ROWS_BUFFERED: usize = 512;

/// The ledger and the points of any number of chains, in one SQLite file.
///
/// A clone is another handle to the same connections.
///
/// ```
/// use pledge_core::ports::BalanceStore;
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
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the database, a path or `sqlite:` and a path, and brings its schema up to date. A file
    /// that does not exist is created; its folder is not.
    ///
    /// `Invalid` for a location that cannot be a database of ours, a database of another program,
    /// or one written by a newer version; `Unavailable` while another program holds it.
    pub async fn open(location: &str) -> Result<Self, StoreError> {
        let opened = Self::connect(location, BUSY_TIMEOUT).await;
        opened.map_err(|fault| fault.during("open the database"))
    }

    async fn connect(location: &str, busy_timeout: Duration) -> Result<Self, Fault> {
        let path = path_of(location)?;
        let explain = |error| explain_open(location, error);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(busy_timeout)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS_CACHED_MAX)
            .row_buffer_size(ROWS_BUFFERED)
            .disable_statement_logging();
        let writing = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"));
        let writer = pool_options(1).connect_with(writing).await.map_err(explain)?;
        migrate(&writer, location).await?;
        let reading = options.pragma("query_only", "on");
        let readers = pool_options(READERS_MAX);
        let readers = readers.connect_with(reading).await.map_err(explain)?;
        Ok(Self { writer, readers })
    }

    /// Opens a database for reading alone and tells the version of its schema, which stays as it is:
    /// where it is not current, reads may fail. Writes fail. Writes no file, unless a program
    /// that did not close the database left its log behind.
    ///
    /// `Invalid` as for [`SqliteStore::open`], and where there is no file.
    pub async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), StoreError> {
        let opened = Self::connect_read_only(location).await;
        opened.map_err(|fault| fault.during("look at the database"))
    }

    async fn connect_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        let path = path_of(location)?;
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        // A file without a log is written by nobody, and read without making one.
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .read_only(true)
            .immutable(!Path::new(&log).exists())
            .disable_statement_logging();
        let explain = |error| explain_open(location, error);
        let readers = pool_options(READERS_MAX).connect_with(options).await.map_err(explain)?;
        let mut db = readers.acquire().await.map_err(explain)?;
        sqlx::query("PRAGMA schema_version").execute(&mut *db).await.map_err(explain)?;
        let version = schema_version(&mut db, location).await?;
        Ok((Self { writer: readers.clone(), readers }, version))
    }

    /// Waits for the calls under way, closes every connection and folds the log into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A write: whole, or rolled back when its outcome is an error or its future is dropped.
    pub(crate) async fn write(&self, operation: &'static str) -> Result<Unit, StoreError> {
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        Unit::of(begun.map(Access::Transaction), operation)
    }

    /// Several reads over one snapshot.
    pub(crate) async fn read(&self, operation: &'static str) -> Result<Unit, StoreError> {
        let begun = self.readers.begin().await;
        Unit::of(begun.map(Access::Transaction), operation)
    }

    /// A read of one statement, which is a snapshot by itself.
    pub(crate) async fn read_once(&self, operation: &'static str) -> Result<Unit, StoreError> {
        let acquired = self.readers.acquire().await;
        Unit::of(acquired.map(Access::Statement), operation)
    }
}

/// What one call of a port does with the database.
#[derive(Debug)]
pub(crate) struct Unit {
    access: Access,
    operation: &'static str,
}

#[derive(Debug)]
enum Access {
    Transaction(Transaction<'static, Sqlite>),
    Statement(PoolConnection<Sqlite>),
}

impl Unit {
    fn of(access: sqlx::Result<Access>, operation: &'static str) -> Result<Self, StoreError> {
        let access = access.map_err(|error| Fault::from(error).during(operation))?;
        Ok(Self { access, operation })
    }

    pub(crate) fn db(&mut self) -> &mut SqliteConnection {
        match &mut self.access {
            Access::Transaction(tx) => tx,
            Access::Statement(connection) => connection,
        }
    }

    /// Commits what succeeded; takes back what failed.
    pub(crate) async fn finish<T>(self, outcome: Result<T, Fault>) -> Result<T, StoreError> {
        let Self { access, operation } = self;
        let ended = match (access, outcome) {
            (Access::Statement(_), outcome) => outcome,
            (Access::Transaction(tx), Ok(answer)) => {
                tx.commit().await.map(|()| answer).map_err(Fault::from)
            }
            (Access::Transaction(tx), Err(fault)) => {
                // Most errors leave the transaction open; some have ended it already, and then
                // there is nothing to take back and the pool drops the connection.
                if let Err(error) = tx.rollback().await {
                    tracing::debug!(%error, operation, "rollback found no transaction");
                }
                Err(fault)
            }
        };
        ended.map_err(|fault| fault.during(operation))
    }
}

fn path_of(location: &str) -> Result<PathBuf, Fault> {
    let path = location.strip_prefix("sqlite:").unwrap_or(location);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" || path.contains('?') {
        let detail = format!(
            "`{location}` names no file; write a path such as pledge.db or sqlite:pledge.db"
        );
        return Err(Fault::invalid(detail));
    }
    Ok(PathBuf::from(path))
}

fn pool_options(connections_max: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_reusable(connection)))
}

/// Whether a connection is out of its transaction.
///
/// A full disk or a failed read may end a transaction inside SQLite; the driver then counts one
/// that no longer exists and refuses every later `BEGIN`. Such a connection is closed, which also
/// rolls back whatever is left. The ping waits for a rollback that a dropped call has queued.
async fn is_reusable(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// What is wrong with the location, where that is what an error means while opening.
pub(crate) fn explain_open(location: &str, error: sqlx::Error) -> Fault {
    let code = error.as_database_error().and_then(primary_code);
    let detail = match code {
        Some(codes::CANTOPEN) => "cannot be opened: does its folder exist, and may we write there?",
        Some(codes::NOTADB) => "is not an SQLite database: name another file",
        _ => return Fault::from(error),
    };
    Fault::invalid(format!("`{location}` {detail}")).caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use pledge_core::error::StoreErrorKind;
    use pledge_core::ports::BalanceStore;
    use pledge_core::types::ChainId;

    use super::*;

    async fn fresh(busy_timeout: Duration) -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pledge.db");
        let location = file.to_str().unwrap();
        let store = SqliteStore::connect(location, busy_timeout).await;
        (store.unwrap(), folder)
    }

    async fn kind_of_write(store: &SqliteStore, name: &str) -> Result<(), StoreErrorKind> {
        let done = store.register_chain(ChainId::new(1), name).await;
        done.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_full_disk_is_unavailable_and_writes_go_on_once_there_is_room() {
        let (store, _folder) = fresh(BUSY_TIMEOUT).await;
        let pages: i64 =
            sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.writer).await.unwrap();
        let limit = format!("PRAGMA max_page_count = {pages}");
        let limit = sqlx::AssertSqlSafe(limit);
        sqlx::query(limit).execute(&store.writer).await.unwrap();
        let long = "x".repeat(1 << 20);
        let full = store.register_chain(ChainId::new(1), &long).await.unwrap_err();
        assert_eq!(full.kind(), StoreErrorKind::Unavailable);
        let source = full.source().unwrap();
        let told = source.to_string();
        assert!(told.ends_with("database or disk is full"), "{told}");
        assert!(source.source().is_none(), "the driver's text has its sources in it");
        assert_eq!(store.chains().await.unwrap(), []);
        let unlimited = "PRAGMA max_page_count = 1073741823";
        sqlx::query(unlimited).execute(&store.writer).await.unwrap();
        assert_eq!(kind_of_write(&store, &long).await, Ok(()));
    }

    #[tokio::test]
    async fn a_transaction_that_ended_by_itself_does_not_block_later_writes() {
        let (store, _folder) = fresh(BUSY_TIMEOUT).await;
        let mut unit = store.write("test").await.unwrap();
        sqlx::query("ROLLBACK").execute(unit.db()).await.unwrap();
        let failed = Err::<(), _>(Fault::corrupt("test"));
        unit.finish(failed).await.unwrap_err();
        assert_eq!(kind_of_write(&store, "one").await, Ok(()));
    }

    #[tokio::test]
    async fn a_file_that_another_program_writes_is_unavailable() {
        let (store, folder) = fresh(Duration::from_millis(50)).await;
        let location = folder.path().join("pledge.db");
        let other = SqliteStore::connect(location.to_str().unwrap(), BUSY_TIMEOUT).await;
        let holder = other.unwrap();
        let unit = holder.write("hold").await.unwrap();
        let held = kind_of_write(&store, "one").await;
        assert_eq!(held, Err(StoreErrorKind::Unavailable));
        unit.finish(Ok(())).await.unwrap();
        assert_eq!(kind_of_write(&store, "one").await, Ok(()));
    }

    #[tokio::test]
    async fn every_commit_is_synced_to_the_disk() {
        let (store, _folder) = fresh(BUSY_TIMEOUT).await;
        let mut unit = store.write("test").await.unwrap();
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(unit.db()).await.unwrap();
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(unit.db()).await.unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    }

    #[tokio::test]
    async fn a_database_that_is_looked_at_is_read_and_left_as_it_is() {
        let (store, folder) = fresh(BUSY_TIMEOUT).await;
        store.register_chain(ChainId::new(1), "one").await.unwrap();
        let file = folder.path().join("pledge.db");
        for closed in [false, true] {
            if closed {
                store.close().await;
            }
            let (before, files) = (std::fs::read(&file).unwrap(), files(&folder));
            let looked = SqliteStore::open_read_only(file.to_str().unwrap()).await;
            let (reader, version) = looked.unwrap();
            assert!(version.is_current(), "{version:?}");
            assert_eq!(reader.chains().await.unwrap().len(), 1);
            assert!(kind_of_write(&reader, "two").await.is_err());
            reader.close().await;
            assert_eq!((std::fs::read(&file).unwrap(), self::files(&folder)), (before, files));
        }
    }

    fn files(folder: &tempfile::TempDir) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_is_no_database_of_ours_is_invalid_to_look_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pledge.db");
        let location = file.to_str().unwrap();
        let kind = async || SqliteStore::open_read_only(location).await.unwrap_err().kind();
        assert_eq!(kind().await, StoreErrorKind::Invalid);
        std::fs::write(&file, "no database at all, but some text ".repeat(100)).unwrap();
        assert_eq!(kind().await, StoreErrorKind::Invalid);
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let (store, _folder) = fresh(BUSY_TIMEOUT).await;
        let written = sqlx::query("DELETE FROM chain").execute(&store.readers).await;
        assert!(written.is_err());
    }
}
