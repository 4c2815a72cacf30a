//! Pausing and resuming a chain.

use axum::extract::State;
use axum::response::Response;
use pledge_core::indexer::ChainStatus;
use pledge_core::operate::{self, Changed};
use pledge_core::ports::ChainState;
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
use crate::document::OfChainWrite;
use crate::extract::{ChainPath, Path};
use crate::problem::Problem;
use crate::views::{ReasonCode, Stop};

/// A chain that was paused or resumed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedChain {
    chain_id: ChainId,
    /// Its name in the store.
    name: String,
    /// What it did before.
    #[schema(value_type = crate::schema::ChainStatusSchema)]
    before: &'static str,
    /// What it does now.
    #[schema(value_type = crate::schema::ChainStatusSchema)]
    status: &'static str,
    /// Why it is paused or halted now, for programs.
    reason_code: Option<ReasonCode>,
}

impl From<Changed<ChainState>> for ChangedChain {
    fn from(Changed { before, after }: Changed<ChainState>) -> Self {
        Self {
            chain_id: after.chain,
            before: before.status.name(),
            status: after.status.name(),
            reason_code: ReasonCode::of_chain(&after.status),
            name: after.name,
        }
    }
}

/// Pause a chain
///
/// It is not followed until it is resumed; what is confirmed is settled still. One that is paused keeps the new
/// reason.
#[utoipa::path(
    post,
    path = "/chains/{chain_id}/pause",
    operation_id = "pause_chain",
    tag = "operators",
    params(ChainPath),
    request_body = ReasonRequest,
    responses((status = 200, body = ChangedChain), OfChainWrite),
)]
pub(super) async fn pause(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<ChainPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let by = actual.attribution(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        let balances = &*api.operator.ports.balances;
        let changed = operate::pause_chain(balances, path.chain_id, &by).await?;
        Ok(ChangedChain::from(changed))
    })
    .await
}

/// Resume a chain
///
/// One that is paused or halted is followed again. One that was halted halts again while its cause is there. `found`
/// names the stop that the caller saw: where another one came meanwhile, nothing is resumed.
#[utoipa::path(
    post,
    path = "/chains/{chain_id}/resume",
    operation_id = "resume_chain",
    tag = "operators",
    params(ChainPath),
    request_body = ResumeRequest,
    responses((status = 200, body = ChangedChain), OfChainWrite),
)]
pub(super) async fn resume(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<ChainPath>,
    key: Key,
    body: Body<ResumeRequest>,
) -> Result<Response, Problem> {
    let ResumeRequest { reason, found } = body.value;
    let by = actual.attribution(Some(reason))?;
    let sees_all = actual.caller.may(Permission::ReadAll, Object::Chain(path.chain_id));
    let is_found = |status: &ChainStatus| {
        found.is_none_or(|found| found.is(&Stop::of_chain(status, sees_all)))
    };
    once(&api, &actual, (key, body.digest), async {
        let balances = &*api.operator.ports.balances;
        let changed = operate::resume_chain(balances, path.chain_id, is_found, &by).await?;
        Ok(ChangedChain::from(changed))
    })
    .await
}
