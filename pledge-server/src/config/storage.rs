//! `[storage]`.

use std::num::NonZeroU64;

use pledge_core::ports::EventRetention;

use super::raw::Whole;
use super::section::{Shown, optional, preset, section, usual};
use super::{Key, Problems, ServerUrl, StorageUrl};

const REDIS_EXAMPLE: &str = "redis://127.0.0.1:6379";
const DEFAULT_REDIS_PREFIX: &str = "pledge";

section! {
    /// Where the ledger is kept.
    RawStorage shown as StorageShown {
        /// `"sqlite:FILE"`, `"mysql://USER@HOST:3306/DATABASE"` (the password in
        /// `PLEDGE_STORAGE__URL`), or `"memory:"`.
        url: String = preset("sqlite:pledge.db"),
        /// With a server as the database, Redis shares the work of several instances out. No
        /// default.
        redis_url: Option<String> = optional(REDIS_EXAMPLE),
        /// What every key in Redis begins with.
        redis_prefix: Option<String> = usual(DEFAULT_REDIS_PREFIX),
        /// Older events go once every consumer has them, or was silent for 30 days.
        events_kept: Whole = preset(Whole(EventRetention::DEFAULT.events_kept.get())),
    }
}

/// Where the ledger is kept.
#[derive(Debug, Clone)]
pub struct StorageConfig {
    /// The store itself.
    pub url: StorageUrl,
    /// Makes several instances and restarts faster, if configured.
    pub redis: Option<RedisConfig>,
    /// How many events are kept, and for how long.
    pub events: EventRetention,
}

/// A Redis server used with the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where it is.
    pub url: ServerUrl,
    /// The prefix of every key.
    pub prefix: String,
}

impl StorageConfig {
    pub(super) fn check(raw: RawStorage, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawStorage { url, redis_url, redis_prefix, events_kept } = raw;
        let url = problems.take(&key.child("url"), StorageUrl::parse(&url));
        let redis = RedisConfig::check(redis_url, redis_prefix, key, problems);
        let events = check_events(events_kept);
        let events = problems.take(&key.child("events_kept"), events);
        Some(Self { url: url?, redis, events: events? })
    }

    pub(super) fn shown(&self) -> StorageShown {
        let Self { url, redis, events } = self;
        // Both servers may have a password in their urls.
        let url = Shown::text(url.masked());
        let (redis_url, redis_prefix) = match redis {
            Some(RedisConfig { url, prefix }) => (Shown::text(url.masked()), Shown::text(prefix)),
            None => (Shown::Nothing, Shown::Nothing),
        };
        let EventRetention { events_kept, silence_seconds: _ } = events;
        let events_kept = Shown::whole(events_kept.get());
        StorageShown { url, redis_url, redis_prefix, events_kept }
    }
}

/// Checks how many events are kept. Too few would be gone before a receiver returns from a minute's
/// outage.
fn check_events(Whole(kept): Whole) -> Result<EventRetention, String> {
    const EVENTS_KEPT_MIN: u64 = 1_000;
    NonZeroU64::new(kept)
        .filter(|kept| kept.get() >= EVENTS_KEPT_MIN)
        .map(|events_kept| EventRetention { events_kept, ..EventRetention::DEFAULT })
        .ok_or_else(|| format!("{kept} is too few: write at least {EVENTS_KEPT_MIN}"))
}

impl RedisConfig {
    fn check(
        url: Option<String>,
        prefix: Option<String>,
        key: &Key,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(url) = url else {
            if prefix.is_some() {
                let what =
                    format!("needs a server: write redis_url = \"{REDIS_EXAMPLE}\", or remove it");
                problems.add(&key.child("redis_prefix"), what);
            }
            return None;
        };
        // Both values are checked before either is returned, so that all problems are reported at
        // once.
        let url = ServerUrl::parse(&url, &["redis", "rediss"], REDIS_EXAMPLE);
        let prefix = prefix.unwrap_or_else(|| DEFAULT_REDIS_PREFIX.to_owned());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let prefix = if !prefix.is_empty() && prefix.bytes().all(is_plain) {
            Ok(prefix)
        } else {
            Err(format!("`{prefix}` cannot be a prefix of keys: use letters, digits and -_.:"))
        };
        let url = problems.take(&key.child("redis_url"), url);
        let prefix = problems.take(&key.child("redis_prefix"), prefix);
        Some(Self { url: url?, prefix: prefix? })
    }
}
