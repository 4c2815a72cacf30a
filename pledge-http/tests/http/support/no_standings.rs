//! A store whose standings cannot be read.

use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::forward_store;
use pledge_core::ports::{PointsReads, PointsStore, Seen, Standing};
use pledge_core::types::{Account, ProgrammeId, RawPoints};

/// Refuses to list standings, and forwards the rest.
#[derive(Debug)]
pub(crate) struct NoStandings(pub(crate) Arc<dyn PointsStore>);

#[async_trait]
impl PointsReads for NoStandings {
    async fn standings(
        &self,
        _: &ProgrammeId,
        _: Option<(RawPoints, Account)>,
        _: usize,
    ) -> Result<Seen<Vec<Standing>>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, "list standings", "refused"))
    }

    forward_store!(0: programmes settlements totals statements entries decisions);
}

#[async_trait]
impl PointsStore for NoStandings {
    forward_store!(0: add_programme put_programme decide commit_batch record_failure reset_failures);
}
