//! A points store whose writes fail on demand: a decorator over any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::forward_store;
use pledge_core::ports::{PointsReads, PointsStore, SettlementBatch};
use pledge_core::types::Account;

/// Refuses batches that contain an account, a given number of times.
#[derive(Debug)]
pub struct FailingPoints {
    inner: Arc<dyn PointsStore>,
    account: Account,
    kind: StoreErrorKind,
    left: AtomicU32,
}

impl FailingPoints {
    /// Fails the next `times` batches with `account` in them.
    pub fn new(
        inner: Arc<dyn PointsStore>,
        account: Account,
        kind: StoreErrorKind,
        times: u32,
    ) -> Self {
        Self { inner, account, kind, left: AtomicU32::new(times) }
    }
}

#[async_trait]
impl PointsReads for FailingPoints {
    forward_store!(inner: programmes settlements totals standings statements entries decisions);
}

#[async_trait]
impl PointsStore for FailingPoints {
    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
        let concerned = batch.earned.iter().any(|(account, _)| *account == self.account);
        let take = |left: u32| left.checked_sub(1);
        if concerned && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            return Err(StoreError::new(self.kind, "settle a batch", "failed by script"));
        }
        self.inner.commit_batch(batch).await
    }

    forward_store!(inner: add_programme put_programme decide record_failure reset_failures);
}
