//! Tokens and their points programme.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::TokenState;
use pledge_core::ports::ProgrammeState;
use pledge_core::primitives::Address;
use pledge_core::types::{Amount, BlockNumber, Decimals, Rate, Scale, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{ChainPath, Limit, Path, Query, TokenPath};
use super::json::Eip55;
use super::page::{self, Page, PageKey};
use super::problem::Problem;
use super::read::{self, ProgrammeName, in_one_epoch};
use crate::views::Marks;

#[derive(Debug, Serialize)]
pub(super) struct TokenView {
    address: Eip55,
    symbol: String,
    decimals: Decimals,
    start_block: BlockNumber,
    status: &'static str,
    reason: Option<String>,
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenPlace {
    address: Address,
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
    let chain = read::chain(&api, path.chain_id).await?.chain;
    let after: Option<TokenPlace> = page::decode(params.cursor.as_deref())?;
    let mut tokens = api.queries.balances().tokens(chain).await?;
    tokens.retain(|token| {
        let address = token.spec.id.address;
        after.as_ref().is_none_or(|after| address > after.address)
    });
    let page =
        Page::cut(tokens, params.limit, |token| TokenPlace { address: token.spec.id.address });
    let name = ProgrammeName::asked(params.programme.as_ref());
    let mut items = Vec::with_capacity(page.items().len());
    for token in page.items() {
        items.push(read_view(&api, token.spec.id, name).await?);
    }
    Ok(Json(page.with_items(items)))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<TokenPath>,
    Query(params): Query<OneParams>,
) -> Result<Json<TokenView>, Problem> {
    let name = ProgrammeName::asked(params.programme.as_ref());
    let view = read_view(&api, path.token(), name).await?;
    if view.programme.is_none() && name.is_explicit() {
        return Err(name.unknown(path.token()));
    }
    Ok(Json(view))
}

async fn read_view(
    api: &Api,
    token: TokenId,
    name: ProgrammeName<'_>,
) -> Result<TokenView, Problem> {
    let attempt = async || -> Result<_, Problem> {
        let state = api.queries.token(token).await?;
        let programme = name.look_up(api, token).await?;
        let fits = programme.iter().all(|found| found.epoch == state.epoch);
        Ok(fits.then(|| view(state, programme)))
    };
    in_one_epoch(attempt).await
}

fn view(token: TokenState, programme: Option<ProgrammeState>) -> TokenView {
    let decimals = token.spec.metadata.decimals;
    let marks = Marks::of(&token);
    TokenView {
        address: Eip55(token.spec.id.address),
        symbol: token.spec.metadata.symbol,
        decimals,
        start_block: token.spec.start_block,
        status: token.status.name(),
        reason: token.status.reason().map(str::to_owned),
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
