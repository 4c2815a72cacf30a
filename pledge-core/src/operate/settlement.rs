//! Trying a settlement again.

use super::OperateError;
use crate::audit::Attribution;
use crate::ports::PointsStore;
use crate::query::SettlementId;

/// Gives the failed batches of a settlement new attempts, which the next settling makes. Returns how many
/// batches these are, at least one.
pub async fn retry_settlement(
    points: &dyn PointsStore,
    id: &SettlementId,
    by: &Attribution,
) -> Result<usize, OperateError> {
    let SettlementId { programme, window_start } = id;
    match points.reset_failures(programme, *window_start, by).await? {
        0 => Err(OperateError::NothingFailed(id.clone())),
        batches => Ok(batches),
    }
}
