//! Chains and how far they are.

use axum::Json;
use axum::extract::State;
use pledge_core::query::{self, ChainPlace};
use serde::Deserialize;

use super::Api;
use super::extract::{ChainPath, Path, Query};
use super::page::{Page, PageKey, PageParams};
use super::problem::Problem;
use crate::views::ChainView;

impl PageKey for ChainPlace {
    const LIST: &'static str = "chains";
}

/// Chains, ascending by id.
pub(super) async fn list(
    State(api): State<Api>,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<ChainView>>, Problem> {
    let page = query::ChainView::list(&api.queries, params.query()?).await?;
    let now = api.now();
    Ok(Json(Page::show(page, |chain| ChainView::of(chain, now))))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<ChainPath>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<ChainView>, Problem> {
    let chain = query::ChainView::read(&api.queries, path.chain_id).await?;
    Ok(Json(ChainView::of(chain, api.now())))
}

/// This path takes no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}
