//! A store in a database of its own for every test.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use pledge_core::error::StoreError;
use pledge_storage_mysql::MySqlStore;
use pledge_testing::MySqlPlace;
use sqlx::MySqlConnection;

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
