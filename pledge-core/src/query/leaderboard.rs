//! A token's accounts, by points or by balance.

use serde::{Deserialize, Serialize};

use super::{ATTEMPTS_MAX, Page, PageQuery, ProgrammeChoice, Queries, QueryError};
use crate::error::StoreError;
use crate::ledger::{Checkpoint, TokenMetadata, TokenState};
use crate::moving::while_ledger_moves;
use crate::ports::{ProgrammeState, Standing};
use crate::types::{Account, Amount, RawPoints, Scale, Timestamp, TokenId};

/// A page of accounts, and the time up to which the points of every account are settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaderboard<P> {
    /// Symbol and decimals of the token.
    pub metadata: TokenMetadata,
    /// End of the newest window settled in every shard; `None` before the first, and without
    /// programme.
    pub settled: Option<Timestamp>,
    /// What raw points are divided by; `None` without programme.
    pub scale: Option<Scale>,
    /// The accounts in their order.
    pub page: Page<RankedAccount, P>,
}

/// An account's confirmed balance, and its points in settled windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedAccount {
    /// The account that is ranked.
    pub account: Account,
    /// Its confirmed balance.
    pub balance: Amount,
    /// What it earned; `None` without programme.
    pub earned: Option<SettledPoints>,
}

/// What an account earned in settled windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledPoints {
    /// The sum over the windows.
    pub raw: RawPoints,
    /// The time up to which the account is settled; ahead of the leaderboard's while a settlement
    /// is under way. `None` before its first window.
    pub settled: Option<Timestamp>,
}

/// An account's place in the order of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointsPlace {
    /// Its points, descending.
    pub raw: RawPoints,
    /// Its address, ascending among equal points.
    pub account: Account,
}

/// An account's place in the order of balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancePlace {
    /// Its balance, descending.
    pub balance: Amount,
    /// Its address, ascending among equal balances.
    pub account: Account,
}

/// Which page of a token's accounts.
#[derive(Debug, Clone, Copy)]
pub struct LeaderboardQuery<'a, P> {
    /// The token whose accounts are listed.
    pub token: TokenId,
    /// The programme of the points.
    pub programme: ProgrammeChoice<'a>,
    /// Which of them.
    pub page: PageQuery<P>,
}

impl Leaderboard<PointsPlace> {
    /// Accounts that earned anything, by settled points descending, then by address. The programme
    /// has to exist.
    pub async fn by_points(
        queries: &Queries,
        query: &LeaderboardQuery<'_, PointsPlace>,
    ) -> Result<Self, QueryError> {
        let attempt = || Self::try_by_points(queries, query);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_by_points(
        queries: &Queries,
        query: &LeaderboardQuery<'_, PointsPlace>,
    ) -> Result<Self, QueryError> {
        let token = queries.token(query.token).await?;
        let programme = query.programme.require(queries, query.token).await?;
        let after = query.page.after.map(|place| (place.raw, place.account));
        let rows = query.page.rows();
        let standings = queries.points.standings(&programme.programme.id, after, rows).await?;
        let page = Page::cut(standings.value, query.page.limit, |standing| PointsPlace {
            raw: standing.raw,
            account: standing.account,
        });
        let accounts: Vec<_> = page.items.iter().map(|row| row.account).collect();
        let states = queries.ledger.states(query.token, &accounts).await?;
        // Points and balances of different epochs would belong to different branches.
        if [programme.epoch, standings.epoch, states.epoch] != [token.epoch; 3] {
            return Err(QueryError::moved());
        }
        // Points without a ledger row would be shown with a balance of zero: an error instead.
        let mut rows = Vec::with_capacity(accounts.len());
        for (standing, state) in page.items.iter().zip(states.value) {
            let state = state.ok_or_else(|| without_ledger(standing))?;
            rows.push(ranked(&programme, standing.account, &state, Some(standing)));
        }
        Ok(Self::of(token, Some(&programme), page.with_items(rows)))
    }
}

impl Leaderboard<BalancePlace> {
    /// Accounts that hold or earned anything, by balance descending, then by address. Accounts with
    /// neither are left out, so a page may have fewer rows than its limit.
    pub async fn by_balance(
        queries: &Queries,
        query: &LeaderboardQuery<'_, BalancePlace>,
    ) -> Result<Self, QueryError> {
        let attempt = || Self::try_by_balance(queries, query);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_by_balance(
        queries: &Queries,
        query: &LeaderboardQuery<'_, BalancePlace>,
    ) -> Result<Self, QueryError> {
        let token = queries.token(query.token).await?;
        let programme = query.programme.find(queries, query.token).await?;
        let after = query.page.after.map(|place| (place.balance, place.account));
        let holders = queries.ledger.holders(query.token, after, query.page.rows());
        let holders = holders.await?;
        if holders.epoch != token.epoch {
            return Err(QueryError::moved());
        }
        let mut holders = holders.value;
        if programme.is_none() {
            // Sorted by balance, so no account after the first with zero has any.
            holders.retain(|(_, state)| !state.balance.is_zero());
        }
        let page = Page::cut(holders, query.page.limit, |(account, state)| BalancePlace {
            balance: state.balance,
            account: *account,
        });
        let rows = match &programme {
            Some(programme) => with_totals(queries, &token, programme, &page.items).await?,
            None => page.items.iter().map(|(account, state)| unranked(*account, state)).collect(),
        };
        Ok(Self::of(token, programme.as_ref(), page.with_items(rows)))
    }
}

impl<P> Leaderboard<P> {
    fn of(
        token: TokenState,
        programme: Option<&ProgrammeState>,
        page: Page<RankedAccount, P>,
    ) -> Self {
        let metadata = token.spec.metadata;
        let scale = programme.map(|_| Scale::of(metadata.decimals));
        Self { metadata, settled: programme.and_then(ProgrammeState::settled), scale, page }
    }
}

/// Accounts with what they earned, those without balance and points left out.
async fn with_totals(
    queries: &Queries,
    token: &TokenState,
    programme: &ProgrammeState,
    holders: &[(Account, Checkpoint)],
) -> Result<Vec<RankedAccount>, QueryError> {
    let accounts: Vec<_> = holders.iter().map(|(account, _)| *account).collect();
    let totals = queries.points.totals(&programme.programme.id, &accounts).await?;
    if [programme.epoch, totals.epoch] != [token.epoch; 2] {
        return Err(QueryError::moved());
    }
    let with_totals = holders.iter().zip(&totals.value);
    let with_something =
        with_totals.filter(|((_, state), total)| !state.balance.is_zero() || total.is_some());
    let rows = with_something
        .map(|((account, state), total)| ranked(programme, *account, state, total.as_ref()));
    Ok(rows.collect())
}

/// An account without a total earned nothing up to the settled time of its shard.
fn ranked(
    programme: &ProgrammeState,
    account: Account,
    state: &Checkpoint,
    total: Option<&Standing>,
) -> RankedAccount {
    let earned = match total {
        Some(total) => SettledPoints { raw: total.raw, settled: Some(total.settled) },
        None => SettledPoints { raw: RawPoints::ZERO, settled: programme.settled_of(account) },
    };
    RankedAccount { earned: Some(earned), ..unranked(account, state) }
}

const fn unranked(account: Account, state: &Checkpoint) -> RankedAccount {
    RankedAccount { account, balance: state.balance, earned: None }
}

fn without_ledger(standing: &Standing) -> StoreError {
    let detail = format!("account {} has points but no ledger", standing.account);
    StoreError::corrupt("read the leaderboard", detail)
}
