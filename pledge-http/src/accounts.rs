//! One account on one token, at an instant.

use axum::Json;
use axum::extract::State;
use pledge_core::query::{NamedAccount, ProgrammeChoice};
use pledge_core::types::{
    Amount, BalanceSeconds, BlockNumber, Decimals, RawPoints, Scale, Timestamp, WeightBp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::document::OfAccountAtInstant;
use super::extract::{Instant, Path, Query, TokenAccountPath};
use super::json::Eip55;
use super::problem::Problem;

/// The balance and points of an account at `at_time`; zero if it was never seen. The points are
/// null on a token without programme.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountAnswer {
    account: Eip55,
    /// The token's symbol, as its contract returned it.
    symbol: String,
    decimals: Decimals,
    /// As of `at_time`, in base units.
    balance: Amount,
    /// `balance` in whole tokens.
    #[schema(value_type = crate::schema::WholeTokensSchema)]
    balance_formatted: String,
    /// At the newest block seen; with `at`, the same as `balance`. Null while the blocks above the
    /// confirmed one are not known, and while they send more than is held.
    pending_balance: Option<Amount>,
    /// Up to `at_time`.
    balance_seconds: BalanceSeconds,
    /// Earned up to `at_time`, time that is not settled yet included.
    #[schema(value_type = Option<crate::schema::PointsSchema>)]
    points: Option<String>,
    points_raw: Option<RawPoints>,
    points_scale: Option<Scale>,
    /// Earned in the settled windows that end at or before `at_time`.
    #[schema(value_type = Option<crate::schema::PointsSchema>)]
    settled_points: Option<String>,
    /// The weight as of `at_time`, in basis points.
    weight_bp: Option<WeightBp>,
    /// The block of the token's last change at or before `at_time`, of whichever account; null before
    /// the first.
    at_block: Option<BlockNumber>,
    /// The instant of the answer: `at`, or the time of the confirmed block.
    at_time: Timestamp,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// The instant of the answer; the confirmed block's time without it. One that is later, or before
    /// the token's first block, is refused with the bound.
    #[param(inline)]
    at: Option<Instant>,
    /// `main` without it.
    #[param(inline, value_type = Option<crate::schema::ProgrammeNameSchema>)]
    programme: Option<String>,
}

/// An account on a token
///
/// At the confirmed block's time, or exactly at another instant.
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/tokens/{token}/accounts/{account}",
    operation_id = "account",
    tag = "accounts",
    params(TokenAccountPath, Params),
    responses((status = 200, body = AccountAnswer), OfAccountAtInstant),
)]
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<AccountAnswer>, Problem> {
    let (token, account) = (path.token(), path.account()?);
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let at = params.at.map(|at| at.0);
    let read = NamedAccount::read(&api.queries, token, account, programme, at);
    Ok(Json(AccountAnswer::of(read.await?)))
}

impl AccountAnswer {
    /// An account as it is shown.
    pub(super) fn of(NamedAccount { metadata, view }: NamedAccount) -> Self {
        // Without a programme the points are null: zero would mean that the account earned nothing.
        let points = view.points.as_ref();
        Self {
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
        }
    }
}
