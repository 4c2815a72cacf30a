//! The laws of the ports over the stores on a server.

mod support;

use std::sync::Arc;

use pledge_testing::Fixture;
use support::Place;

async fn fixture() -> Fixture {
    let place = Place::new().await;
    let store = Arc::new(place.open().await);
    Fixture::new(store, place)
}

pledge_testing::balance_store_conformance!(fixture());
pledge_testing::points_store_conformance!(fixture());
pledge_testing::log_store_conformance!(fixture());
pledge_testing::event_store_conformance!(fixture());
pledge_testing::audit_conformance!(fixture());
pledge_testing::engine_conformance!(fixture());
pledge_testing::engine_properties!(fixture(), 8);
