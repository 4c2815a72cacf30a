//! Whatever happens, this store and the one in memory answer the same.

mod support;

use std::sync::Arc;

use pledge_core::testing::{ArchiveFixture, Fixture};
use pledge_storage_memory::MemoryStore;
use support::Place;

async fn file() -> ArchiveFixture {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    ArchiveFixture::new(store, place)
}

async fn memory() -> ArchiveFixture {
    ArchiveFixture::new(Arc::new(MemoryStore::new()), ())
}

async fn ports(store: impl Future<Output = ArchiveFixture>) -> Fixture {
    store.await.fixture
}

pledge_core::same_answers!(ports(file()), ports(memory()), 24);
pledge_core::same_archives!(file(), memory(), 24);
