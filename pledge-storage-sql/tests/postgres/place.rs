//! Tables of its own for every test.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::thread;

use pledge_storage_sql::SqlStore;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::database::PostgresDatabase;

const VARIABLE: &str = "PLEDGE_TEST_POSTGRES_URL";

pub(crate) type PostgresStore = SqlStore<PostgresDatabase>;

/// An empty schema in the database of `PLEDGE_TEST_POSTGRES_URL`, dropped at the end.
pub(crate) struct Schema {
    server: String,
    name: String,
}

impl Schema {
    pub(crate) async fn new() -> Self {
        let server = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!("{VARIABLE} names no database: run `scripts/services.sh exec cargo test …`")
        });
        let name = format!("pledge_test_{:016x}", RandomState::new().hash_one("a schema"));
        administer(&server, format!("CREATE SCHEMA {name}")).await;
        Self { server, name }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}?options[search_path]={}", self.server, self.name)
    }

    /// Another program's connection to the same tables.
    #[cfg(feature = "office")]
    pub(crate) async fn outsider(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::open(&self.url()).await.unwrap()
    }
}

impl Drop for Schema {
    /// Runs on a thread of its own, since the current one may be the test's runtime.
    fn drop(&mut self) {
        let (server, drop) = (self.server.clone(), format!("DROP SCHEMA {} CASCADE", self.name));
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(administer(&server, drop));
        });
        if dropped.join().is_err() && !thread::panicking() {
            panic!("schema {} is left behind", self.name);
        }
    }
}

async fn administer(server: &str, sql: String) {
    let mut admin = PgConnection::connect(server).await.unwrap();
    admin.execute(AssertSqlSafe(sql)).await.unwrap();
    admin.close().await.unwrap();
}
