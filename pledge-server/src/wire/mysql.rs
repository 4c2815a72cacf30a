//! `mysql://USER@HOST/DATABASE`, of `MySQL` and what speaks its protocol.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_cache_redis::{Cached, Redis};
use pledge_core::error::StoreError;
use pledge_storage_mysql::MySqlStore;

use super::backend::{Parsed, Reads};
use super::{Database, Storage};
use crate::config::ServerUrl;
use crate::load::StoreLoad;
use crate::stores::{Found, Stores, blame};

const EXAMPLE: &str = "mysql://pledge@127.0.0.1:3306/pledge";

/// A database of a server.
#[derive(Debug)]
struct Server(ServerUrl);

pub(super) fn parse(url: &str, _rest: &str) -> Parsed {
    let url = ServerUrl::parse(url, &["mysql", "mariadb"], EXAMPLE)?;
    if url.expose().path().len() < 2 {
        return Err(format!("names no database: write {EXAMPLE}"));
    }
    Ok(Arc::new(Server(url)))
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl Storage for Server {
    fn masked(&self) -> String {
        self.0.masked()
    }

    fn has_read_only_users(&self) -> bool {
        true
    }

    async fn open(&self) -> anyhow::Result<Stores> {
        let store = MySqlStore::open(self.0.expose().as_str()).await;
        Ok(stores(store.map_err(blame)?))
    }

    async fn missing(&self) -> anyhow::Result<Option<String>> {
        let (looked, found) = self.look().await?;
        looked.close().await;
        Ok(found.is_empty().then(|| format!("the database {self} is empty")))
    }

    async fn look(&self) -> anyhow::Result<(Stores, Found)> {
        let looked = MySqlStore::open_read_only(self.0.expose().as_str()).await;
        let (store, version) = looked.map_err(blame)?;
        let found = Found::Schema(super::schema(&version));
        if version.is_current() {
            return Ok((stores(store), found));
        }
        store.close().await;
        Ok((Stores::in_memory(), found))
    }
}

#[async_trait]
impl Database for MySqlStore {
    async fn check(&self) -> Result<(), StoreError> {
        Self::check(self).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    fn load(&self) -> StoreLoad {
        super::load(Self::load(self))
    }

    fn cached(&self, redis: &Redis) -> Option<Reads> {
        let cached = Arc::new(Cached::new(self.clone(), redis.clone()));
        Some((cached.clone(), cached))
    }
}

fn stores(store: MySqlStore) -> Stores {
    Stores::of(store.clone()).with_database(store)
}
