//! Settlements: one per programme and window.

use axum::Json;
use axum::extract::State;
use pledge_core::query::{self, SettlementFilter, SettlementId, SettlementStatus};
use pledge_core::types::ChainId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::document::{OfSettlement, OfSettlements};
use super::extract::{HexAddress, Limit, Path, Query};
use super::page::{self, Page, PageKey};
use super::problem::Problem;
use super::reader::Reader;
use crate::views::SettlementView;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// Only those of one chain.
    #[param(inline)]
    chain_id: Option<ChainId>,
    /// Only those of the tokens with this address.
    #[param(inline)]
    token: Option<HexAddress>,
    /// Only those of programmes of this name.
    #[param(inline, value_type = Option<crate::schema::ProgrammeNameSchema>)]
    programme: Option<String>,
    /// Only those of this status.
    #[param(inline)]
    status: Option<SettlementStatus>,
    /// 100 without it.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<crate::schema::CursorSchema>)]
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct IdPath {
    /// `chain_id:token:programme:window_start`, as lists have it.
    #[param(inline, value_type = crate::schema::SettlementIdSchema)]
    id: String,
}

impl IdPath {
    pub(super) fn parsed(&self) -> Result<SettlementId, Problem> {
        self.id.parse().map_err(|_| Problem::malformed("id", &self.id))
    }
}

impl PageKey for SettlementId {
    const LIST: &'static str = "settlements";
}

/// Settlements
///
/// One per programme and window: those that the filters leave, newest window first.
#[utoipa::path(
    get,
    path = "/settlements",
    operation_id = "settlements",
    tag = "points",
    params(Params),
    responses((status = 200, body = Page<SettlementView>), OfSettlements),
)]
pub(super) async fn list(
    State(api): State<Api>,
    reader: Reader,
    Query(params): Query<Params>,
) -> Result<Json<Page<SettlementView>>, Problem> {
    let page = page::query(params.cursor.as_deref(), params.limit)?;
    let filter = SettlementFilter {
        chain: params.chain_id,
        token: params.token.map(|HexAddress(address)| address),
        programme: params.programme.as_deref(),
        status: params.status,
    };
    let page = query::SettlementView::list(&api.queries, &filter, &page).await?;
    Ok(Json(Page::show(page, |settlement| view(settlement, &reader))))
}

/// A settlement by its id
#[utoipa::path(
    get,
    path = "/settlements/{id}",
    operation_id = "settlement",
    tag = "points",
    params(IdPath),
    responses((status = 200, body = SettlementView), OfSettlement),
)]
pub(super) async fn one(
    State(api): State<Api>,
    reader: Reader,
    Path(path): Path<IdPath>,
    Query(super::chains::NoParams {}): Query<super::chains::NoParams>,
) -> Result<Json<SettlementView>, Problem> {
    let settlement = query::SettlementView::read(&api.queries, &path.parsed()?).await?;
    Ok(Json(view(settlement, &reader)))
}

fn view(settlement: query::SettlementView, reader: &Reader) -> SettlementView {
    if reader.sees_all_of_token(settlement.settlement.programme.token) {
        SettlementView::of(settlement)
    } else {
        SettlementView::public(settlement)
    }
}
