//! The laws of the ports over the stores in memory.

use std::sync::Arc;

use pledge_core::ports::{Leases, PendingCache};
use pledge_storage_memory::{MemoryLeases, MemoryPending, MemoryStore};
use pledge_testing::{ArchiveFixture, Fixture};

async fn fixture() -> Fixture {
    Fixture::new(Arc::new(MemoryStore::new()), ())
}

mod plain {
    use super::*;

    pledge_testing::balance_store_conformance!(fixture());
    pledge_testing::points_store_conformance!(fixture());
    pledge_testing::log_store_conformance!(fixture());
    pledge_testing::event_store_conformance!(fixture());
    pledge_testing::audit_conformance!(fixture());
    pledge_testing::engine_conformance!(fixture());
    pledge_testing::engine_properties!(fixture(), 256);
}

mod archive {
    use super::*;

    async fn fixture() -> ArchiveFixture {
        ArchiveFixture::new(Arc::new(MemoryStore::new()), ())
    }

    pledge_testing::archive_conformance!(fixture(), fixture());
}

mod behind_arc {
    use super::*;

    pledge_testing::balance_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::points_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::log_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::event_store_conformance!(async { fixture().await.behind_arc() });
    pledge_testing::audit_conformance!(async { fixture().await.behind_arc() });
}

mod pending {
    use super::*;

    pledge_testing::pending_cache_conformance!(async {
        Arc::new(MemoryPending::default()) as Arc<dyn PendingCache>
    });
}

mod leases {
    use super::*;

    pledge_testing::leases_conformance!(async {
        Arc::new(MemoryLeases::default()) as Arc<dyn Leases>
    });
}
