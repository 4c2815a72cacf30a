//! Redis: a hint, never needed.

use std::sync::Arc;

use pledge_cache_redis::{Health, Redis, RedisLeases, RedisPending};
use pledge_core::error::StoreErrorKind;
use pledge_core::ports::Leases;
use pledge_core::primitives::{hex, keccak256};
use pledge_http::PartState;

use crate::config::{ConfigError, Key, RedisConfig, StorageUrl};
use crate::stores::{Cache, Stores};

impl Cache for Redis {
    fn state(&self) -> PartState {
        match self.health() {
            Health::Up => PartState::Up,
            Health::Degraded { since, reason: _ } => PartState::Degraded { since },
        }
    }
}

/// Adds pending blocks on a Redis server. If the store is on a server too, also adds cached reads and
/// the leases of the instances that share it.
pub(crate) async fn join_redis(
    stores: Stores,
    config: &RedisConfig,
    store: &StorageUrl,
) -> anyhow::Result<Stores> {
    let prefix = format!("{}:{}", config.prefix, scope(store)?);
    let redis = Redis::connect(config.url.expose().as_str(), &prefix).await;
    let redis = redis.map_err(|error| match error.kind() {
        StoreErrorKind::Invalid => ConfigError::at(&key(), error.detail()).into(),
        _ => anyhow::Error::from(error),
    })?;
    let pending = Arc::new(RedisPending::new(redis.clone()));
    let cached = stores.database.as_ref().and_then(|database| database.cached(&redis));
    let leases: Option<Arc<dyn Leases>> =
        cached.is_some().then(|| Arc::new(RedisLeases::new(redis.clone())) as _);
    Ok(Stores { pending, leases, cached, redis: Some(Arc::new(redis)), ..stores })
}

/// Whether the server answers; why not, if it does not. A url that cannot be one is a wrong key.
pub(crate) async fn reach_redis(config: &RedisConfig) -> Result<Result<(), String>, ConfigError> {
    let RedisConfig { url, prefix } = config;
    let redis = Redis::connect(url.expose().as_str(), prefix).await;
    let redis = redis.map_err(|error| ConfigError::at(&key(), error.detail()))?;
    Ok(match redis.health() {
        Health::Up => Ok(()),
        Health::Degraded { reason, since: _ } => Err(reason),
    })
}

/// A prefix per store, so that stores that share a Redis server do not read each other's keys. One
/// database under two names gets two scopes, which only costs speed.
fn scope(store: &StorageUrl) -> anyhow::Result<String> {
    Ok(hex::encode(&keccak256(store.storage().place()?)[..8]))
}

fn key() -> Key {
    Key::root("storage").child("redis_url")
}
