//! The laws of the ports over the stores in a file.

mod support;

use std::sync::Arc;

use pledge_core::testing::Fixture;
use support::Place;

async fn fixture() -> Fixture {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    Fixture::new(store, place)
}

mod plain {
    use super::*;

    pledge_core::balance_store_conformance!(fixture());
    pledge_core::points_store_conformance!(fixture());
    pledge_core::event_store_conformance!(fixture());
    pledge_core::engine_conformance!(fixture());
    pledge_core::engine_properties!(fixture(), 24);
}

mod behind_arc {
    use super::*;

    pledge_core::balance_store_conformance!(async { fixture().await.behind_arc() });
    pledge_core::points_store_conformance!(async { fixture().await.behind_arc() });
    pledge_core::event_store_conformance!(async { fixture().await.behind_arc() });
}
