//! Leases in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::ports::Leases;
use pledge_core::sharing::{InstanceId, Lease};
use tokio::time::Instant;

/// The leases of several engines in one process.
#[derive(Debug, Default)]
pub struct MemoryLeases {
    held: Mutex<BTreeMap<InstanceId, (Lease, Option<Instant>)>>,
}

#[async_trait]
impl Leases for MemoryLeases {
    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<Vec<Lease>, StoreError> {
        let now = Instant::now();
        let mut held = self.held.lock().expect("no holder panics");
        held.retain(|_, (_, until)| until.is_none_or(|until| now < until));
        // Beyond what a clock can tell is for ever.
        held.insert(lease.instance, (lease.clone(), now.checked_add(lasts)));
        Ok(held.values().map(|(lease, _)| lease.clone()).collect())
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.held.lock().expect("no holder panics").remove(&instance);
        Ok(())
    }
}
