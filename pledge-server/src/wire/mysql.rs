//! `mysql://USER@HOST/DATABASE`, of `MySQL` and what speaks its protocol.

use std::sync::Arc;

use async_trait::async_trait;
use pledge_cache_redis::{Cached, Redis};
use pledge_core::error::StoreError;
use pledge_storage_mysql::MySqlStore;

use super::backend::{CALLERS, Storage, bounds, looked_at};
use super::opening::blame;
use crate::config::{ReadsConfig, ServerUrl};
use crate::load::{LoadReader, StoreLoad};
use crate::stores::{Database, Found, Readers, Stores};

/// A database of a server.
pub(super) struct Server(pub(super) ServerUrl);

#[async_trait]
impl Storage for Server {
    fn place(&self) -> anyhow::Result<String> {
        Ok(self.0.to_string())
    }

    fn is_on_a_server(&self) -> bool {
        true
    }

    async fn open(&self, redis: Option<&Redis>) -> anyhow::Result<Stores> {
        let store = MySqlStore::open(self.0.expose().as_str()).await.map_err(blame)?;
        Ok(Open { store, redis: redis.cloned() }.stores())
    }

    async fn missing(&self) -> anyhow::Result<Option<String>> {
        let (looked, found) = self.look().await?;
        looked.close().await;
        Ok(found.is_empty().then(|| format!("the database {} is empty", self.0)))
    }

    async fn look(&self) -> anyhow::Result<(Stores, Found)> {
        let looked = MySqlStore::open_read_only(self.0.expose().as_str()).await;
        let looked = looked.map(|(store, version)| (Open { store, redis: None }, version));
        looked_at(looked, Open::stores).await
    }
}

/// An open database, and where answers to its readers are kept.
#[derive(Debug)]
struct Open {
    store: MySqlStore,
    redis: Option<Redis>,
}

impl Open {
    fn stores(self) -> Stores {
        let access = self.store.for_callers(CALLERS).expect("it was opened just now");
        let access = Arc::new(access);
        Stores::of(self.store.clone()).with_access(access).with_database(self)
    }
}

#[async_trait]
impl Database for Open {
    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }

    /// A server is asked less where Redis has the answer.
    fn for_readers(&self, reads: ReadsConfig) -> Result<Readers, StoreError> {
        let readers = self.store.for_readers(bounds(reads))?;
        let logs = Arc::new(readers.clone());
        let busy = readers.clone();
        let load = LoadReader::new(move || super::load(busy.load()));
        let Some(redis) = &self.redis else {
            return Ok(Readers { ledger: logs.clone(), points: logs.clone(), logs, load });
        };
        let cached = Arc::new(Cached::new(readers, redis.clone()));
        Ok(Readers { ledger: cached.clone(), points: cached, logs, load })
    }

    async fn close(&self) {
        self.store.close().await;
    }

    fn load(&self) -> StoreLoad {
        super::load(self.store.load())
    }
}
