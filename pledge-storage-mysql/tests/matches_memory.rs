//! Whatever happens, this store and the one in memory answer the same.

mod support;

use std::sync::Arc;

use pledge_storage_memory::MemoryStore;
use pledge_testing::Fixture;
use support::Place;

async fn fixture() -> Fixture {
    let place = Place::new().await;
    let store = Arc::new(place.open().await);
    Fixture::new(store, place)
}

async fn memory() -> Fixture {
    Fixture::new(Arc::new(MemoryStore::new()), ())
}

pledge_testing::same_answers!(fixture(), memory(), 36);
