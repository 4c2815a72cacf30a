//! One account on every chain and token.

use axum::Json;
use axum::extract::State;
use pledge_core::ledger::TokenState;
use pledge_core::primitives::Uint;
use pledge_core::query::{AccountView, QueryError};
use pledge_core::types::{
    Account, Amount, ChainId, Decimals, ProgrammeId, RawPoints, Scale, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{AccountPath, Path, Query};
use super::json::Eip55;
use super::problem::{Kind, Problem};
use super::read::{ProgrammeName, in_one_epoch};

/// The tokens on which the account was seen, at one instant: the confirmed time of the slowest
/// active token. A halted token does not hold the others back; it is shown at its own last time if
/// that is earlier.
#[derive(Debug, Serialize)]
pub(super) struct Portfolio {
    account: Eip55,
    /// Null for an account that was never seen on any token.
    at_time: Option<Timestamp>,
    /// The sum over the tokens with the programme; null if there is none.
    total_points: Option<String>,
    total_points_raw: Option<String>,
    points_scale: Option<Scale>,
    tokens: Vec<Holding>,
}

#[derive(Debug, Serialize)]
struct Holding {
    chain_id: ChainId,
    token: Eip55,
    symbol: String,
    decimals: Decimals,
    status: &'static str,
    balance: Amount,
    /// In whole tokens.
    balance_formatted: String,
    points: Option<String>,
    points_raw: Option<RawPoints>,
    points_scale: Option<Scale>,
    at_time: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    programme: Option<String>,
}

/// A token on which the account was seen, at its own confirmed time.
struct Found {
    state: TokenState,
    programme: Option<ProgrammeId>,
    view: AccountView,
}

/// The account on every chain and token, with its points and their sum.
pub(super) async fn one(
    State(api): State<Api>,
    Path(path): Path<AccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<Portfolio>, Problem> {
    let account = path.account()?;
    let name = ProgrammeName::asked(params.programme.as_ref());
    let portfolio = in_one_epoch(|| try_read(&api, account, name)).await?;
    Ok(Json(portfolio))
}

/// `None` if a ledger was rewound to before the chosen instant.
async fn try_read(
    api: &Api,
    account: Account,
    name: ProgrammeName<'_>,
) -> Result<Option<Portfolio>, Problem> {
    let found = find(api, account, name).await?;
    // The slowest active token sets the time, since no token can be read beyond its confirmed
    // block.
    let active = found.iter().filter(|found| found.state.is_active());
    let slowest = active.map(|found| found.view.at_time).min();
    let any = found.iter().map(|found| found.view.at_time).min();
    let at_time = slowest.or(any);
    if name.is_explicit()
        && !found.is_empty()
        && found.iter().all(|found| found.programme.is_none())
    {
        let detail = "no token of this account has that programme";
        return Err(Problem::new(Kind::UnknownProgramme, detail));
    }
    let mut holdings = Vec::with_capacity(found.len());
    for token in found {
        let at = at_time.map_or(token.view.at_time, |at_time| at_time.min(token.view.at_time));
        match holding(api, account, token, at).await? {
            Some(holding) => holdings.push(holding),
            None => return Ok(None),
        }
    }
    let earned = holdings.iter().filter_map(|h| h.points_raw.zip(h.points_scale));
    let total = Total::of(earned);
    Ok(Some(Portfolio {
        account: Eip55(account.address()),
        at_time,
        total_points: total.as_ref().map(Total::points),
        total_points_raw: total.as_ref().map(|total| total.raw.to_string()),
        points_scale: total.map(|total| total.scale),
        tokens: holdings,
    }))
}

/// Every token on which the account was seen.
async fn find(api: &Api, account: Account, name: ProgrammeName<'_>) -> Result<Vec<Found>, Problem> {
    let mut found = Vec::new();
    for chain in api.queries.balances().chains().await? {
        for state in api.queries.balances().tokens(chain.chain).await? {
            let token = state.spec.id;
            if !api.queries.was_seen(token, account).await? {
                continue;
            }
            let programme = name.look_up(api, token).await?;
            let programme = programme.map(|state| state.programme.id);
            let view = api.queries.account(token, account, programme.as_ref(), None);
            match view.await {
                Ok(view) => found.push(Found { state, programme, view }),
                Err(QueryError::NotStarted(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(found)
}

/// The account on one token at an instant; `None` if the ledger was rewound to before it.
async fn holding(
    api: &Api,
    account: Account,
    found: Found,
    at: Timestamp,
) -> Result<Option<Holding>, Problem> {
    let Found { state, programme, view: _ } = found;
    let token = state.spec.id;
    let scale = Scale::of(state.spec.metadata.decimals);
    let view = api.queries.account(token, account, programme.as_ref(), Some(at));
    let (balance, raw) = match view.await {
        Ok(view) => (view.balance, view.points.map(|points| points.raw)),
        // Before the token's first block no account held or earned anything.
        Err(QueryError::TooEarly { .. }) => (Amount::ZERO, programme.map(|_| RawPoints::ZERO)),
        Err(QueryError::TooLate { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Holding {
        chain_id: token.chain,
        token: Eip55(token.address),
        status: state.status.name(),
        balance,
        balance_formatted: balance.in_tokens(state.spec.metadata.decimals),
        symbol: state.spec.metadata.symbol,
        decimals: state.spec.metadata.decimals,
        points: raw.map(|raw| scale.points(raw)),
        points_raw: raw,
        points_scale: raw.map(|_| scale),
        at_time: at,
    }))
}

/// Raw points (512 bits) times a larger scale (10^77 is below 2^256), summed over fewer than 2^64
/// tokens, times 10^18 before the division: 892 bits.
type Wide = Uint<1024, 16>;

/// A sum of points over tokens with different decimals.
struct Total {
    raw: Wide,
    scale: Scale,
}

impl Total {
    /// The exact sum at the largest scale; scales differ only by powers of ten. `None` if there are
    /// none.
    fn of(earned: impl Iterator<Item = (RawPoints, Scale)> + Clone) -> Option<Self> {
        let scale = earned.clone().map(|(_, scale)| scale).max_by_key(|scale| scale.get())?;
        let raw = earned.fold(Wide::ZERO, |sum, (raw, own)| {
            sum + Wide::from(raw.get()) * Wide::from(scale.get() / own.get())
        });
        Some(Self { raw, scale })
    }

    /// Divided once, floored at [`Scale::PLACES`] places.
    fn points(&self) -> String {
        self.scale.points_of_sum(self.raw)
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::U512;

    use super::*;

    fn raw(points: u64, decimals: u8) -> (RawPoints, Scale) {
        let scale = Scale::of(Decimals::new(decimals).unwrap());
        let raw = (scale.get() * U512::from(points)).to_be_bytes();
        (RawPoints::from_be_bytes(raw), scale)
    }

    #[test]
    fn a_sum_over_tokens_of_different_decimals_is_exact() {
        let total = Total::of([raw(1, 6), raw(2, 18), raw(3, 0)].into_iter()).unwrap();
        assert_eq!(total.points(), "6");
        assert_eq!(total.scale, raw(0, 18).1);
    }

    #[test]
    fn the_largest_raw_points_of_the_narrowest_and_widest_token_add_up() {
        let most = RawPoints::from_be_bytes([0xff; 64]);
        let scale = |decimals| raw(0, decimals).1;
        let total = Total::of([(most, scale(0)), (most, scale(77))].into_iter()).unwrap();
        let ratio = Wide::from(10).pow(Wide::from(77));
        assert_eq!(total.raw, Wide::from(most.get()) * (ratio + Wide::from(1)));
    }
}
