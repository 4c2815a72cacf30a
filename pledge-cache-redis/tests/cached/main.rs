//! The laws of the ports over stores behind the cache, whatever the server of the cache does.

#[path = "../support.rs"]
mod support;
mod twice;

use std::sync::Arc;
use std::time::Duration;

use pledge_cache_redis::{CacheCounts, Cached, Health, Redis};
use pledge_core::ports::{AuditReads, BalanceStore, EventStore, LogStore, PointsStore};
use pledge_storage_memory::MemoryStore;
use pledge_storage_mysql::MySqlStore;
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::conformance::{cases, run};
use pledge_testing::{ArchiveFixture, Fixture};
use pledge_testing::{MySqlPlace, OwnServer};
use tempfile::TempDir;
use tokio::time::sleep;

use support::{absent, connect, healthy};
use twice::Twice;

fn memory() -> MemoryStore {
    MemoryStore::new()
}

async fn sqlite() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("pledge.db");
    let store = SqliteStore::open(file.to_str().expect("a path in UTF-8")).await;
    (store.expect("open a fresh database"), folder)
}

async fn mysql() -> (MySqlStore, MySqlPlace) {
    let place = MySqlPlace::new().await;
    (MySqlStore::open(&place.url()).await.expect("open a fresh database"), place)
}

/// The store behind a cache of answers of any size, asked everything twice.
fn behind<S>(store: S, redis: Redis, guard: impl Send + Sync + 'static) -> Fixture
where
    S: BalanceStore + PointsStore + LogStore + EventStore + AuditReads,
{
    let store = Arc::new(store);
    let cached = Cached::new(store.clone(), redis).from_rows(0);
    Fixture::of(Arc::new(Twice(cached)), store, guard)
}

/// Empties the server again and again for as long as the test runs.
async fn flushed_and_evicting() -> (Redis, OwnServer) {
    let options = ["--maxmemory", "2mb", "--maxmemory-policy", "allkeys-lru"];
    let server = OwnServer::redis(&options).await;
    let redis = connect(&server.url()).await;
    assert_eq!(redis.health(), Health::Up);
    let mut outsider = support::outsider(&server.url()).await;
    tokio::spawn(async move {
        while redis::cmd("FLUSHALL").exec_async(&mut outsider).await.is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    });
    (redis, server)
}

/// The connection is open, and nothing is answered.
async fn stalled() -> (Redis, OwnServer) {
    let server = OwnServer::redis(&[]).await;
    let redis = connect(&server.url()).await;
    assert_eq!(redis.health(), Health::Up);
    server.freeze();
    (redis, server)
}

/// The reference of a comparison.
async fn plain() -> Fixture {
    Fixture::new(Arc::new(MemoryStore::new()), ())
}

/// Every law of a store, and of the engine over it.
macro_rules! every_law {
    ($fixture:expr, $cases:expr) => {
        pledge_testing::balance_store_conformance!($fixture);
        pledge_testing::points_store_conformance!($fixture);
        pledge_testing::log_store_conformance!($fixture);
        pledge_testing::event_store_conformance!($fixture);
        pledge_testing::audit_conformance!($fixture);
        pledge_testing::engine_conformance!($fixture);
        pledge_testing::engine_properties!($fixture, $cases);
        pledge_testing::same_answers!($fixture, plain(), $cases);
    };
}

mod over_memory {
    use super::*;

    every_law!(async { behind(memory(), healthy().await, ()) }, 32);
}

mod over_sqlite {
    use super::*;

    async fn fixture() -> Fixture {
        let (store, folder) = sqlite().await;
        behind(store, healthy().await, folder)
    }

    every_law!(fixture(), 6);
}

mod over_mysql {
    use super::*;

    async fn fixture() -> Fixture {
        let (store, place) = mysql().await;
        behind(store, healthy().await, place)
    }

    every_law!(fixture(), 3);
}

mod without_a_server {
    use super::*;

    every_law!(async { behind(memory(), absent().await, ()) }, 8);
}

mod with_a_server_that_forgets {
    use super::*;

    async fn fixture() -> Fixture {
        let (redis, server) = flushed_and_evicting().await;
        behind(memory(), redis, server)
    }

    every_law!(fixture(), 4);
}

mod with_a_server_that_stalls {
    use super::*;

    async fn fixture() -> Fixture {
        let (redis, server) = stalled().await;
        behind(memory(), redis, server)
    }

    every_law!(fixture(), 2);
}

mod archive {
    use super::*;

    async fn fixture() -> ArchiveFixture {
        let store = Arc::new(memory());
        let cached = Cached::new(store.clone(), healthy().await).from_rows(0);
        ArchiveFixture::of(Arc::new(cached), store, ())
    }

    pledge_testing::archive_conformance!(fixture(), fixture());
}

/// Plays a history with a reorg, and counts.
async fn counts<S>(store: S, redis: Redis, guard: impl Send + Sync + 'static) -> CacheCounts
where
    S: BalanceStore + PointsStore + LogStore + EventStore + AuditReads,
{
    let store = Arc::new(store);
    let cached = Arc::new(Cached::new(store.clone(), redis).from_rows(0));
    let fixture = Fixture::of(Arc::new(Twice(cached.clone())), store, guard);
    cases::laws::case_9_a_reorg_changes_the_points_exactly(fixture).await;
    cached.counts()
}

#[test]
fn what_the_laws_see_comes_from_the_cache() {
    run(async {
        let (sqlite, folder) = sqlite().await;
        let (mysql, place) = mysql().await;
        let counts = [
            counts(memory(), healthy().await, ()).await,
            counts(sqlite, healthy().await, folder).await,
            counts(mysql, healthy().await, place).await,
        ];
        for counts in counts {
            // Every question is asked twice.
            assert!(counts.hits >= counts.misses && counts.misses > 0, "{counts:?}");
        }
    });
}

#[test]
fn a_server_that_forgets_is_asked_all_the_same() {
    run(async {
        let (redis, server) = flushed_and_evicting().await;
        let counts = counts(memory(), redis, server).await;
        assert!(counts.misses > 0, "{counts:?}");
    });
}

#[test]
fn without_a_server_nothing_is_looked_for() {
    run(async {
        let counts = counts(memory(), absent().await, ()).await;
        assert_eq!(counts, CacheCounts::default());
    });
}
