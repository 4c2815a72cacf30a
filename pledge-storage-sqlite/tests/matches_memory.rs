//! Whatever happens, this store and the one in memory answer the same.

mod support;

use std::sync::Arc;

use pledge_storage_memory::MemoryStore;
use pledge_testing::{ArchiveFixture, Fixture};
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

pledge_testing::same_answers!(ports(file()), ports(memory()), 24);
pledge_testing::same_archives!(file(), memory(), 24);
