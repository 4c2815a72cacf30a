//! Settlements: one per programme and window.

use axum::Json;
use axum::extract::State;
use pledge_core::query::{self, SettlementFilter, SettlementId, SettlementStatus};
use pledge_core::types::ChainId;
use serde::Deserialize;

use super::Api;
use super::extract::{HexAddress, Limit, Path, Query};
use super::page::{self, Page, PageKey};
use super::problem::Problem;
use crate::views::SettlementView;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    chain_id: Option<ChainId>,
    token: Option<HexAddress>,
    programme: Option<String>,
    status: Option<SettlementStatus>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct IdPath {
    id: String,
}

impl PageKey for SettlementId {
    const LIST: &'static str = "settlements";
}

/// The settlements of every programme that the filters leave, newest window first.
pub(super) async fn list(
    State(api): State<Api>,
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
    Ok(Json(Page::show(page, SettlementView::of)))
}

/// One settlement by its id, `chain_id:token:programme:window_start`.
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<IdPath>,
    Query(super::chains::NoParams {}): Query<super::chains::NoParams>,
) -> Result<Json<SettlementView>, Problem> {
    let id: SettlementId = path.id.parse().map_err(|form| Problem::invalid("id", form))?;
    let settlement = query::SettlementView::read(&api.queries, &id).await?;
    Ok(Json(SettlementView::of(settlement)))
}
