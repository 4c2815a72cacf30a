//! Redis: a hint, never needed.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_cache_redis::{
    Health, Hint, Redis, RedisHints, RedisLeases, RedisPending, RedisRates, Taken,
};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::EventSeq;
use pledge_core::ports::Leases;
use pledge_core::primitives::{hex, keccak256};
use pledge_http::PartState;
use pledge_http::live::{EventHints, Hub};
use pledge_office::access::RightsOf;

use crate::config::{ConfigError, Key, RateConfig, RedisConfig};
use crate::hints::SharedHints;
use crate::rates::{SharedRates, Verdict};
use crate::stores::{Cache, Stores};

impl Cache for Redis {
    fn state(&self) -> PartState {
        match self.health() {
            Health::Up => PartState::Up,
            Health::Degraded { since, reason: _ } => PartState::Degraded { since },
        }
    }
}

#[async_trait]
impl SharedRates for RedisRates {
    async fn take(&self, client: IpAddr, rate: RateConfig) -> Result<Verdict, StoreError> {
        let RateConfig { per_second, burst } = rate;
        let taken = self.take(&client.to_string(), per_second, burst).await?;
        let Taken { is_allowed, remaining, full_in, allowed_in } = taken;
        Ok(Verdict { is_allowed, remaining, full_in, allowed_in })
    }
}

/// Hints through the server.
#[derive(Debug)]
struct Hints(RedisHints);

#[async_trait]
impl EventHints for Hints {
    async fn publish(&self, newest: EventSeq) {
        // Whether the server is there is reported where it is known whether that is new.
        if let Err(error) = self.0.publish(newest).await {
            tracing::debug!("other instances find new events by themselves: {error}");
        }
    }

    async fn publish_rights(&self, of: RightsOf) {
        if let Err(error) = self.0.publish_word(&of.to_string()).await {
            tracing::debug!("other instances find changed rights by themselves: {error}");
        }
    }
}

#[async_trait]
impl SharedHints for Hints {
    async fn listen(&self, hub: &Hub) {
        let on = |hint| match hint {
            Hint::Events(newest) => hub.hint(Some(newest)),
            Hint::Listening => {
                hub.hint(None);
                hub.hint_rights(RightsOf::Everyone);
            }
            // A word of a later release is ignored.
            Hint::Word(word) => {
                if let Ok(of) = word.parse() {
                    hub.hint_rights(of);
                }
            }
        };
        self.0.listen(on).await;
    }
}

/// The server, with a prefix per store, so that stores that share a Redis server do not read each
/// other's keys. One database under two names gets two scopes, which only costs speed.
pub(super) async fn connect(config: &RedisConfig, place: &str) -> anyhow::Result<Redis> {
    let prefix = format!("{}:{}", config.prefix, hex::encode(&keccak256(place)[..8]));
    let redis = Redis::connect(config.url.expose().as_str(), &prefix).await;
    redis.map_err(|error| match error.kind() {
        StoreErrorKind::Invalid => ConfigError::at(&key(), error.detail()).into(),
        _ => anyhow::Error::from(error),
    })
}

/// Adds pending blocks on a Redis server, and the leases of the instances that share a store on a
/// server. Rates have a connection of their own: a flood of requests that makes it slow must not cost the
/// others theirs.
pub(super) fn join(stores: Stores, redis: Redis, for_rates: Redis, is_shared: bool) -> Stores {
    let pending = Arc::new(RedisPending::new(redis.clone()));
    let leases: Option<Arc<dyn Leases>> =
        is_shared.then(|| Arc::new(RedisLeases::new(redis.clone())) as _);
    let rates = Arc::new(RedisRates::new(for_rates));
    let hints: Arc<dyn SharedHints> = Arc::new(Hints(RedisHints::new(redis.clone())));
    Stores {
        pending,
        leases,
        rates: Some(rates),
        hints: Some(hints),
        redis: Some(Arc::new(redis)),
        ..stores
    }
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

fn key() -> Key {
    Key::root("storage").child("redis_url")
}
