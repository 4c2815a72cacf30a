//! Leases on the server.

use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::ports::Leases;
use pledge_core::sharing::{InstanceId, LEASE_LASTS_MAX, Lease};
use redis::Cmd;

use crate::link::{CALL_LIMIT, Redis};

/// Drops what has ended, takes the lease and returns all offers. Both keys end with the last lease.
/// The server may have evicted one of the two: an offer without an end is none.
///
/// Each offer begins with how long it was taken for. An end further ahead than that is of another
/// clock, so the lease ends when it would if it had been renewed now; an offer without a
/// duration is none.
const RENEW: &str = r"
local ends, offers = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', ends, now + ARGV[3], ARGV[1])
redis.call('HSET', offers, ARGV[1], ARGV[3] .. ' ' .. ARGV[2])
local entries = redis.call('ZRANGE', ends, 0, -1, 'WITHSCORES')
local known, held, last = {}, {}, now
for at = 1, #entries, 2 do
    local instance, till = entries[at], tonumber(entries[at + 1])
    local offer = redis.call('HGET', offers, instance) or ''
    local lasts, offered = string.match(offer, '^(%d+) (.*)$')
    lasts = tonumber(lasts)
    if not lasts or lasts > tonumber(ARGV[4]) or till <= now then
        redis.call('ZREM', ends, instance)
    else
        if till > now + lasts then
            till = now + lasts
            redis.call('ZADD', ends, till, instance)
        end
        known[instance] = true
        table.insert(held, offered)
        last = math.max(last, till)
    end
end
for _, instance in ipairs(redis.call('HKEYS', offers)) do
    if not known[instance] then
        redis.call('HDEL', offers, instance)
    end
end
redis.call('PEXPIREAT', ends, last)
redis.call('PEXPIREAT', offers, last)
return held
";

const RELEASE: &str = r"
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
";

/// The leases of the instances that share a server and a prefix. Their time is that of the server, so
/// the clocks of the instances do not matter, and one that is set back, or is another's after a
/// fail-over, makes no lease longer. `Unavailable` while the server is away.
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
        // The whole script each time: `EVALSHA` fails on a server that was restarted and has
        // forgotten it.
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
        if lasts > LEASE_LASTS_MAX {
            let detail = format!("a lease lasts {} s at most", LEASE_LASTS_MAX.as_secs());
            return Err(StoreError::invalid(OPERATION, detail));
        }
        let offer = serde_json::to_string(lease).map_err(|error| {
            StoreError::invalid(OPERATION, "the lease cannot be written").caused_by(error)
        })?;
        // Rounded up, so that no lease is shorter than was asked for.
        let millis = |lasts: Duration| lasts.as_nanos().div_ceil(1_000_000).to_string();
        let mut command = self.script(RENEW, lease.instance);
        command.arg(offer).arg(millis(lasts)).arg(millis(LEASE_LASTS_MAX));
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
