//! One account on every chain and token.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::TokenMetadata;
use pledge_core::query::{self, ProgrammeChoice};
use pledge_core::types::{Amount, ChainId, Decimals, RawPoints, Scale, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::document::OfPortfolio;
use super::extract::{AccountPath, Path, Query};
use super::json::Eip55;
use super::problem::Problem;

/// The tokens on which the account was seen, at one instant: the confirmed time of the slowest
/// active token. A halted token does not hold the others back; it is shown at its own last time if
/// that is earlier.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Portfolio {
    account: Eip55,
    /// Null for an account that was never seen on any token.
    at_time: Option<Timestamp>,
    /// The sum over the tokens with the programme; null if there is none.
    #[schema(value_type = Option<crate::schema::PointsSchema>)]
    total_points: Option<String>,
    /// At the largest scale of the tokens.
    #[schema(value_type = Option<crate::schema::RawPointsSchema>)]
    total_points_raw: Option<String>,
    points_scale: Option<Scale>,
    tokens: Vec<Holding>,
}

/// The account on one token.
#[derive(Debug, Serialize, ToSchema)]
struct Holding {
    chain_id: ChainId,
    token: Eip55,
    /// The token's symbol, as its contract returned it.
    symbol: String,
    decimals: Decimals,
    /// Of the token.
    #[schema(value_type = crate::schema::TokenStatusSchema)]
    status: &'static str,
    balance: Amount,
    /// `balance` in whole tokens.
    #[schema(value_type = crate::schema::WholeTokensSchema)]
    balance_formatted: String,
    /// Null without programme.
    #[schema(value_type = Option<crate::schema::PointsSchema>)]
    points: Option<String>,
    points_raw: Option<RawPoints>,
    points_scale: Option<Scale>,
    at_time: Timestamp,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// `main` without it.
    #[param(inline, value_type = Option<crate::schema::ProgrammeNameSchema>)]
    programme: Option<String>,
}

/// An account everywhere
///
/// On every chain and token, with its points and their sum.
#[utoipa::path(
    get,
    path = "/accounts/{account}",
    operation_id = "portfolio",
    tag = "accounts",
    params(AccountPath, Params),
    responses((status = 200, body = Portfolio), OfPortfolio),
)]
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<AccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<Portfolio>, Problem> {
    let account = path.account()?;
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let read = query::Portfolio::read(&api.queries, account, programme).await?;
    Ok(Json(Portfolio {
        account: Eip55(account.address()),
        at_time: read.at_time,
        total_points: read.total.map(|total| total.points()),
        total_points_raw: read.total.map(|total| total.raw()),
        points_scale: read.total.map(|total| total.scale()),
        tokens: read.holdings.into_iter().map(Holding::of).collect(),
    }))
}

impl Holding {
    fn of(read: query::Holding) -> Self {
        let scale = read.scale();
        let query::Holding { token, balance, raw, at_time } = read;
        let (id, TokenMetadata { symbol, decimals }) = (token.spec.id, token.spec.metadata);
        Self {
            chain_id: id.chain,
            token: Eip55(id.address),
            symbol,
            decimals,
            status: token.status.name(),
            balance,
            balance_formatted: balance.in_tokens(decimals),
            points: raw.map(|raw| scale.points(raw)),
            points_raw: raw,
            points_scale: raw.map(|_| scale),
            at_time,
        }
    }
}
