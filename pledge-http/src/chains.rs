//! Chains and how far they are.

use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use pledge_core::query::{self, ChainPlace};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::document::{OfChain, OfEvery};
use super::extract::{ChainPath, Path, Query};
use super::page::{Page, PageKey, PageParams};
use super::problem::Problem;
use super::reader::Reader;
use crate::views::ChainView;

impl PageKey for ChainPlace {
    const LIST: &'static str = "chains";
}

/// Chains
///
/// Ascending by id.
#[utoipa::path(
    get,
    path = "/chains",
    operation_id = "chains",
    tag = "chains",
    params(PageParams),
    responses((status = 200, body = Page<ChainView>), OfEvery),
)]
pub(super) async fn list(
    State(api): State<Api>,
    reader: Reader,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<ChainView>>, Problem> {
    let page = query::ChainView::list(&api.queries, params.query()?).await?;
    let now = api.now();
    Ok(Json(Page::show(page, |chain| view(chain, now, &reader))))
}

/// A chain and how far it is
#[utoipa::path(
    get,
    path = "/chains/{chain_id}",
    operation_id = "chain",
    tag = "chains",
    params(ChainPath),
    responses((status = 200, body = ChainView), OfChain),
)]
pub(super) async fn one(
    State(api): State<Api>,
    reader: Reader,
    Path(path): Path<ChainPath>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<ChainView>, Problem> {
    let chain = query::ChainView::read(&api.queries, path.chain_id).await?;
    Ok(Json(view(chain, api.now(), &reader)))
}

fn view(chain: query::ChainView, now: SystemTime, reader: &Reader) -> ChainView {
    if reader.sees_all_of_chain(chain.state.chain) {
        ChainView::of(chain, now)
    } else {
        ChainView::public(chain, now)
    }
}

/// This path takes no parameters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}
