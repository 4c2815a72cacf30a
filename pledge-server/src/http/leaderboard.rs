//! A token's accounts, by points or by balance.

use axum::Json;
use axum::extract::State;
use pledge_core::error::StoreError;
use pledge_core::ledger::{Checkpoint, TokenMetadata, TokenState};
use pledge_core::ports::{ProgrammeState, Standing};
use pledge_core::types::{Account, Amount, Decimals, RawPoints, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Limit, Path, Query, TokenPath};
use super::json::Eip55;
use super::page::{self, Page, PageKey};
use super::problem::Problem;
use super::read::{ProgrammeName, in_one_epoch};

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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointsPlace {
    raw: RawPoints,
    account: Account,
}

impl PageKey for PointsPlace {
    const LIST: &'static str = "accounts by points";
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BalancePlace {
    balance: Amount,
    account: Account,
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
    let attempt = async || -> Result<_, Problem> {
        let token = api.queries.token(path.token()).await?;
        match params.sort {
            Sort::Points => by_points(&api, &token, &params).await,
            Sort::Balance => by_balance(&api, &token, &params).await,
        }
    };
    Ok(Json(in_one_epoch(attempt).await?))
}

async fn by_points(
    api: &Api,
    token: &TokenState,
    params: &Params,
) -> Result<Option<Leaderboard>, Problem> {
    let after = page::decode(params.cursor.as_deref())?;
    let after = after.map(|place: PointsPlace| (place.raw, place.account));
    let name = ProgrammeName::asked(params.programme.as_ref());
    let id = token.spec.id;
    let programme = name.require(api, id).await?;
    let points = api.queries.points();
    let standings =
        points.standings(&programme.programme.id, after, params.limit.and_one()).await?;
    let page = Page::cut(standings.value, params.limit, |standing| PointsPlace {
        raw: standing.raw,
        account: standing.account,
    });
    let accounts: Vec<_> = page.items().iter().map(|row| row.account).collect();
    let states = api.queries.balances().states(id, &accounts).await?;
    // Points and balances of different epochs would belong to different branches.
    if [programme.epoch, standings.epoch, states.epoch] != [token.epoch; 3] {
        return Ok(None);
    }
    let TokenMetadata { symbol, decimals } = token.spec.metadata.clone();
    let mut rows = Vec::with_capacity(accounts.len());
    for (standing, state) in page.items().iter().zip(states.value) {
        let state = state.ok_or_else(|| without_ledger(standing))?;
        rows.push(row_of(&programme, decimals, standing.account, &state, Some(standing)));
    }
    Ok(Some(Leaderboard {
        page: page.with_items(rows),
        symbol,
        decimals,
        settled: programme.settled(),
        points_scale: Some(Scale::of(decimals)),
    }))
}

async fn by_balance(
    api: &Api,
    token: &TokenState,
    params: &Params,
) -> Result<Option<Leaderboard>, Problem> {
    let after = page::decode(params.cursor.as_deref())?;
    let after = after.map(|place: BalancePlace| (place.balance, place.account));
    let name = ProgrammeName::asked(params.programme.as_ref());
    let id = token.spec.id;
    let programme = name.find(api, id).await?;
    let balances = api.queries.balances();
    let holders = balances.holders(id, after, params.limit.and_one()).await?;
    if holders.epoch != token.epoch {
        return Ok(None);
    }
    let mut holders = holders.value;
    if programme.is_none() {
        // Sorted by balance, so no account after the first with zero has any.
        holders.retain(|(_, state)| !state.balance.is_zero());
    }
    let page = Page::cut(holders, params.limit, |(account, state)| BalancePlace {
        balance: state.balance,
        account: *account,
    });
    let TokenMetadata { symbol, decimals } = token.spec.metadata.clone();
    let Some(programme) = programme else {
        return Ok(Some(Leaderboard {
            page: page.map(|(account, state)| row_without_points(account, &state, decimals)),
            symbol,
            decimals,
            settled: None,
            points_scale: None,
        }));
    };
    let accounts: Vec<_> = page.items().iter().map(|(account, _)| *account).collect();
    let points = api.queries.points();
    let totals = points.totals(&programme.programme.id, &accounts).await?;
    if [programme.epoch, totals.epoch] != [token.epoch; 2] {
        return Ok(None);
    }
    let with_totals = page.items().iter().zip(&totals.value);
    let with_something =
        with_totals.filter(|((_, state), total)| !state.balance.is_zero() || total.is_some());
    let rows = with_something.map(|((account, state), total)| {
        row_of(&programme, decimals, *account, state, total.as_ref())
    });
    let rows = rows.collect();
    Ok(Some(Leaderboard {
        page: page.with_items(rows),
        symbol,
        decimals,
        settled: programme.settled(),
        points_scale: Some(Scale::of(decimals)),
    }))
}

/// A row of the page. An account without a total earned nothing up to the settled time of its
/// shard.
fn row_of(
    programme: &ProgrammeState,
    decimals: Decimals,
    account: Account,
    state: &Checkpoint,
    total: Option<&Standing>,
) -> Row {
    let raw = total.map(|total| total.raw).unwrap_or_default();
    let settled = match total {
        Some(total) => Some(total.settled),
        None => programme.settled_of(account),
    };
    Row {
        points: Some(Scale::of(decimals).points(raw)),
        points_raw: Some(raw),
        settled,
        ..row_without_points(account, state, decimals)
    }
}

fn row_without_points(account: Account, state: &Checkpoint, decimals: Decimals) -> Row {
    Row {
        account: Eip55(account.address()),
        balance: state.balance,
        balance_formatted: state.balance.in_tokens(decimals),
        points: None,
        points_raw: None,
        settled: None,
    }
}

fn without_ledger(standing: &Standing) -> StoreError {
    let detail = format!("account {} has points but no ledger", standing.account);
    StoreError::corrupt("read the leaderboard", detail)
}
