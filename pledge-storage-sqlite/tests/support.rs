//! A database of its own for every test.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::error::StoreError;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::{LATER_UNDONE, OFFICE_TABLES};
use sqlx::migrate::Migrate;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, SqliteConnection};
use tempfile::TempDir;

#[path = "../src/earlier.rs"]
mod earlier;

use earlier::EARLIER;

/// Records a schema as an earlier release did that had the texts up to a version, and none of the office.
pub(crate) async fn as_earlier(db: &mut SqliteConnection, version: i64) {
    for undo in LATER_UNDONE {
        db.execute(undo).await.unwrap();
    }
    db.execute("DROP TABLE schema_migration").await.unwrap();
    for table in OFFICE_TABLES {
        db.execute(AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"))).await.unwrap();
    }
    db.ensure_migrations_table("_sqlx_migrations").await.unwrap();
    for made in EARLIER.iter().filter(|made| made.version <= version) {
        let insert = "INSERT INTO _sqlx_migrations \
                      (version, description, success, checksum, execution_time) \
                      VALUES (?, ?, TRUE, ?, 0)";
        let insert = sqlx::query(insert).bind(made.version).bind(&*made.description);
        insert.bind(&*made.checksum).execute(&mut *db).await.unwrap();
    }
}

/// A path to a database that does not exist yet; its folder goes with it.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> String {
        let file = self.folder.path().join("pledge.db");
        file.to_str().unwrap().to_owned()
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path()).await
    }

    /// Another program's connection to the same file.
    pub(crate) async fn outsider(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        options.connect().await.unwrap()
    }
}
