//! One account on every chain and token.

use alloy_primitives::Uint;

use super::{ATTEMPTS_MAX, AccountView, ProgrammeChoice, Queries, QueryError};
use crate::ledger::TokenState;
use crate::moving::while_ledger_moves;
use crate::types::{Account, Amount, ProgrammeId, RawPoints, Scale, Timestamp};

/// The tokens on which an account was seen, at one instant: the confirmed time of the slowest
/// active token. A halted token does not hold the others back; it is at its own last time if that
/// is earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    /// The instant; `None` for an account that was never seen on any token.
    pub at_time: Option<Timestamp>,
    /// The sum over the tokens with the programme; `None` if there is none.
    pub total: Option<PointsTotal>,
    /// One entry a token, in the order of chains and addresses.
    pub holdings: Vec<Holding>,
}

/// An account on one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The token, as it was when the account was looked up.
    pub token: TokenState,
    /// Balance at the instant.
    pub balance: Amount,
    /// Points up to the instant; `None` without programme.
    pub raw: Option<RawPoints>,
    /// The instant of the balance and the points.
    pub at_time: Timestamp,
}

/// A token on which the account was seen, at its own confirmed time.
struct Found {
    state: TokenState,
    programme: Option<ProgrammeId>,
    view: AccountView,
}

impl Portfolio {
    /// The tokens of one answer, each of which costs a few reads: [`QueryError::TooManyTokens`] for an
    /// account that was seen on more.
    pub const TOKENS_MAX: usize = 1_000;

    /// The account on every chain and token. A programme that was named has to exist on one of the
    /// tokens on which the account was seen, if there are any.
    pub async fn read(
        queries: &Queries,
        account: Account,
        programme: ProgrammeChoice<'_>,
    ) -> Result<Self, QueryError> {
        let attempt = || Self::try_read(queries, account, programme);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_read(
        queries: &Queries,
        account: Account,
        programme: ProgrammeChoice<'_>,
    ) -> Result<Self, QueryError> {
        let found = find(queries, account, programme).await?;
        // The slowest active token sets the time, since no token can be read beyond its confirmed
        // block.
        let active = found.iter().filter(|found| found.state.is_active());
        let slowest = active.map(|found| found.view.at_time).min();
        let any = found.iter().map(|found| found.view.at_time).min();
        let at_time = slowest.or(any);
        if matches!(programme, ProgrammeChoice::Named(_))
            && !found.is_empty()
            && found.iter().all(|found| found.programme.is_none())
        {
            return Err(QueryError::NoTokenWithProgramme);
        }
        let mut holdings = Vec::with_capacity(found.len());
        for token in found {
            let at = at_time.map_or(token.view.at_time, |at_time| at_time.min(token.view.at_time));
            holdings.push(Holding::read(queries, account, token, at).await?);
        }
        let earned = holdings.iter().filter_map(|holding| holding.raw.zip(Some(holding.scale())));
        let total = PointsTotal::of(earned);
        Ok(Self { at_time, total, holdings })
    }
}

/// Every token on which the account was seen.
async fn find(
    queries: &Queries,
    account: Account,
    choice: ProgrammeChoice<'_>,
) -> Result<Vec<Found>, QueryError> {
    let mut found = Vec::new();
    for chain in queries.ledger.chains().await? {
        for state in queries.ledger.tokens(chain.chain).await? {
            let token = state.spec.id;
            if !queries.was_seen(token, account).await? {
                continue;
            }
            // Before the reads of one token more, so that an answer has a bound in time too.
            if found.len() == Portfolio::TOKENS_MAX {
                return Err(QueryError::TooManyTokens { account, max: Portfolio::TOKENS_MAX });
            }
            let programme = choice.look_up(queries, token).await?;
            let programme = programme.map(|state| state.programme.id);
            let view = queries.account(token, account, programme.as_ref(), None);
            match view.await {
                Ok(view) => found.push(Found { state, programme, view }),
                Err(QueryError::NotStarted(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

impl Holding {
    async fn read(
        queries: &Queries,
        account: Account,
        found: Found,
        at_time: Timestamp,
    ) -> Result<Self, QueryError> {
        let Found { state: token, programme, view } = found;
        // Tokens that are committed together have one cursor, so most were read at this instant.
        if view.at_time == at_time {
            let AccountView { balance, points, .. } = view;
            return Ok(Self { token, balance, raw: points.map(|points| points.raw), at_time });
        }
        let view = queries.account(token.spec.id, account, programme.as_ref(), Some(at_time));
        let (balance, raw) = match view.await {
            Ok(view) => (view.balance, view.points.map(|points| points.raw)),
            // Before the token's first block no account held or earned anything.
            Err(QueryError::TooEarly { .. }) => (Amount::ZERO, programme.map(|_| RawPoints::ZERO)),
            // The ledger was rewound to before the chosen instant.
            Err(QueryError::TooLate { .. }) => return Err(QueryError::moved()),
            Err(error) => return Err(error),
        };
        Ok(Self { token, balance, raw, at_time })
    }

    /// What raw points of the token are divided by.
    pub fn scale(&self) -> Scale {
        Scale::of(self.token.spec.metadata.decimals)
    }
}

/// Raw points (512 bits) times a larger scale (10^77 is below 2^256), summed over fewer than 2^64
/// tokens, times 10^18 before the division: 892 bits.
type Wide = Uint<1024, 16>;

/// A sum of points over tokens with different decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointsTotal {
    raw: Wide,
    scale: Scale,
}

impl PointsTotal {
    /// The exact sum at the largest scale; scales differ only by powers of ten. `None` if there are
    /// none.
    fn of(earned: impl Iterator<Item = (RawPoints, Scale)> + Clone) -> Option<Self> {
        let scale = earned.clone().map(|(_, scale)| scale).max_by_key(|scale| scale.get())?;
        let raw = earned.fold(Wide::ZERO, |sum, (raw, own)| {
            sum + Wide::from(raw.get()) * Wide::from(scale.get() / own.get())
        });
        Some(Self { raw, scale })
    }

    /// The raw sum, as decimal text: it may be wider than [`RawPoints`].
    pub fn raw(&self) -> String {
        self.raw.to_string()
    }

    /// What the raw sum is divided by.
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    /// The sum in points: divided once, floored at [`Scale::PLACES`] places.
    pub fn points(&self) -> String {
        self.scale.points_of_sum(self.raw)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U512;

    use super::*;
    use crate::types::Decimals;

    fn raw(points: u64, decimals: u8) -> (RawPoints, Scale) {
        let scale = Scale::of(Decimals::new(decimals).unwrap());
        let raw = (scale.get() * U512::from(points)).to_be_bytes();
        (RawPoints::from_be_bytes(raw), scale)
    }

    #[test]
    fn a_sum_over_tokens_of_different_decimals_is_exact() {
        let total = PointsTotal::of([raw(1, 6), raw(2, 18), raw(3, 0)].into_iter()).unwrap();
        assert_eq!(total.points(), "6");
        assert_eq!(total.scale, raw(0, 18).1);
    }

    #[test]
    fn the_largest_raw_points_of_the_narrowest_and_widest_token_add_up() {
        let most = RawPoints::from_be_bytes([0xff; 64]);
        let scale = |decimals| raw(0, decimals).1;
        let total = PointsTotal::of([(most, scale(0)), (most, scale(77))].into_iter()).unwrap();
        let ratio = Wide::from(10).pow(Wide::from(77));
        assert_eq!(total.raw, Wide::from(most.get()) * (ratio + Wide::from(1)));
    }
}
