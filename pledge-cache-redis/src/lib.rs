//! Redis as a hint for the stores of pledge: absent, flushed, evicting, slow or failing over, it
//! costs speed and nothing else.
//!
//! - [`RedisPending`]: the blocks above the ledger, for a process begun again and for other instances;
//! - [`RedisLeases`]: which instances are there, so that they share the work out;
//! - [`RedisHints`]: that there are new events, for the instances that pass them on;
//! - [`RedisRates`]: how often a client may ask, whichever instance it asks;
//! - [`Cached`]: a store whose larger answers are kept for those who ask the same.
//!
//! All of them share one connection, a [`Redis`], whose [`health`](Redis::health) shows whether it
//! is in use. Every call has a limit in time: 250 ms, a second for pending blocks. After a failure
//! nothing is asked until the server was reached again, which is tried once a second in the
//! background; being lost and being back are logged once each. Every key is below the prefix and
//! ends by itself.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use pledge_cache_redis::{Cached, Health, Redis, RedisPending};
//! use pledge_core::audit::Attribution;
//! use pledge_core::engine::Engine;
//! use pledge_core::query::Queries;
//! use pledge_storage_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(SqliteStore::open("pledge.db").await?);
//! // The server need not be there.
//! let redis = Redis::connect("redis://127.0.0.1:6379", "pledge").await?;
//! if let Health::Degraded { reason, .. } = redis.health() {
//!     println!("slower for now: {reason}");
//! }
//!
//! // The engine writes to the store itself; queries read through the cache.
//! let pending = Arc::new(RedisPending::new(redis.clone()));
//! let by = Attribution::program("example", SystemTime::now())?;
//! let engine = Engine::builder(store.clone(), pending.clone()).build(&by).await?;
//! let cached = Arc::new(Cached::new(store.clone(), redis));
//! let queries = Queries::new(cached.clone(), cached, store, pending);
//! # Ok(())
//! # }
//! ```

mod cached;
mod hints;
mod keys;
mod leases;
mod link;
mod pending;
mod rates;

pub use cached::{CacheCounts, Cached};
pub use hints::{Hint, RedisHints};
pub use leases::RedisLeases;
pub use link::{Health, Redis};
pub use pending::RedisPending;
pub use rates::{RedisRates, Taken};
