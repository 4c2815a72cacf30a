//! The database: one connection that writes, several that read.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_storage_sql::{Access, Database, Fault, SchemaVersion, Transaction};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use tokio::time::{Instant, sleep};

use crate::error::{codes, explain_open, fault, primary_code};
use crate::files::{self, Files, log_of};
use crate::migrate::{migrate, schema_version};
use crate::transaction::SqliteUnit;

/// How long a write waits for another program that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts to open a file that another opens.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
const READERS_MAX: u32 = 8;
const STATEMENTS_CACHED_MAX: usize = 512;
const WRITER_CACHE_KIB: u32 = 64 * 1024;
const ROWS_BUFFERED: usize = 512;

/// The connections to one file.
#[derive(Debug, Clone)]
pub struct SqliteDatabase {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Of a database that is written to.
    files: Option<Arc<Files>>,
    /// Asks nothing. While it is open, SQLite leaves the log where it is, though every other connection
    /// closes.
    keeper: Arc<Mutex<Option<SqliteConnection>>>,
}

impl SqliteDatabase {
    /// Opens a file that is not to outlive its process: as [`Database::open`], but no write waits for the
    /// disk. After a crash of the machine the file may be damaged.
    pub async fn open_unsynced(location: &str) -> Result<Self, StoreError> {
        let opened = Self::connect(location, BUSY_TIMEOUT, SqliteSynchronous::Off).await;
        opened.map_err(|fault| fault.during("open the database"))
    }

    async fn connect(
        location: &str,
        busy_timeout: Duration,
        synchronous: SqliteSynchronous,
    ) -> Result<Self, Fault> {
        let path = path_of(location)?;
        let explain = |error| explain_open(location, error);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(busy_timeout)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS_CACHED_MAX)
            .row_buffer_size(ROWS_BUFFERED)
            .disable_statement_logging();
        // The writer comes first, and alone: readers may not write, so the file, its log mode and
        // its schema must be there before them.
        files::create(&path);
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"));
        let writer = open_writer(writing, busy_timeout).await.map_err(explain)?;
        migrate(&writer, location).await?;
        let reading = options.pragma("query_only", "on");
        let keeper = keeper(&reading).await.map_err(explain)?;
        let readers = pool_options(READERS_MAX);
        let readers = readers.connect_with(reading).await.map_err(explain)?;
        let files = Files::of(&path).map_err(|error| {
            Fault::unavailable(format!("`{location}` went while it was opened")).caused_by(error)
        })?;
        let keeper = Arc::new(Mutex::new(Some(keeper)));
        Ok(Self { writer, readers, files: Some(Arc::new(files)), keeper })
    }

    async fn connect_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        let path = path_of(location)?;
        // A file without a log has no writer, and is read without making one.
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .read_only(true)
            .immutable(!log_of(&path).exists())
            .disable_statement_logging();
        let explain = |error| explain_open(location, error);
        let readers = pool_options(READERS_MAX).connect_with(options).await.map_err(explain)?;
        let mut db = readers.acquire().await.map_err(explain)?;
        sqlx::query("PRAGMA schema_version").execute(&mut *db).await.map_err(explain)?;
        let version = schema_version(db, location).await?;
        let (writer, keeper) = (readers.clone(), Arc::default());
        Ok((Self { writer, readers, files: None, keeper }, version))
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn open(location: &str) -> Result<Self, Fault> {
        Self::connect(location, BUSY_TIMEOUT, SqliteSynchronous::Full).await
    }

    /// Writes no file, unless a program that did not close the database left its log behind.
    async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        Self::connect_read_only(location).await
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        let options = (*self.readers.connect_options()).clone();
        let readers = pool_options(connections_max.get().into()).connect_lazy_with(options);
        // What writes through it is refused, since its connections only read.
        Self { writer: readers.clone(), readers, files: None, keeper: Arc::default() }
    }

    /// Also folds the log into the file.
    async fn close(&self) {
        self.readers.close().await;
        let keeper = self.keeper.lock().expect("no holder panics").take();
        if let Some(keeper) = keeper {
            // One that cannot be closed is closed by being dropped.
            let _ = keeper.close().await;
        }
        self.writer.close().await;
    }

    async fn check(&self) -> Result<(), Fault> {
        self.files.as_ref().map_or(Ok(()), |files| files.check())
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        let begun = match access {
            Access::Write => {
                let begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
                begun.map(|tx| SqliteUnit::Write(tx, self.files.clone()))
            }
            Access::Read => self.readers.begin().await.map(SqliteUnit::Read),
            Access::ReadOnce => self.readers.acquire().await.map(SqliteUnit::Statement),
        };
        Ok(Box::new(begun.map_err(fault)?))
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

/// A connection that has the log open: SQLite opens it with the first read.
async fn keeper(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut keeper = options.connect().await?;
    sqlx::query("PRAGMA schema_version").execute(&mut keeper).await?;
    Ok(keeper)
}

/// The first to open a new file turns its log on. Meanwhile others are refused at once, whatever
/// their timeout, so they try again until it is over.
async fn open_writer(
    options: SqliteConnectOptions,
    patience: Duration,
) -> sqlx::Result<SqlitePool> {
    let is_busy =
        |error: &sqlx::Error| error.as_database_error().and_then(primary_code) == Some(codes::BUSY);
    let until = Instant::now() + patience;
    loop {
        match pool_options(1).connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < until => sleep(BUSY_PAUSE).await,
            opened => return opened,
        }
    }
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

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use pledge_core::error::StoreErrorKind;
    use pledge_core::ports::{LedgerReads, Registry};
    use pledge_core::types::ChainId;

    use super::*;
    use crate::SqliteStore;

    async fn fresh(busy_timeout: Duration) -> (SqliteStore, SqliteDatabase, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pledge.db");
        let synced = SqliteSynchronous::Full;
        let opened = SqliteDatabase::connect(file.to_str().unwrap(), busy_timeout, synced).await;
        let database = opened.unwrap();
        (SqliteStore::over(database.clone()), database, folder)
    }

    async fn kind_of_write(store: &SqliteStore, name: &str) -> Result<(), StoreErrorKind> {
        let done = store.register_chain(ChainId::new(1), name).await;
        done.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_full_disk_is_unavailable_and_writes_go_on_once_there_is_room() {
        let (store, database, _folder) = fresh(BUSY_TIMEOUT).await;
        let pages: i64 =
            sqlx::query_scalar("PRAGMA page_count").fetch_one(&database.writer).await.unwrap();
        let limit = format!("PRAGMA max_page_count = {pages}");
        let limit = sqlx::AssertSqlSafe(limit);
        sqlx::query(limit).execute(&database.writer).await.unwrap();
        let long = "x".repeat(1 << 20);
        let full = store.register_chain(ChainId::new(1), &long).await.unwrap_err();
        assert_eq!(full.kind(), StoreErrorKind::Unavailable);
        let source = full.source().unwrap();
        let text = source.to_string();
        assert!(text.ends_with("database or disk is full"), "{text}");
        assert!(source.source().is_none(), "the driver's text has its sources in it");
        assert_eq!(store.chains().await.unwrap(), []);
        let unlimited = "PRAGMA max_page_count = 1073741823";
        sqlx::query(unlimited).execute(&database.writer).await.unwrap();
        assert_eq!(kind_of_write(&store, &long).await, Ok(()));
    }

    #[tokio::test]
    async fn a_transaction_that_ended_by_itself_does_not_block_later_writes() {
        let (store, database, _folder) = fresh(BUSY_TIMEOUT).await;
        let mut unit = database.begin(Access::Write).await.unwrap();
        unit.execute("ROLLBACK".into(), Vec::new()).await.unwrap();
        unit.roll_back(StoreErrorKind::Corrupt).await;
        assert_eq!(kind_of_write(&store, "one").await, Ok(()));
    }

    #[tokio::test]
    async fn a_writer_that_is_closed_leaves_the_log_to_the_next() {
        let (store, database, _folder) = fresh(BUSY_TIMEOUT).await;
        for name in ["one", "two"] {
            assert_eq!(kind_of_write(&store, name).await, Ok(()));
            let writer = database.writer.acquire().await.unwrap();
            writer.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_file_that_another_program_writes_is_unavailable() {
        let (store, _database, folder) = fresh(Duration::from_millis(50)).await;
        let location = folder.path().join("pledge.db");
        let other = SqliteDatabase::open(location.to_str().unwrap()).await;
        let unit = other.unwrap().begin(Access::Write).await.unwrap();
        let held = kind_of_write(&store, "one").await;
        assert_eq!(held, Err(StoreErrorKind::Unavailable));
        unit.commit().await.unwrap();
        assert_eq!(kind_of_write(&store, "one").await, Ok(()));
    }

    #[tokio::test]
    async fn every_commit_is_synced_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pledge.db");
        let database = SqliteDatabase::open(file.to_str().unwrap()).await.unwrap();
        assert_eq!(modes(&database).await, ("wal".to_owned(), 2));
    }

    #[tokio::test]
    async fn a_file_that_is_not_to_outlive_its_process_is_not_synced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pledge.db");
        let database = SqliteDatabase::open_unsynced(file.to_str().unwrap()).await.unwrap();
        assert_eq!(modes(&database).await, ("wal".to_owned(), 0));
        let store = SqliteStore::over(database);
        assert_eq!(kind_of_write(&store, "one").await, Ok(()));
    }

    /// The mode of the log, and `synchronous`.
    async fn modes(database: &SqliteDatabase) -> (String, i64) {
        let mut writer = database.writer.acquire().await.unwrap();
        let mode = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *writer).await;
        let synchronous = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *writer).await;
        (mode.unwrap(), synchronous.unwrap())
    }

    #[tokio::test]
    async fn a_database_that_is_looked_at_is_read_and_left_as_it_is() {
        let (store, _database, folder) = fresh(BUSY_TIMEOUT).await;
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
        let (_store, database, _folder) = fresh(BUSY_TIMEOUT).await;
        let written = sqlx::query("DELETE FROM chain").execute(&database.readers).await;
        assert!(written.is_err());
    }
}
