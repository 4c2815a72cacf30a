//! Any SQL database: the laws of the ports over a real PostgreSQL, by the seam alone.
//!
//! What is here is no backend: it has no timeouts, no checks of a server's settings, and few words for
//! errors. It shows that the texts, the marks, the keys and the migrations suit a third database.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod dialect;
mod place;
#[cfg(feature = "office")]
#[path = "../support/shifted_clock.rs"]
mod shifted_clock;
mod values;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use database::PostgresDatabase;
use futures::future::join_all;
use place::{PostgresStore, Schema};
use pledge_core::ports::LedgerReads;
use pledge_storage_memory::MemoryStore;
use pledge_storage_sql::{Access, Database, ReaderBounds};
use pledge_testing::{ArchiveFixture, Fixture};

async fn fixture() -> Fixture {
    let schema = Schema::new().await;
    let store = Arc::new(schema.open().await);
    Fixture::new(store, schema)
}

async fn server() -> ArchiveFixture {
    let schema = Schema::new().await;
    let store = Arc::new(schema.open().await);
    ArchiveFixture::new(store, schema)
}

async fn memory() -> ArchiveFixture {
    ArchiveFixture::new(Arc::new(MemoryStore::new()), ())
}

pledge_testing::balance_store_conformance!(fixture());
pledge_testing::points_store_conformance!(fixture());
pledge_testing::log_store_conformance!(fixture());
pledge_testing::event_store_conformance!(fixture());
pledge_testing::audit_conformance!(fixture());
pledge_testing::engine_conformance!(fixture());
pledge_testing::engine_properties!(fixture(), 4);

/// What the domains around the engine share.
#[cfg(feature = "office")]
mod office {
    use super::*;

    async fn office() -> pledge_testing::OfficeFixture {
        let schema = Schema::new().await;
        shifted_clock::office::<database::PostgresDatabase>(&schema.url(), schema).await
    }

    pledge_testing::office_conformance!(office());
    pledge_testing::access_conformance!(office());
}

#[cfg(feature = "office")]
mod waits;

mod from_memory_to_server {
    use super::*;

    pledge_testing::archive_conformance!(memory(), server());
}

mod from_server_to_memory {
    use super::*;

    pledge_testing::archive_conformance!(server(), memory());
}

#[tokio::test]
async fn a_schema_is_made_once_and_current_afterwards() {
    let schema = Schema::new().await;
    let (_, before) = PostgresStore::open_read_only(&schema.url()).await.unwrap();
    assert_eq!(before.found, 0);
    for _ in 0..2 {
        schema.open().await.close().await;
    }
    let (_, after) = PostgresStore::open_read_only(&schema.url()).await.unwrap();
    assert!(after.is_current(), "{after:?}");
}

#[tokio::test]
async fn readers_outside_have_connections_of_their_own() {
    let schema = Schema::new().await;
    let database = PostgresDatabase::open(&schema.url()).await.unwrap();
    let bounds =
        ReaderBounds { connections: NonZeroU16::MIN, waiting: 0, wait: Duration::from_secs(60) };
    let readers = PostgresStore::over(database.clone()).for_readers(bounds).unwrap();
    let own = join_all((0..8).map(|_| database.begin(Access::Read))).await;
    assert!(own.iter().all(Result::is_ok));
    assert!(readers.chains().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_schema_may_be_opened_from_several_sides_at_once() {
    let schema = Schema::new().await;
    let opened = join_all((0..4).map(|_| schema.open())).await;
    for store in opened {
        assert!(store.chains().await.unwrap().is_empty());
    }
}
