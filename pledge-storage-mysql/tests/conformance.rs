//! The laws of the ports over the stores on a server.

#[cfg(feature = "office")]
#[path = "../../pledge-storage-sql/tests/support/shifted_clock.rs"]
mod shifted_clock;
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

/// What the domains around the engine share.
#[cfg(feature = "office")]
mod office {
    use pledge_storage_mysql::MySqlDatabase;

    use super::*;

    async fn office() -> pledge_testing::OfficeFixture {
        let place = Place::new().await;
        shifted_clock::office::<MySqlDatabase>(&place.url(), place).await
    }

    pledge_testing::office_conformance!(office());
    pledge_testing::access_conformance!(office());
}
