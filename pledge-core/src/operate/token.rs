//! Pausing and resuming a token.

use super::{Changed, OperateError};
use crate::audit::Attribution;
use crate::ledger::{TokenState, TokenStatus};
use crate::ports::BalanceStore;
use crate::types::TokenId;

/// Stops following a token until it is resumed. One that is paused already keeps the new reason.
pub async fn pause_token(
    balances: &dyn BalanceStore,
    token: TokenId,
    by: &Attribution,
) -> Result<Changed<TokenState>, OperateError> {
    let before = state_of(balances, token).await?;
    balances.pause_token(token, by).await?;
    Ok(Changed { before, after: state_of(balances, token).await? })
}

/// Follows a halted or paused token again, if its status is the one that the operator found. `Conflict` if it moved
/// or something else stops it meanwhile.
pub async fn resume_token(
    balances: &dyn BalanceStore,
    token: TokenId,
    is_found: impl FnOnce(&TokenStatus) -> bool + Send,
    by: &Attribution,
) -> Result<Changed<TokenState>, OperateError> {
    let before = state_of(balances, token).await?;
    if before.is_active() {
        return Err(OperateError::TokenNotStopped(token));
    }
    if !is_found(&before.status) {
        return Err(OperateError::OtherStop { status: before.status.to_string() });
    }
    let base = before.cursor.map(|cursor| cursor.id());
    balances.resume_token(token, base, &before.status, by).await?;
    Ok(Changed { before, after: state_of(balances, token).await? })
}

/// A token, which has to be followed.
pub(super) async fn state_of(
    balances: &dyn BalanceStore,
    token: TokenId,
) -> Result<TokenState, OperateError> {
    balances.token(token).await?.ok_or(OperateError::UnknownToken(token))
}
