//! One account on one token, at an instant.

use axum::Json;
use axum::extract::State;
use pledge_core::query::{NamedAccount, ProgrammeChoice};
use pledge_core::types::{
    Amount, BalanceSeconds, BlockNumber, Decimals, RawPoints, Scale, Timestamp, WeightBp,
};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Instant, Path, Query, TokenAccountPath};
use super::json::Eip55;
use super::problem::Problem;

/// The balance and points of an account at `at_time`; zero if it was never seen. The points are
/// null on a token without programme.
#[derive(Debug, Serialize)]
pub(super) struct AccountAnswer {
    account: Eip55,
    symbol: String,
    decimals: Decimals,
    balance: Amount,
    /// In whole tokens.
    balance_formatted: String,
    pending_balance: Option<Amount>,
    balance_seconds: BalanceSeconds,
    points: Option<String>,
    points_raw: Option<RawPoints>,
    points_scale: Option<Scale>,
    settled_points: Option<String>,
    weight_bp: Option<WeightBp>,
    at_block: Option<BlockNumber>,
    at_time: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    at: Option<Instant>,
    programme: Option<String>,
}

/// The account at the confirmed block's time, or exactly at another instant.
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<AccountAnswer>, Problem> {
    let (token, account) = (path.token(), path.account()?);
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let at = params.at.map(|at| at.0);
    let read = NamedAccount::read(&api.queries, token, account, programme, at);
    let NamedAccount { metadata, view } = read.await?;
    // Without a programme the points are null: zero would mean that the account earned nothing.
    let points = view.points.as_ref();
    Ok(Json(AccountAnswer {
        account: Eip55(view.account.address()),
        symbol: metadata.symbol,
        decimals: metadata.decimals,
        balance: view.balance,
        balance_formatted: view.balance.in_tokens(metadata.decimals),
        pending_balance: view.pending_balance,
        balance_seconds: view.balance_seconds,
        points: points.map(|points| points.scale.points(points.raw)),
        points_raw: points.map(|points| points.raw),
        points_scale: points.map(|points| points.scale),
        settled_points: points.map(|points| points.scale.points(points.settled_raw)),
        weight_bp: points.map(|points| points.weight),
        at_block: view.at_block,
        at_time: view.at_time,
    }))
}
