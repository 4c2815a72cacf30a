//! A points store whose writes fail on demand: a decorator over any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use crate::error::{StoreError, StoreErrorKind};
use crate::points::Programme;
use crate::ports::{
    BatchFailure, PointsStore, ProgrammeState, Seen, Settlement, SettlementBatch, SettlementsQuery,
    Standing, StatementRows, StatementsQuery,
};
use crate::types::{Account, ProgrammeId, RawPoints, Timestamp, TokenId};

/// Refuses the batches that hold an account, a number of times.
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
impl PointsStore for FailingPoints {
    async fn put_programme(&self, programme: &Programme) -> Result<(), StoreError> {
        self.inner.put_programme(programme).await
    }

    async fn programmes(&self, token: TokenId) -> Result<Vec<ProgrammeState>, StoreError> {
        self.inner.programmes(token).await
    }

    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
        let concerned = batch.earned.iter().any(|(account, _)| *account == self.account);
        let take = |left: u32| left.checked_sub(1);
        if concerned && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            return Err(StoreError::new(self.kind, "settle a batch", "failed by script"));
        }
        self.inner.commit_batch(batch).await
    }

    async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError> {
        self.inner.record_failure(failure).await
    }

    async fn reset_failures(
        &self,
        programme: &ProgrammeId,
        window_start: Timestamp,
    ) -> Result<usize, StoreError> {
        self.inner.reset_failures(programme, window_start).await
    }

    async fn settlements(&self, query: &SettlementsQuery) -> Result<Vec<Settlement>, StoreError> {
        self.inner.settlements(query).await
    }

    async fn totals(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Standing>>>, StoreError> {
        self.inner.totals(programme, accounts).await
    }

    async fn standings(
        &self,
        programme: &ProgrammeId,
        after: Option<(RawPoints, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<Standing>>, StoreError> {
        self.inner.standings(programme, after, limit).await
    }

    async fn statements(&self, query: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError> {
        self.inner.statements(query).await
    }
}
