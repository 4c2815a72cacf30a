//! A store in a database of its own for every test.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::error::StoreError;
use pledge_storage_mysql::MySqlStore;
use pledge_testing::{LATER_UNDONE, MySqlPlace};
use sqlx::migrate::Migrate;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

#[path = "../src/earlier.rs"]
mod earlier;

use earlier::EARLIER;

/// Records a schema as an earlier release did that had all of those texts.
pub(crate) async fn as_earlier(db: &mut MySqlConnection) {
    for undo in LATER_UNDONE {
        db.execute(undo).await.unwrap();
    }
    db.execute("DROP TABLE schema_migration").await.unwrap();
    db.ensure_migrations_table("_sqlx_migrations").await.unwrap();
    for made in EARLIER.iter() {
        let insert = "INSERT INTO _sqlx_migrations \
                      (version, description, success, checksum, execution_time) \
                      VALUES (?, ?, TRUE, ?, 0)";
        let insert = sqlx::query(insert).bind(made.version).bind(&*made.description);
        insert.bind(&*made.checksum).execute(&mut *db).await.unwrap();
    }
}

/// Every table of the schema as the server describes it.
pub(crate) async fn schema(db: &mut MySqlConnection) -> Vec<(String, String)> {
    let names = "SELECT CAST(table_name AS CHAR) AS name FROM information_schema.tables \
                 WHERE table_schema = DATABASE() ORDER BY 1";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *db).await.unwrap();
    let mut tables = Vec::new();
    for name in names {
        let show = AssertSqlSafe(format!("SHOW CREATE TABLE {name}"));
        let (name, mut text): (String, String) =
            sqlx::query_as(show).fetch_one(&mut *db).await.unwrap();
        // The next number is not of the schema.
        if let Some(start) = text.find(" AUTO_INCREMENT=") {
            let digits = text[start + 16..].find(' ').unwrap();
            text.replace_range(start..start + 16 + digits, "");
        }
        tables.push((name, text));
    }
    tables
}

/// An empty database that is opened as a store, dropped at the end.
pub(crate) struct Place(MySqlPlace);

impl Place {
    pub(crate) async fn new() -> Self {
        Self(MySqlPlace::new().await)
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    pub(crate) async fn open(&self) -> MySqlStore {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<MySqlStore, StoreError> {
        MySqlStore::open(&self.url()).await
    }

    /// Another program's connection to the same database.
    pub(crate) async fn outsider(&self) -> MySqlConnection {
        self.0.outsider().await
    }
}
