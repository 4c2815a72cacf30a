//! A fresh store for one test.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::ports::{BalanceStore, PointsStore};

/// An empty store behind its two ports, and whatever must outlive it.
pub struct Fixture {
    /// The ledger.
    pub balances: Arc<dyn BalanceStore>,
    /// The points.
    pub points: Arc<dyn PointsStore>,
    guard: Box<dyn Any + Send + Sync>,
}

impl Fixture {
    /// A fixture of a store that implements both ports. `guard` is dropped with it, for instance a
    /// temporary folder.
    pub fn new<S: BalanceStore + PointsStore>(
        store: Arc<S>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self { balances: store.clone(), points: store, guard: Box::new(guard) }
    }

    /// The same store, each port once more behind an `Arc<dyn …>`.
    #[must_use]
    pub fn behind_arc(self) -> Self {
        Self { balances: Arc::new(self.balances), points: Arc::new(self.points), guard: self.guard }
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("balances", &self.balances).finish_non_exhaustive()
    }
}
