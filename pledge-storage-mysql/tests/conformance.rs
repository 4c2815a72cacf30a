//! The laws of the ports over the stores on a server.

mod support;

use std::sync::Arc;

use pledge_core::testing::Fixture;
use support::Place;

async fn fixture() -> Fixture {
    let place = Place::new().await;
    let store = Arc::new(place.open().await);
    Fixture::new(store, place)
}

pledge_core::balance_store_conformance!(fixture());
pledge_core::points_store_conformance!(fixture());
pledge_core::event_store_conformance!(fixture());
pledge_core::engine_conformance!(fixture());
pledge_core::engine_properties!(fixture(), 8);
