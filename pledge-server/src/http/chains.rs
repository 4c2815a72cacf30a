//! Chains and how far they are.

use axum::Json;
use axum::extract::State;
use pledge_core::types::ChainId;
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{ChainPath, Path, Query};
use super::page::{self, Page, PageKey, PageParams};
use super::problem::Problem;
use super::read;
use crate::views::ChainView;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainPlace {
    chain: ChainId,
}

impl PageKey for ChainPlace {
    const LIST: &'static str = "chains";
}

/// Chains, ascending by id.
pub(super) async fn list(
    State(api): State<Api>,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<ChainView>>, Problem> {
    let after: Option<ChainPlace> = page::decode(params.cursor.as_deref())?;
    let mut chains = api.queries.balances().chains().await?;
    chains.retain(|state| after.as_ref().is_none_or(|after| state.chain > after.chain));
    let page = Page::cut(chains, params.limit, |state| ChainPlace { chain: state.chain });
    let mut items = Vec::with_capacity(page.items().len());
    for state in page.items() {
        items.push(ChainView::read(&api.queries, state.clone(), api.now()).await?);
    }
    Ok(Json(page.with_items(items)))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<ChainPath>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<ChainView>, Problem> {
    let state = read::chain(&api, path.chain_id).await?;
    Ok(Json(ChainView::read(&api.queries, state, api.now()).await?))
}

/// This path takes no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}
