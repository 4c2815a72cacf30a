//! Chains and how far they are.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::TokenState;
use pledge_core::ports::{ChainState, ProgrammeState};
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{ChainPath, Path, Query};
use super::page::{self, Page, PageParams, Place};
use super::problem::Problem;
use super::read::{self, in_one_epoch};

/// A chain as its indexer last reported it, and the minimum over its active tokens: a figure is null
/// while one of them has none yet.
#[derive(Debug, Serialize)]
pub(super) struct ChainView {
    chain_id: ChainId,
    name: String,
    status: &'static str,
    reason: Option<String>,
    head_block: Option<BlockNumber>,
    last_processed_block: Option<BlockNumber>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Default, Serialize)]
struct Figures {
    /// The cursor of the token that is furthest behind, and its time.
    last_confirmed_block: Option<BlockNumber>,
    last_confirmed_time: Option<Timestamp>,
    /// The newest block with a change before `last_calculated_time`, of any token with a programme:
    /// every change up to it is in the settled points.
    last_calculated_block: Option<BlockNumber>,
    /// The settled time of the programme that is furthest behind.
    last_calculated_time: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainPlace {
    chain: ChainId,
}

impl Place for ChainPlace {
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
        items.push(view(&api, state.clone()).await?);
    }
    Ok(Json(page.with_items(items)))
}

/// One chain.
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<ChainPath>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<ChainView>, Problem> {
    let state = read::chain(&api, path.chain_id).await?;
    Ok(Json(view(&api, state).await?))
}

/// No parameter is known here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParams {}

async fn view(api: &Api, state: ChainState) -> Result<ChainView, Problem> {
    let figures = in_one_epoch(|| try_figures(api, state.chain)).await?;
    Ok(ChainView {
        chain_id: state.chain,
        status: state.status.name(),
        reason: state.status.reason().map(str::to_owned),
        name: state.name,
        head_block: state.head,
        last_processed_block: state.processed,
        figures,
    })
}

/// `None` if the ledger was rewound between two reads.
async fn try_figures(api: &Api, chain: ChainId) -> Result<Option<Figures>, Problem> {
    let mut tokens = api.queries.balances().tokens(chain).await?;
    tokens.retain(TokenState::is_active);
    let cursors = tokens.iter().map(|token| token.cursor);
    let places = cursors.map(|cursor| cursor.map(|cursor| (cursor.number, cursor.time)));
    let confirmed = places.min().flatten();
    let mut settled = Vec::new();
    let mut earning = Vec::new();
    for token in tokens {
        let programmes = api.queries.points().programmes(token.spec.id).await?;
        if programmes.iter().any(|state| state.epoch != token.epoch) {
            return Ok(None);
        }
        settled.extend(programmes.iter().map(ProgrammeState::settled));
        if !programmes.is_empty() {
            earning.push(token);
        }
    }
    let calculated = settled.into_iter().min().flatten();
    let mut last_calculated_block = None;
    if let Some(last_inside) = calculated.and_then(second_before) {
        for token in &earning {
            let seen = api.queries.balances();
            let seen = seen.last_change_block(token.spec.id, last_inside).await?;
            if seen.epoch != token.epoch {
                return Ok(None);
            }
            last_calculated_block = last_calculated_block.max(seen.value);
        }
    }
    Ok(Some(Figures {
        last_confirmed_block: confirmed.map(|(block, _)| block),
        last_confirmed_time: confirmed.map(|(_, time)| time),
        last_calculated_block,
        last_calculated_time: calculated,
    }))
}

/// Windows are half-open: the last second that a window's end leaves inside.
fn second_before(end: Timestamp) -> Option<Timestamp> {
    Timestamp::new(end.get().checked_sub(1)?).ok()
}
