//! Tokens and their points programme.

use axum::Json;
use axum::extract::State;
use pledge_core::ports::ProgrammeState;
use pledge_core::query::{self, ProgrammeChoice, TokenPlace};
use pledge_core::types::{Amount, BlockNumber, Decimals, Rate, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{ChainPath, Limit, Path, Query, TokenPath};
use super::json::Eip55;
use super::page::{self, Page, PageKey};
use super::problem::Problem;
use crate::views::Marks;

#[derive(Debug, Serialize)]
pub(super) struct TokenView {
    address: Eip55,
    symbol: String,
    decimals: Decimals,
    start_block: BlockNumber,
    status: &'static str,
    reason: Option<String>,
    /// Why it is halted besides, while it is paused; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    halt_reason: Option<String>,
    #[serde(flatten)]
    marks: Marks,
    last_confirmed_block: Option<BlockNumber>,
    last_confirmed_time: Option<Timestamp>,
    holders: u64,
    total_supply: Amount,
    /// Null if the token has no such programme.
    programme: Option<ProgrammeView>,
}

#[derive(Debug, Serialize)]
struct ProgrammeView {
    name: String,
    /// Points per whole token per hour, before the first step of the schedule.
    rate: Rate,
    schedule: Vec<RateStep>,
    window_seconds: u64,
    /// End of the newest window settled in every shard.
    settled: Option<Timestamp>,
    points_scale: Scale,
}

#[derive(Debug, Serialize)]
struct RateStep {
    from: Timestamp,
    rate: Rate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    programme: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneParams {
    programme: Option<String>,
}

impl PageKey for TokenPlace {
    const LIST: &'static str = "tokens";
}

/// A chain's tokens, ascending by address.
pub(super) async fn list(
    State(api): State<Api>,
    Path(path): Path<ChainPath>,
    Query(params): Query<ListParams>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let page = page::query(params.cursor.as_deref(), params.limit)?;
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let page = query::TokenView::list(&api.queries, path.chain_id, programme, page).await?;
    Ok(Json(Page::show(page, view)))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<TokenPath>,
    Query(params): Query<OneParams>,
) -> Result<Json<TokenView>, Problem> {
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let token = query::TokenView::read(&api.queries, path.token(), programme).await?;
    Ok(Json(view(token)))
}

fn view(query::TokenView { state: token, programme }: query::TokenView) -> TokenView {
    let decimals = token.spec.metadata.decimals;
    let marks = Marks::of(&token);
    TokenView {
        address: Eip55(token.spec.id.address),
        symbol: token.spec.metadata.symbol,
        decimals,
        start_block: token.spec.start_block,
        status: token.status.name(),
        reason: token.status.reason().map(str::to_owned),
        halt_reason: token.status.halt_under_pause().map(str::to_owned),
        marks,
        last_confirmed_block: token.cursor.map(|cursor| cursor.number),
        last_confirmed_time: token.cursor.map(|cursor| cursor.time),
        holders: token.totals.holders,
        total_supply: token.totals.supply,
        programme: programme.map(|state| programme_view(&state, Scale::of(decimals))),
    }
}

fn programme_view(state: &ProgrammeState, points_scale: Scale) -> ProgrammeView {
    let rates = &state.programme.rates;
    let mut pieces = rates.pieces(Timestamp::ZERO, Timestamp::MAX);
    let first = pieces.next().map(|piece| piece.value);
    let steps = pieces.map(|piece| RateStep { from: piece.from, rate: piece.value });
    ProgrammeView {
        name: state.programme.id.name().to_owned(),
        rate: first.unwrap_or_else(|| rates.at(Timestamp::ZERO)),
        schedule: steps.collect(),
        window_seconds: state.programme.window.get(),
        settled: state.settled(),
        points_scale,
    }
}
