//! A token's accounts, by points or by balance.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::TokenMetadata;
use pledge_core::query::{
    self, BalancePlace, LeaderboardQuery, PointsPlace, ProgrammeChoice, RankedAccount,
};
use pledge_core::types::{Amount, Decimals, RawPoints, Scale, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::document::OfProgramme;
use super::extract::{Limit, Path, Query, TokenPath};
use super::json::Eip55;
use super::page::{self, Page, PageKey};
use super::problem::Problem;

/// A page of accounts, and the time up to which the points of every account are settled.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Leaderboard {
    #[serde(flatten)]
    page: Page<Row>,
    /// The token's symbol, as its contract returned it.
    symbol: String,
    decimals: Decimals,
    /// End of the newest window settled in every shard; null before the first, and without
    /// programme.
    settled: Option<Timestamp>,
    points_scale: Option<Scale>,
}

/// An account's confirmed balance, and its points in settled windows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RankedAccount)]
struct Row {
    account: Eip55,
    balance: Amount,
    /// `balance` in whole tokens.
    #[schema(value_type = crate::schema::WholeTokensSchema)]
    balance_formatted: String,
    /// Null for an account that earned nothing, and without programme.
    #[schema(value_type = Option<crate::schema::PointsSchema>)]
    points: Option<String>,
    points_raw: Option<RawPoints>,
    /// The time up to which this account is settled; ahead of the page's while a settlement is
    /// under way.
    settled: Option<Timestamp>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// `points` without it.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    /// `main` without it.
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

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Points,
    Balance,
}

impl PageKey for PointsPlace {
    const LIST: &'static str = "accounts by points";
}

impl PageKey for BalancePlace {
    const LIST: &'static str = "accounts by balance";
}

/// Accounts of a token
///
/// By settled points or by balance descending, then by address.
///
/// By points it lists accounts that earned anything; by balance, those that hold or earned
/// anything. Accounts with neither are left out, so a page may have fewer rows than its limit. The
/// last page has no next cursor.
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/tokens/{token}/accounts",
    operation_id = "accounts",
    tag = "accounts",
    params(TokenPath, Params),
    responses((status = 200, body = Leaderboard), OfProgramme),
)]
pub(super) async fn list(
    State(api): State<Api>,
    Path(path): Path<TokenPath>,
    Query(params): Query<Params>,
) -> Result<Json<Leaderboard>, Problem> {
    let (token, programme) = (path.token(), ProgrammeChoice::of(params.programme.as_deref()));
    let (cursor, limit) = (params.cursor.as_deref(), params.limit);
    Ok(Json(match params.sort {
        Sort::Points => {
            let query = LeaderboardQuery { token, programme, page: page::query(cursor, limit)? };
            Leaderboard::of(query::Leaderboard::by_points(&api.queries, &query).await?)
        }
        Sort::Balance => {
            let query = LeaderboardQuery { token, programme, page: page::query(cursor, limit)? };
            Leaderboard::of(query::Leaderboard::by_balance(&api.queries, &query).await?)
        }
    }))
}

impl Leaderboard {
    fn of<P: PageKey>(leaderboard: query::Leaderboard<P>) -> Self {
        let TokenMetadata { symbol, decimals } = leaderboard.metadata;
        Self {
            page: Page::show(leaderboard.page, |account| Row::of(&account, decimals)),
            symbol,
            decimals,
            settled: leaderboard.settled,
            points_scale: leaderboard.scale,
        }
    }
}

impl Row {
    fn of(ranked: &RankedAccount, decimals: Decimals) -> Self {
        let earned = ranked.earned;
        Self {
            account: Eip55(ranked.account.address()),
            balance: ranked.balance,
            balance_formatted: ranked.balance.in_tokens(decimals),
            points: earned.map(|earned| Scale::of(decimals).points(earned.raw)),
            points_raw: earned.map(|earned| earned.raw),
            settled: earned.and_then(|earned| earned.settled),
        }
    }
}
