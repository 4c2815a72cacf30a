//! Trying a settlement again.

use axum::extract::State;
use axum::response::Response;
use pledge_core::operate;
use pledge_core::query::{self, SettlementId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::access::key::Key;
use crate::access::once::once;
use crate::access::reason::ReasonRequest;
use crate::document::OfSettlementWrite;
use crate::extract::Path;
use crate::problem::Problem;
use crate::settlements::IdPath;

/// A settlement whose failed batches are tried again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetriedSettlement {
    /// As lists of settlements have it.
    #[schema(value_type = crate::schema::SettlementIdSchema)]
    id: String,
    /// How many batches have new attempts.
    #[schema(minimum = 1)]
    batches: usize,
}

/// Try a settlement again
///
/// Its failed batches get new attempts, which the next settling makes.
#[utoipa::path(
    post,
    path = "/settlements/{id}/retry",
    operation_id = "retry_settlement",
    tag = "operators",
    params(IdPath),
    request_body = ReasonRequest,
    responses((status = 200, body = RetriedSettlement), OfSettlementWrite),
)]
pub(super) async fn retry(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<IdPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let id: SettlementId = path.parsed()?;
    let by = actual.attribution(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        // What is not there is named, rather than being a settlement of which nothing failed.
        query::SettlementView::read(&api.queries, &id).await?;
        let points = &*api.operator.ports.points;
        let batches = operate::retry_settlement(points, &id, &by).await?;
        Ok(RetriedSettlement { id: id.to_string(), batches })
    })
    .await
}
