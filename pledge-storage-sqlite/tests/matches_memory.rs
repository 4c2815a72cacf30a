//! Whatever happens, this store and the one in memory answer the same.

mod support;

use std::sync::Arc;

use pledge_core::testing::Fixture;
use pledge_storage_memory::MemoryStore;
use support::Place;

async fn fixture() -> Fixture {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    Fixture::new(store, place)
}

async fn memory() -> Fixture {
    Fixture::new(Arc::new(MemoryStore::new()), ())
}

pledge_core::same_answers!(fixture(), memory(), 24);
