//! The databases: a store and a plain table in each.

use std::sync::Arc;

use pledge_core::ports::BalanceStore;
use pledge_storage_mysql::MySqlStore;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::MySqlPlace;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, MySqlConnection, SqliteConnection};
use tempfile::TempDir;

use crate::plain::Plain;

/// What is measured: a store, and a plain table in the same database.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// What decides how long a commit takes.
    pub(crate) settings: String,
    pub(crate) store: Arc<dyn BalanceStore>,
    pub(crate) plain: Plain,
    _place: Place,
}

/// The database's location, removed with the subject.
enum Place {
    Folder { _folder: TempDir },
    Database { _database: MySqlPlace },
}

impl Subject {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("bench.db");
        let store = SqliteStore::open(file.to_str().expect("a path in UTF-8")).await;
        let store = store.expect("open a fresh file");
        // As the store sets its own.
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-65536");
        let mut db = options.connect().await.expect("a connection to the same file");
        copy_sqlite_table(&mut db).await;
        let settings = sqlite_settings(&mut db).await;
        Self {
            name: "SQLite",
            settings: format!("{settings}; the file is in {}", std::env::temp_dir().display()),
            store: Arc::new(store),
            plain: Plain::Sqlite(db),
            _place: Place::Folder { _folder: folder },
        }
    }

    pub(crate) async fn mysql() -> Self {
        let place = MySqlPlace::new().await;
        let store = MySqlStore::open(&place.url()).await.expect("open a fresh database");
        let mut db = place.outsider().await;
        let like_the_store = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
        db.execute(like_the_store).await.expect("a setting");
        let copy = "CREATE TABLE plain_change LIKE user_balance_change";
        db.execute(copy).await.expect("a table like the store's");
        Self {
            name: "MariaDB",
            settings: mysql_settings(&mut db).await,
            store: Arc::new(store),
            plain: Plain::MySql(db),
            _place: Place::Database { _database: place },
        }
    }
}

/// The same columns, checks and keys under another name.
async fn copy_sqlite_table(db: &mut SqliteConnection) {
    let definitions = "SELECT replace(sql, 'user_balance_change', 'plain_change') FROM sqlite_schema \
                       WHERE tbl_name = 'user_balance_change' AND sql IS NOT NULL ORDER BY type DESC";
    let definitions: Vec<String> =
        sqlx::query_scalar(definitions).fetch_all(&mut *db).await.expect("the store's schema");
    assert_eq!(definitions.len(), 2, "a table and its index by time");
    for definition in definitions {
        db.execute(AssertSqlSafe(definition)).await.expect("a table like the store's");
    }
}

async fn sqlite_settings(db: &mut SqliteConnection) -> String {
    let read = "SELECT format('%s, journal_mode %s, synchronous %d', sqlite_version(), \
                (SELECT journal_mode FROM pragma_journal_mode), \
                (SELECT synchronous FROM pragma_synchronous))";
    sqlx::query_scalar(read).fetch_one(db).await.expect("the settings")
}

async fn mysql_settings(db: &mut MySqlConnection) -> String {
    let read = "SELECT CAST(concat(version(), ', innodb_flush_log_at_trx_commit ', \
                @@innodb_flush_log_at_trx_commit, ', log_bin ', @@log_bin, ', sync_binlog ', \
                @@sync_binlog, ', innodb_buffer_pool_size ', @@innodb_buffer_pool_size, \
                ', datadir ', @@datadir) AS CHAR)";
    sqlx::query_scalar(read).fetch_one(db).await.expect("the settings")
}
