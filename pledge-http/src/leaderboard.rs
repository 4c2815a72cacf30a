//! A token's accounts, by points or by balance.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::TokenMetadata;
use pledge_core::query::{
    self, BalancePlace, LeaderboardQuery, PointsPlace, ProgrammeChoice, RankedAccount,
};
use pledge_core::types::{Amount, Decimals, RawPoints, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Limit, Path, Query, TokenPath};
use super::json::Eip55;
use super::page::{self, Page, PageKey};
use super::problem::Problem;

/// A page of accounts, and the time up to which the points of every account are settled.
#[derive(Debug, Serialize)]
pub(super) struct Leaderboard {
    #[serde(flatten)]
    page: Page<Row>,
    symbol: String,
    decimals: Decimals,
    /// End of the newest window settled in every shard; null before the first, and without
    /// programme.
    settled: Option<Timestamp>,
    points_scale: Option<Scale>,
}

/// An account's confirmed balance, and its points in settled windows.
#[derive(Debug, Serialize)]
struct Row {
    account: Eip55,
    balance: Amount,
    /// In whole tokens.
    balance_formatted: String,
    points: Option<String>,
    points_raw: Option<RawPoints>,
    /// The time up to which this account is settled; ahead of the page's while a settlement is
    /// under way.
    settled: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    #[serde(default)]
    sort: Sort,
    programme: Option<String>,
    #[serde(default)]
    limit: Limit,
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

/// Accounts by settled points or by balance descending, then by address.
///
/// By points it lists accounts that earned anything; by balance, those that hold or earned
/// anything. Accounts with neither are left out, so a page may have fewer rows than its limit. The
/// last page has no next cursor.
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
