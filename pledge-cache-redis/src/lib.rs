//! Redis beside the stores of pledge: pending blocks that outlive a process, and leases.
//!
//! Redis is a hint here. Absent, flushed, evicting, slow or failing over, it costs speed and nothing
//! else: [`Redis::health`] says so, and it is used again once it is back.

mod cached;
mod keys;
mod leases;
mod link;
mod pending;

pub use cached::{CacheCounts, Cached};
pub use leases::RedisLeases;
pub use link::{Health, Redis};
pub use pending::RedisPending;
