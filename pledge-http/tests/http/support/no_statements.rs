//! A store whose statements cannot be read.

use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::forward_store;
use pledge_core::ports::{PointsReads, PointsStore, Seen, StatementRows, StatementsQuery};

/// Refuses to list statements, and forwards the rest.
#[derive(Debug)]
pub(crate) struct NoStatements(pub(crate) Arc<dyn PointsStore>);

#[async_trait]
impl PointsReads for NoStatements {
    async fn statements(&self, _: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, "list statements", "refused"))
    }

    forward_store!(0: programmes settlements totals standings);
}

#[async_trait]
impl PointsStore for NoStatements {
    forward_store!(0: put_programme commit_batch record_failure reset_failures);
}
