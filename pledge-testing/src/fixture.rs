//! A fresh store for one test.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use pledge_core::audit::AuditRecord;
use pledge_core::error::StoreError;
use pledge_core::event::{EventSeq, SequencedEvent};
use pledge_core::ports::{AuditQuery, AuditReads, BalanceStore, EventStore, LogStore, PointsStore};

/// An empty store behind its ports, and anything that must outlive it. A clone is the same store.
#[derive(Clone)]
pub struct Fixture {
    pub balances: Arc<dyn BalanceStore>,
    pub points: Arc<dyn PointsStore>,
    /// The logs of contracts, which a rewind of the ledger takes back too.
    pub logs: Arc<dyn LogStore>,
    /// Events of all of them.
    pub events: Arc<dyn EventStore>,
    /// Who did what to any of them.
    pub audit: Arc<dyn AuditReads>,
    guard: Arc<dyn Any + Send + Sync>,
}

impl Fixture {
    /// A fixture of a store that implements every port of one. `guard` is dropped with it, for
    /// instance a temporary folder.
    pub fn new<S: BalanceStore + PointsStore + LogStore + EventStore + AuditReads>(
        store: Arc<S>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self::of(store.clone(), store, guard)
    }

    /// A fixture of a store that decorates another and leaves the logs of contracts to it.
    pub fn of<S: BalanceStore + PointsStore + EventStore + AuditReads>(
        store: Arc<S>,
        logs: Arc<dyn LogStore>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        let guard = Arc::new(guard);
        let (balances, points, events) = (store.clone(), store.clone(), store.clone());
        Self { balances, points, logs, events, audit: store, guard }
    }

    /// The same store, each port once more behind an `Arc<dyn …>`.
    #[must_use]
    pub fn behind_arc(self) -> Self {
        Self {
            balances: Arc::new(self.balances),
            points: Arc::new(self.points),
            logs: Arc::new(self.logs),
            events: Arc::new(self.events),
            audit: Arc::new(self.audit),
            guard: self.guard,
        }
    }

    /// All that persons did so far, oldest first.
    pub async fn all_acts(&self) -> Result<Vec<AuditRecord>, StoreError> {
        let mut records = self.audit.audit(&AuditQuery::newest(usize::MAX)).await?;
        records.reverse();
        Ok(records)
    }

    /// Every event so far.
    pub async fn all_events(&self) -> Result<Vec<SequencedEvent>, StoreError> {
        self.events.events(EventSeq::START, usize::MAX).await
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("balances", &self.balances).finish_non_exhaustive()
    }
}
