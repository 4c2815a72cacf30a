//! A decorator over any store: what it does around every call is one function, and each port is a list
//! of its methods.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::forward_store;
use pledge_core::ports::{LedgerReads, LedgerWrites, PointsReads, PointsStore, Registry};

/// Counts the calls of every operation.
#[derive(Debug, Default)]
pub(crate) struct Metered<S> {
    pub(crate) store: S,
    pub(crate) calls: Mutex<BTreeMap<&'static str, u64>>,
}

impl<S: Send + Sync> Metered<S> {
    /// Counts a call, then makes it.
    async fn metered<A>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<A, StoreError>> + Send,
    ) -> Result<A, StoreError> {
        *self.calls.lock().expect("no panic").entry(operation).or_default() += 1;
        call.await
    }
}

#[async_trait]
impl<S: Registry> Registry for Metered<S> {
    forward_store!(store through metered: register_chain report_chain pause_chain resume_chain);
    forward_store!(store through metered: register_token halt_token heal_token pause_token);
    forward_store!(store through metered: resume_token record_supply);
}

#[async_trait]
impl<S: LedgerReads> LedgerReads for Metered<S> {
    forward_store!(store through metered: chains chain tokens token headers edges states history);
    forward_store!(store through metered: last_change_block changes unreadable_logs change_time);
    forward_store!(store through metered: histories holders);
}

#[async_trait]
impl<S: LedgerWrites> LedgerWrites for Metered<S> {
    forward_store!(store through metered: commit rewind record_edges);
}

#[async_trait]
impl<S: PointsReads> PointsReads for Metered<S> {
    forward_store!(store through metered: programmes settlements totals standings statements);
    forward_store!(store through metered: entries decisions);
}

#[async_trait]
impl<S: PointsStore> PointsStore for Metered<S> {
    forward_store!(store through metered: add_programme put_programme decide commit_batch);
    forward_store!(store through metered: record_failure reset_failures);
}
