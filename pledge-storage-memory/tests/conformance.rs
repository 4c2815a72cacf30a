//! The laws of the ports over the stores in memory.

use std::sync::Arc;

use pledge_core::ports::{Leases, PendingCache};
use pledge_core::testing::{ArchiveFixture, Fixture};
use pledge_storage_memory::{MemoryLeases, MemoryPending, MemoryStore};

async fn fixture() -> Fixture {
    Fixture::new(Arc::new(MemoryStore::new()), ())
}

mod plain {
    use super::*;

    pledge_core::balance_store_conformance!(fixture());
    pledge_core::points_store_conformance!(fixture());
    pledge_core::event_store_conformance!(fixture());
    pledge_core::engine_conformance!(fixture());
    pledge_core::engine_properties!(fixture(), 256);
}

mod archive {
    use super::*;

    async fn fixture() -> ArchiveFixture {
        ArchiveFixture::new(Arc::new(MemoryStore::new()), ())
    }

    pledge_core::archive_conformance!(fixture(), fixture());
}

mod behind_arc {
    use super::*;

    pledge_core::balance_store_conformance!(async { fixture().await.behind_arc() });
    pledge_core::points_store_conformance!(async { fixture().await.behind_arc() });
    pledge_core::event_store_conformance!(async { fixture().await.behind_arc() });
}

mod pending {
    use super::*;

    pledge_core::pending_cache_conformance!(async {
        Arc::new(MemoryPending::default()) as Arc<dyn PendingCache>
    });
}

mod leases {
    use super::*;

    pledge_core::leases_conformance!(async {
        Arc::new(MemoryLeases::default()) as Arc<dyn Leases>
    });
}
