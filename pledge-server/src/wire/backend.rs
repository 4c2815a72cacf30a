//! A database that a url names.

use std::num::NonZeroU16;
use std::time::Duration;

use async_trait::async_trait;
use pledge_cache_redis::Redis;
use pledge_core::error::StoreError;
use pledge_storage_sqlite::{CallerBounds, ReaderBounds, SchemaVersion};

use super::opening::blame;
use crate::config::ReadsConfig;
use crate::stores::{Database, Found, Schema, Stores};

/// A database that a url names, which may not be there yet.
#[async_trait]
pub(super) trait Storage: Send + Sync {
    /// A text that no other database has. One database under two names has two.
    fn place(&self) -> anyhow::Result<String>;

    /// Whether several machines may share it, and a user that may only read can open it.
    fn is_on_a_server(&self) -> bool {
        false
    }

    /// Opens it, created if need be, and brings its schema up to date. A database that is not one of
    /// `pledge` is a wrong key. What readers outside ask again and again may be kept on Redis.
    async fn open(&self, redis: Option<&Redis>) -> anyhow::Result<Stores>;

    /// What is missing, if there is nothing to open.
    async fn missing(&self) -> anyhow::Result<Option<String>>;

    /// Inspects it without writing to it. The returned stores are empty if there is nothing to read,
    /// or if the schema has to be brought up to date first.
    async fn look(&self) -> anyhow::Result<(Stores, Found)>;
}

/// What was looked at: its stores if the schema of the engine is up to date, else empty ones over a database that is
/// closed again.
pub(super) async fn looked_at<D: Database>(
    looked: Result<(D, SchemaVersion), StoreError>,
    stores: impl FnOnce(D) -> Stores,
) -> anyhow::Result<(Stores, Found)> {
    let (database, version) = looked.map_err(blame)?;
    let (has_engine, of_set) = (version.has_engine(), version.of_set());
    let SchemaVersion { found, newest, is_empty, .. } = version;
    let found = Found::Schema(Schema { of_set, found, newest, is_empty, has_engine });
    if has_engine {
        return Ok((stores(database), found));
    }
    database.close().await;
    Ok((Stores::in_memory(), found))
}

/// The bounds of those who sign in and act over HTTP. Anybody can be one who tries: each request that shows a key
/// is a read, and each password a write.
pub(super) const CALLERS: CallerBounds = CallerBounds {
    reads: ReaderBounds { connections: at_once(4), waiting: 256, wait: CALLERS_WAIT },
    // Few of the connections by which chains are followed.
    writes: ReaderBounds { connections: at_once(2), waiting: 256, wait: CALLERS_WAIT },
};
const CALLERS_WAIT: Duration = Duration::from_secs(5);

const fn at_once(calls: u16) -> NonZeroU16 {
    NonZeroU16::new(calls).expect("some are served")
}

/// The bounds of readers outside.
pub(super) const fn bounds(reads: ReadsConfig) -> ReaderBounds {
    let ReadsConfig { concurrent, waiting, wait } = reads;
    ReaderBounds { connections: concurrent, waiting, wait }
}
