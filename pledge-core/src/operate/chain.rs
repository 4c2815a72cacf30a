//! Pausing and resuming a chain.

use super::{Changed, OperateError};
use crate::audit::Attribution;
use crate::indexer::ChainStatus;
use crate::ports::{BalanceStore, ChainState};
use crate::types::ChainId;

/// Stops following a chain until it is resumed. One that is paused already keeps the new reason.
pub async fn pause_chain(
    balances: &dyn BalanceStore,
    chain: ChainId,
    by: &Attribution,
) -> Result<Changed<ChainState>, OperateError> {
    let before = state_of(balances, chain).await?;
    if let Err(why) = before.status.paused(by) {
        return Err(OperateError::ChainHalted { name: before.name, why });
    }
    balances.pause_chain(chain, by).await?;
    Ok(Changed { before, after: state_of(balances, chain).await? })
}

/// Follows a paused or halted chain again, if its status is the one that the operator found. `Conflict` if
/// something else stops it meanwhile.
pub async fn resume_chain(
    balances: &dyn BalanceStore,
    chain: ChainId,
    is_found: impl FnOnce(&ChainStatus) -> bool + Send,
    by: &Attribution,
) -> Result<Changed<ChainState>, OperateError> {
    let before = state_of(balances, chain).await?;
    if !before.status.needs_operator() {
        let (name, status) = (before.name, before.status);
        return Err(OperateError::ChainNotStopped { name, status });
    }
    if !is_found(&before.status) {
        return Err(OperateError::OtherStop { status: before.status.to_string() });
    }
    balances.resume_chain(chain, &before.status, by).await?;
    Ok(Changed { before, after: state_of(balances, chain).await? })
}

/// A chain, which has to be followed.
pub(super) async fn state_of(
    balances: &dyn BalanceStore,
    chain: ChainId,
) -> Result<ChainState, OperateError> {
    balances.chain(chain).await?.ok_or(OperateError::UnknownChain(chain))
}
