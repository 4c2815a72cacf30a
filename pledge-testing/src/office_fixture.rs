//! A fresh store of the office for one test, whose clock is set by the test.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use pledge_core::ports::AuditReads;
use pledge_office::access::AccessStore;
use pledge_office::base::{Claims, Outbox};

/// An empty store behind its ports. A clone is the same store.
#[derive(Clone)]
pub struct OfficeFixture {
    pub claims: Arc<dyn Claims>,
    pub outbox: Arc<dyn Outbox>,
    pub access: Arc<dyn AccessStore>,
    pub audit: Arc<dyn AuditReads>,
    /// By how many milliseconds the store's clock is ahead of the database's own.
    ahead: Arc<AtomicI64>,
    _guard: Arc<dyn Any + Send + Sync>,
}

impl OfficeFixture {
    /// A fixture of a store whose clock is `ahead` of its database's, in milliseconds, whatever is set
    /// there. `guard` is dropped with it.
    pub fn new<S: Claims + Outbox + AccessStore + AuditReads>(
        store: Arc<S>,
        ahead: Arc<AtomicI64>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        let (claims, outbox, access) = (store.clone(), store.clone(), store.clone());
        Self { claims, outbox, access, audit: store, ahead, _guard: Arc::new(guard) }
    }

    /// Sets the clock of the database forward, or lets time pass.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Sets the clock of the database back.
    pub fn set_back(&self, by: Duration) {
        self.ahead.fetch_sub(millis(by), Ordering::SeqCst);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("a test moves its clock by hours")
}

impl fmt::Debug for OfficeFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfficeFixture").field("claims", &self.claims).finish_non_exhaustive()
    }
}
