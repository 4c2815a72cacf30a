//! Leases on the server.

use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::ports::Leases;
use pledge_core::sharing::{InstanceId, Lease};
use redis::Cmd;

use crate::link::{CALL_LIMIT, Redis};

/// Drops what has ended, takes the lease and answers all offers. Both keys end with the last lease. The
/// server may have evicted one of the two: an offer without an end is none.
const RENEW: &str = r"
local ends, offers = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now)) do
    redis.call('HDEL', offers, ended)
end
redis.call('ZREMRANGEBYSCORE', ends, '-inf', now)
if redis.call('EXISTS', ends) == 0 then
    redis.call('DEL', offers)
end
redis.call('ZADD', ends, now + ARGV[3], ARGV[1])
redis.call('HSET', offers, ARGV[1], ARGV[2])
local held = {}
for _, instance in ipairs(redis.call('ZRANGE', ends, 0, -1)) do
    local offer = redis.call('HGET', offers, instance)
    if offer then
        table.insert(held, offer)
    end
end
local last = redis.call('ZRANGE', ends, -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIREAT', ends, last)
redis.call('PEXPIREAT', offers, last)
return held
";

const RELEASE: &str = r"
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
";

/// Longer is a mistake.
const LEASE_DAYS_MAX: u64 = 366;

/// The leases of the instances that share a server and a prefix. Their time is that of the server, so
/// the clocks of the instances do not matter. `Unavailable` while the server is away.
#[derive(Debug, Clone)]
pub struct RedisLeases {
    redis: Redis,
}

impl RedisLeases {
    /// Leases on a server.
    pub const fn new(redis: Redis) -> Self {
        Self { redis }
    }

    fn script(&self, script: &str, instance: InstanceId) -> Cmd {
        let keys = self.redis.keys();
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(2).arg(keys.lease_ends()).arg(keys.lease_offers());
        command.arg(instance.to_string());
        command
    }
}

#[async_trait]
impl Leases for RedisLeases {
    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<Vec<Lease>, StoreError> {
        const OPERATION: &str = "renew a lease";
        if lasts > Duration::from_secs(LEASE_DAYS_MAX * 86_400) {
            let detail = format!("a lease lasts {LEASE_DAYS_MAX} days at most");
            return Err(StoreError::invalid(OPERATION, detail));
        }
        let offer = serde_json::to_string(lease).map_err(|error| {
            StoreError::invalid(OPERATION, "the lease cannot be written").caused_by(error)
        })?;
        let millis = lasts.as_nanos().div_ceil(1_000_000);
        let mut command = self.script(RENEW, lease.instance);
        command.arg(offer).arg(millis.to_string());
        let held: Vec<String> = self.redis.call(OPERATION, &command, CALL_LIMIT).await?;
        let held = held.iter().map(|offer| serde_json::from_str(offer));
        let mut held: Vec<Lease> = held.collect::<Result<_, _>>().map_err(|error| {
            let detail = "an instance of another version offers what this one cannot read";
            StoreError::new(StoreErrorKind::Unavailable, OPERATION, detail).caused_by(error)
        })?;
        held.sort_unstable_by_key(|lease| lease.instance);
        Ok(held)
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        let command = self.script(RELEASE, instance);
        self.redis.call("release a lease", &command, CALL_LIMIT).await
    }
}
