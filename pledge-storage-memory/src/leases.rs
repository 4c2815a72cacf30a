//! Leases in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::ports::Leases;
use pledge_core::sharing::{InstanceId, LEASE_LASTS_MAX, Lease};
use tokio::time::Instant;

/// The leases of several engines in one process.
#[derive(Debug, Default)]
pub struct MemoryLeases {
    held: Mutex<BTreeMap<InstanceId, (Lease, Instant)>>,
}

#[async_trait]
impl Leases for MemoryLeases {
    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<Vec<Lease>, StoreError> {
        if lasts > LEASE_LASTS_MAX {
            let detail = format!("a lease lasts {} s at most", LEASE_LASTS_MAX.as_secs());
            return Err(StoreError::invalid("renew a lease", detail));
        }
        let now = Instant::now();
        let mut held = self.held.lock().expect("no holder panics");
        held.retain(|_, (_, until)| now < *until);
        held.insert(lease.instance, (lease.clone(), now + lasts));
        Ok(held.values().map(|(lease, _)| lease.clone()).collect())
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.held.lock().expect("no holder panics").remove(&instance);
        Ok(())
    }
}
