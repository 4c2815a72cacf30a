//! Pausing and resuming a token.

use axum::extract::State;
use axum::response::Response;
use pledge_core::ledger::{TokenState, TokenStatus};
use pledge_core::operate::{self, Changed};
use pledge_core::types::ChainId;
use pledge_office::access::{Object, Permission};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::access::key::Key;
use crate::access::once::once;
use crate::access::reason::ReasonRequest;
use crate::access::resume::ResumeRequest;
use crate::document::OfTokenWrite;
use crate::extract::{Path, TokenPath};
use crate::json::Eip55;
use crate::problem::Problem;
use crate::views::{ReasonCode, Stop};

/// A token that was paused or resumed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedToken {
    chain_id: ChainId,
    token: Eip55,
    /// What it did before.
    #[schema(value_type = crate::schema::TokenStatusSchema)]
    before: &'static str,
    /// What it does now.
    #[schema(value_type = crate::schema::TokenStatusSchema)]
    status: &'static str,
    /// Why it is paused or halted now, for programs.
    reason_code: Option<ReasonCode>,
}

impl From<Changed<TokenState>> for ChangedToken {
    fn from(Changed { before, after }: Changed<TokenState>) -> Self {
        Self {
            chain_id: after.spec.id.chain,
            token: Eip55(after.spec.id.address),
            before: before.status.name(),
            status: after.status.name(),
            reason_code: ReasonCode::of_token(&after.status),
        }
    }
}

/// Pause a token
///
/// It is not followed until it is resumed; the rest of its chain is. One that is paused keeps the new reason.
#[utoipa::path(
    post,
    path = "/chains/{chain_id}/tokens/{token}/pause",
    operation_id = "pause_token",
    tag = "operators",
    params(TokenPath),
    request_body = ReasonRequest,
    responses((status = 200, body = ChangedToken), OfTokenWrite),
)]
pub(super) async fn pause(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<TokenPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let by = actual.attribution(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        let balances = &*api.operator.ports.balances;
        let changed = operate::pause_token(balances, path.token(), &by).await?;
        Ok(ChangedToken::from(changed))
    })
    .await
}

/// Resume a token
///
/// One that is paused or halted is followed again. One that was halted halts again while its cause is there. `found`
/// names the stop that the caller saw: where another one came meanwhile, nothing is resumed.
#[utoipa::path(
    post,
    path = "/chains/{chain_id}/tokens/{token}/resume",
    operation_id = "resume_token",
    tag = "operators",
    params(TokenPath),
    request_body = ResumeRequest,
    responses((status = 200, body = ChangedToken), OfTokenWrite),
)]
pub(super) async fn resume(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<TokenPath>,
    key: Key,
    body: Body<ResumeRequest>,
) -> Result<Response, Problem> {
    let ResumeRequest { reason, found } = body.value;
    let by = actual.attribution(Some(reason))?;
    let sees_all = actual.caller.may(Permission::ReadAll, Object::Token(path.token()));
    let is_found = |status: &TokenStatus| {
        found.is_none_or(|found| found.is(&Stop::of_token(status, sees_all)))
    };
    once(&api, &actual, (key, body.digest), async {
        let balances = &*api.operator.ports.balances;
        let changed = operate::resume_token(balances, path.token(), is_found, &by).await?;
        Ok(ChangedToken::from(changed))
    })
    .await
}
