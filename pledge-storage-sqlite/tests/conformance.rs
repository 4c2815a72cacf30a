//! The laws of the ports over the stores in a file.

#[cfg(feature = "office")]
#[path = "../../pledge-storage-sql/tests/support/shifted_clock.rs"]
mod shifted_clock;
mod support;

use std::sync::Arc;

use pledge_storage_memory::MemoryStore;
use pledge_testing::{ArchiveFixture, Fixture};
use support::Place;

async fn fixture() -> Fixture {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    Fixture::new(store, place)
}

mod plain {
    use super::*;

    pledge_testing::balance_store_conformance!(fixture());
    pledge_testing::points_store_conformance!(fixture());
    pledge_testing::log_store_conformance!(fixture());
    pledge_testing::event_store_conformance!(fixture());
    pledge_testing::audit_conformance!(fixture());
    pledge_testing::engine_conformance!(fixture());
    pledge_testing::engine_properties!(fixture(), 24);
}

/// What the domains around the engine share.
#[cfg(feature = "office")]
mod office {
    use pledge_storage_sqlite::SqliteDatabase;

    use super::*;

    async fn office() -> pledge_testing::OfficeFixture {
        let place = Place::new();
        shifted_clock::office::<SqliteDatabase>(&place.path(), place).await
    }

    pledge_testing::office_conformance!(office());
    pledge_testing::access_conformance!(office());
}

/// What is moved between files, and between a file and memory.
mod archive {
    use super::*;

    async fn file() -> ArchiveFixture {
        let place = Place::new();
        let store = Arc::new(place.open().await);
        ArchiveFixture::new(store, place)
    }

    async fn memory() -> ArchiveFixture {
        ArchiveFixture::new(Arc::new(MemoryStore::new()), ())
    }

    mod from_file_to_file {
        use super::*;

        pledge_testing::archive_conformance!(file(), file());
    }

    mod from_memory_to_file {
        use super::*;

        pledge_testing::archive_conformance!(memory(), file());
    }

    mod from_file_to_memory {
        use super::*;

        pledge_testing::archive_conformance!(file(), memory());
    }
}

mod behind_arc {
    use super::*;

    pledge_testing::balance_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::points_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::log_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::event_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::audit_conformance!(async { fixture().await.behind_arc() });
}
