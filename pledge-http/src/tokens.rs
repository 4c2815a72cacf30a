//! Tokens and their points programme.

use axum::Json;
use axum::extract::State;
use pledge_core::ports::ProgrammeState;
use pledge_core::query::{self, ProgrammeChoice, TokenPlace};
use pledge_core::types::{Amount, BlockNumber, Decimals, Rate, Scale, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::document::{OfProgramme, OfTokens};
use super::extract::{ChainPath, Limit, Path, Query, TokenPath};
use super::json::Eip55;
use super::page::{self, Page, PageKey};
use super::problem::Problem;
use super::reader::Reader;
use crate::views::{Marks, ReasonCode, Stop};

/// A token, its sums and one of its programmes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenView {
    address: Eip55,
    /// As its contract returned it.
    symbol: String,
    decimals: Decimals,
    /// The block from which it is followed.
    start_block: BlockNumber,
    #[schema(value_type = crate::schema::TokenStatusSchema)]
    status: &'static str,
    /// Why it is halted or paused, for programs.
    reason_code: Option<ReasonCode>,
    /// Why it is halted or paused.
    reason: Option<String>,
    /// Why it is halted besides, while it is paused; null otherwise.
    halt_reason: Option<String>,
    #[serde(flatten)]
    marks: Marks,
    /// The newest block in its ledger; null before the first.
    last_confirmed_block: Option<BlockNumber>,
    /// When that block was mined.
    last_confirmed_time: Option<Timestamp>,
    /// Accounts with a balance above zero.
    holders: u64,
    /// Minted less burned.
    total_supply: Amount,
    /// Null if the token has no such programme.
    programme: Option<ProgrammeView>,
}

/// By what rule accounts earn points.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Programme)]
pub(super) struct ProgrammeView {
    #[schema(value_type = crate::schema::ProgrammeNameSchema)]
    name: String,
    /// Points per whole token per hour, before the first step of the schedule.
    rate: Rate,
    /// The steps of the rate, ascending by time.
    schedule: Vec<RateStep>,
    /// The length of a settlement window.
    #[schema(minimum = 1, maximum = 31622400)]
    window_seconds: u64,
    /// End of the newest window settled in every shard.
    settled: Option<Timestamp>,
    points_scale: Scale,
}

/// A rate from an instant on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RateStep {
    from: Timestamp,
    rate: Rate,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// The programme that is shown where a token has it; `main` without it.
    #[param(inline, value_type = Option<crate::schema::ProgrammeNameSchema>)]
    programme: Option<String>,
    /// 100 without it.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<crate::schema::CursorSchema>)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OneParams {
    /// `main` without it.
    #[param(inline, value_type = Option<crate::schema::ProgrammeNameSchema>)]
    programme: Option<String>,
}

impl PageKey for TokenPlace {
    const LIST: &'static str = "tokens";
}

/// Tokens of a chain
///
/// Ascending by address.
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/tokens",
    operation_id = "tokens",
    tag = "chains",
    params(ChainPath, ListParams),
    responses((status = 200, body = Page<TokenView>), OfTokens),
)]
pub(super) async fn list(
    State(api): State<Api>,
    reader: Reader,
    Path(path): Path<ChainPath>,
    Query(params): Query<ListParams>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let page = page::query(params.cursor.as_deref(), params.limit)?;
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let page = query::TokenView::list(&api.queries, path.chain_id, programme, page).await?;
    Ok(Json(Page::show(page, |token| view(token, &reader))))
}

/// A token with its sums and its programme
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/tokens/{token}",
    operation_id = "token",
    tag = "chains",
    params(TokenPath, OneParams),
    responses((status = 200, body = TokenView), OfProgramme),
)]
pub(super) async fn one(
    State(api): State<Api>,
    reader: Reader,
    Path(path): Path<TokenPath>,
    Query(params): Query<OneParams>,
) -> Result<Json<TokenView>, Problem> {
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let token = query::TokenView::read(&api.queries, path.token(), programme).await?;
    Ok(Json(view(token, &reader)))
}

fn view(
    query::TokenView { state: token, programme }: query::TokenView,
    reader: &Reader,
) -> TokenView {
    let decimals = token.spec.metadata.decimals;
    // Texts of nodes and operators may have hosts and keys in them.
    let sees_all = reader.sees_all_of_token(token.spec.id);
    let marks = Marks::of(&token);
    let marks = if sees_all { marks } else { marks.without_texts() };
    let Stop { status, reason, halt_reason } = Stop::of_token(&token.status, sees_all);
    TokenView {
        address: Eip55(token.spec.id.address),
        symbol: token.spec.metadata.symbol,
        decimals,
        start_block: token.spec.start_block,
        status,
        reason_code: ReasonCode::of_token(&token.status),
        reason,
        halt_reason,
        marks,
        last_confirmed_block: token.cursor.map(|cursor| cursor.number),
        last_confirmed_time: token.cursor.map(|cursor| cursor.time),
        holders: token.totals.holders,
        total_supply: token.totals.supply,
        programme: programme.map(|state| ProgrammeView::of(&state, Scale::of(decimals))),
    }
}

impl ProgrammeView {
    pub(super) fn of(state: &ProgrammeState, points_scale: Scale) -> Self {
        let rates = &state.programme.rates;
        let mut pieces = rates.pieces(Timestamp::ZERO, Timestamp::MAX);
        let first = pieces.next().map(|piece| piece.value);
        let steps = pieces.map(|piece| RateStep { from: piece.from, rate: piece.value });
        Self {
            name: state.programme.id.name().to_owned(),
            rate: first.unwrap_or_else(|| rates.at(Timestamp::ZERO)),
            schedule: steps.collect(),
            window_seconds: state.programme.window.get(),
            settled: state.settled(),
            points_scale,
        }
    }
}
