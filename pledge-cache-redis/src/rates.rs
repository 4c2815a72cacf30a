//! How often a client may ask, counted by all instances together.

use std::num::NonZeroU32;
use std::time::Duration;

use pledge_core::error::StoreError;

use crate::link::{CALL_LIMIT, Redis};

/// The generic cell rate algorithm, by the clock of the server, in microseconds. What is kept of a client is
/// when its next request is due, which is never further ahead than a whole burst: one that is, is of
/// another clock. A request that is refused changes nothing.
const TAKE: &str = r"
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst = 1000000 / ARGV[1], tonumber(ARGV[2])
local tolerance = interval * burst
local due = tonumber(redis.call('GET', KEYS[1])) or 0
local ahead = math.min(math.max(due - now, 0), tolerance)
local taken = ahead + interval
-- Rounding leaves less than half a microsecond of what is kept.
local over = taken - tolerance
if over > 0.5 then
    return {0, 0, math.ceil(ahead), math.ceil(over)}
end
local expires = math.max(1, math.ceil(taken / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', now + taken), 'PX', expires)
return {1, math.floor((tolerance - taken + 0.5) / interval), math.ceil(taken), 0}
";

/// What a client may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether this request is within the rate.
    pub is_allowed: bool,
    /// The requests that it may send at once after this one.
    pub remaining: u32,
    /// When it may send a whole burst again.
    pub full_in: Duration,
    /// When a request that is refused would be allowed.
    pub allowed_in: Duration,
}

/// The rates of clients, for the instances that share a server and a prefix. `Unavailable` while the
/// server is away.
#[derive(Debug, Clone)]
pub struct RedisRates {
    redis: Redis,
}

impl RedisRates {
    /// Rates on a server.
    pub const fn new(redis: Redis) -> Self {
        Self { redis }
    }

    /// Takes one request of a client that may send `per_second` for long, and `burst` at once after
    /// a pause.
    pub async fn take(
        &self,
        client: &str,
        per_second: NonZeroU32,
        burst: NonZeroU32,
    ) -> Result<Taken, StoreError> {
        let mut command = redis::cmd("EVAL");
        command.arg(TAKE).arg(1).arg(self.redis.keys().rate(client));
        command.arg(per_second.get()).arg(burst.get());
        let (allowed, remaining, full, wait): (u8, u32, u64, u64) =
            self.redis.call("count a request", &command, CALL_LIMIT).await?;
        Ok(Taken {
            is_allowed: allowed == 1,
            remaining,
            full_in: Duration::from_micros(full),
            allowed_in: Duration::from_micros(wait),
        })
    }
}
