//! A database of its own for every test.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::thread;

use pledge_core::error::StoreError;
use pledge_storage_mysql::MySqlStore;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection};

const VARIABLE: &str = "PLEDGE_TEST_MYSQL_URL";

/// A URL such as `mysql://root@127.0.0.1:3306`, of a user who may create databases.
fn server() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} names no server: run `scripts/services.sh exec cargo test …`")
    })
}

/// An empty database, dropped at the end.
pub(crate) struct Place {
    name: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let name = format!("pledge_test_{:016x}", RandomState::new().hash_one("a database"));
        administer(format!("CREATE DATABASE {name} CHARACTER SET latin1")).await;
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/{}", server().trim_end_matches('/'), self.name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn open(&self) -> MySqlStore {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<MySqlStore, StoreError> {
        MySqlStore::open(&self.url()).await
    }

    /// Another program's connection to the same database.
    pub(crate) async fn outsider(&self) -> MySqlConnection {
        let options: MySqlConnectOptions = self.url().parse().unwrap();
        options.connect().await.unwrap()
    }
}

impl Drop for Place {
    /// On a thread of its own, since the test's runtime may be this one.
    fn drop(&mut self) {
        let drop = format!("SET lock_wait_timeout = 10; DROP DATABASE {}", self.name);
        let dropped = thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(administer(drop));
        });
        if dropped.join().is_err() && !thread::panicking() {
            panic!("database {} is left behind", self.name);
        }
    }
}

async fn administer(sql: String) {
    let options: MySqlConnectOptions = server().parse().unwrap();
    let mut admin = options.connect().await.unwrap();
    admin.execute(AssertSqlSafe(sql)).await.unwrap();
    admin.close().await.unwrap();
}
