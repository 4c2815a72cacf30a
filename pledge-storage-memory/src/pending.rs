//! Pending blocks in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::ports::{PendingCache, PendingSnapshot};
use pledge_core::types::ChainId;

/// Holds the snapshot of every chain. Lost with the process; the indexer rebuilds it.
#[derive(Debug, Default)]
pub struct MemoryPending {
    snapshots: Mutex<BTreeMap<ChainId, PendingSnapshot>>,
}

#[async_trait]
impl PendingCache for MemoryPending {
    async fn load(&self, chain: ChainId) -> Result<Option<PendingSnapshot>, StoreError> {
        Ok(self.snapshots.lock().expect("no holder panics").get(&chain).cloned())
    }

    async fn store(&self, chain: ChainId, snapshot: &PendingSnapshot) -> Result<(), StoreError> {
        self.snapshots.lock().expect("no holder panics").insert(chain, snapshot.clone());
        Ok(())
    }
}
