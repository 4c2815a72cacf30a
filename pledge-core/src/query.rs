//! Exact answers: balances and points at any instant, from the stores' ports.
//!
//! An answer made of several reads shows one state. Facts before the confirmed time change only
//! when the ledger is rewound, which bumps the epoch, so reads with equal epochs fit together. At
//! the confirmed time itself the next block may add facts, so there the cursors must be equal too.
//! An answer whose reads do not fit together starts again.

mod earnings;

use std::sync::Arc;

use crate::error::StoreError;
use crate::ledger::{Checkpoint, TokenState, Transfer};
use crate::points::Programme;
use crate::ports::{BalanceStore, PendingCache, PendingSnapshot, PointsStore};
use crate::types::{
    Account, Amount, BalanceSeconds, BlockNumber, CumulativeAmount, Overflow, ProgrammeId,
    RawPoints, Scale, Timestamp, TokenId, WeightBp,
};

/// How often an answer starts again when the ledger moves under it.
const ATTEMPTS_MAX: usize = 16;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The token is not followed.
    #[error("token {0} is not followed")]
    UnknownToken(TokenId),
    /// The token has no such programme.
    #[error("programme {0} does not exist")]
    UnknownProgramme(ProgrammeId),
    /// Nothing is confirmed yet.
    #[error("token {0} has no confirmed block yet")]
    NotStarted(TokenId),
    /// Later than the newest confirmed block.
    #[error("{asked} is later than the confirmed block's time {bound}")]
    TooLate {
        /// The instant asked for.
        asked: Timestamp,
        /// The latest instant with an answer.
        bound: Timestamp,
    },
    /// Before the token's first block.
    #[error("{asked} is before the time of the token's first block, {bound}")]
    TooEarly {
        /// The instant asked for.
        asked: Timestamp,
        /// The earliest instant with an answer.
        bound: Timestamp,
    },
    /// The edges of intervals go back in time.
    #[error("{earlier} comes after {later}: the edges must ascend")]
    Descending {
        /// The edge that comes too late in the list.
        earlier: Timestamp,
        /// The edge before it.
        later: Timestamp,
    },
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A number exceeds its range: the store is corrupt.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// What an account holds and has earned at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The account that was asked for.
    pub account: Account,
    /// Balance at the instant.
    pub balance: Amount,
    /// Balance at the newest block seen; equal to `balance` for a past instant. `None` while the
    /// blocks above the confirmed one are not known, and while they send more than is held: once
    /// they are confirmed, the token will halt.
    pub pending_balance: Option<Amount>,
    /// Integral of the balance up to the instant.
    pub balance_seconds: BalanceSeconds,
    /// Points up to the instant, if a programme was asked for.
    pub points: Option<PointsView>,
    /// Block of the token's last change at or before the instant.
    pub at_block: Option<BlockNumber>,
    /// The instant of the answer, in unix seconds.
    pub at_time: Timestamp,
}

/// What an account has earned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsView {
    /// Earned up to the instant, unsettled time included.
    pub raw: RawPoints,
    /// What raw points are divided by.
    pub scale: Scale,
    /// Earned in windows that are settled and end at or before the instant.
    pub settled_raw: RawPoints,
    /// End of the newest of these windows; `None` while the account earned nothing in them.
    pub settled: Option<Timestamp>,
    /// The account's weight at the instant.
    pub weight: WeightBp,
}

/// What an account earned in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointsBucket {
    /// First instant of the interval.
    pub from: Timestamp,
    /// First instant after the interval.
    pub to: Timestamp,
    /// What the account earned in the interval.
    pub raw: RawPoints,
}

/// Answers from the stores, for readers.
#[derive(Debug, Clone)]
pub struct Queries {
    balances: Arc<dyn BalanceStore>,
    points: Arc<dyn PointsStore>,
    pending: Arc<dyn PendingCache>,
}

impl Queries {
    /// Queries over the ports of one store.
    pub fn new(
        balances: Arc<dyn BalanceStore>,
        points: Arc<dyn PointsStore>,
        pending: Arc<dyn PendingCache>,
    ) -> Self {
        Self { balances, points, pending }
    }

    /// The ledger's port, for answers that need one read.
    pub fn balances(&self) -> &Arc<dyn BalanceStore> {
        &self.balances
    }

    /// The points' port, for answers that need one read.
    pub fn points(&self) -> &Arc<dyn PointsStore> {
        &self.points
    }

    /// The state of a token.
    pub async fn token(&self, token: TokenId) -> Result<TokenState, QueryError> {
        self.balances.token(token).await?.ok_or(QueryError::UnknownToken(token))
    }

    /// The rule of a programme.
    pub async fn programme(&self, id: &ProgrammeId) -> Result<Programme, QueryError> {
        self.token(id.token).await?;
        let programmes = self.points.programmes(id.token).await?;
        let found = programmes.into_iter().find(|state| state.programme.id == *id);
        found.map(|state| state.programme).ok_or_else(|| QueryError::UnknownProgramme(id.clone()))
    }

    /// An account at an instant, or at the confirmed block's time. An account never seen holds
    /// nothing and has earned nothing; [`Queries::was_seen`] distinguishes it from one that has
    /// given everything away.
    ///
    /// `programme` is one of the token's; without one the answer has no points.
    pub async fn account(
        &self,
        token: TokenId,
        account: Account,
        programme: Option<&ProgrammeId>,
        at: Option<Timestamp>,
    ) -> Result<AccountView, QueryError> {
        let rule = match programme {
            Some(id) if id.token == token => Some(self.programme(id).await?),
            Some(id) => return Err(QueryError::UnknownProgramme(id.clone())),
            None => None,
        };
        for _ in 0..ATTEMPTS_MAX {
            if let Some(view) = self.try_account(token, account, rule.as_ref(), at).await? {
                return Ok(view);
            }
        }
        Err(moved_meanwhile())
    }

    /// `None` if the ledger moved between two reads.
    async fn try_account(
        &self,
        token: TokenId,
        account: Account,
        programme: Option<&Programme>,
        at: Option<Timestamp>,
    ) -> Result<Option<AccountView>, QueryError> {
        let state = self.token(token).await?;
        let at_time = instant(&state, at)?;
        let mut times = match programme {
            Some(rule) => rule.accrual(account).times(Timestamp::ZERO, at_time).collect(),
            None => Vec::new(),
        };
        times.push(at_time);
        // What was settled at a past instant ends at the last window edge before it.
        let closed = at.zip(programme).map(|(at, rule)| rule.window.floor(at));
        times.extend(closed);
        times.sort_unstable();
        times.dedup();
        let history = self.balances.history(token, account, &times).await?;
        let at_block = self.balances.last_change_block(token, at_time).await?;
        let is_past = state.cursor.is_some_and(|cursor| at_time < cursor.time);
        let fits = |epoch, cursor| epoch == state.epoch && (is_past || cursor == state.cursor);
        if !fits(history.epoch, history.cursor) || !fits(at_block.epoch, at_block.cursor) {
            return Ok(None);
        }
        let newest = look_up(&times, &history.value, at_time);
        let points = match programme {
            Some(rule) => {
                let raw_until = |to| {
                    let state_at = |time| Ok::<_, Overflow>(look_up(&times, &history.value, time));
                    rule.accrual(account).accrue(Timestamp::ZERO, to, state_at)
                };
                let raw = raw_until(at_time)?;
                let closed = closed.map(|end| Ok::<_, Overflow>((end, raw_until(end)?)));
                let view =
                    self.points_view(&state, rule, account, at_time, raw, closed.transpose()?);
                let Some(view) = view.await? else {
                    return Ok(None);
                };
                Some(view)
            }
            None => None,
        };
        let balance = newest.map(|state| state.balance).unwrap_or_default();
        let pending_balance = match at {
            Some(_) => Some(balance),
            None => self.pending_balance(&state, account, balance).await?,
        };
        let integral = newest.map(|state| state.balance_seconds_at(at_time)).transpose()?;
        Ok(Some(AccountView {
            account,
            balance,
            pending_balance,
            balance_seconds: integral.unwrap_or_default(),
            points,
            at_block: at_block.value,
            at_time,
        }))
    }

    /// Whether an account has a change on a token, or in a pending block.
    pub async fn was_seen(&self, token: TokenId, account: Account) -> Result<bool, QueryError> {
        let states = self.balances.states(token, &[account]).await?;
        if states.value.iter().any(Option::is_some) {
            return Ok(true);
        }
        let snapshot = self.pending.load(token.chain).await?;
        let touched = snapshot.iter().flat_map(pending_transfers).any(|transfer| {
            transfer.token == token.address
                && !transfer.amount.is_zero()
                && [transfer.from, transfer.to].contains(&account.address())
        });
        Ok(touched)
    }

    /// `closed` is the last window edge before a past instant, with what was earned up to it.
    async fn points_view(
        &self,
        state: &TokenState,
        rule: &Programme,
        account: Account,
        at_time: Timestamp,
        raw: RawPoints,
        closed: Option<(Timestamp, RawPoints)>,
    ) -> Result<Option<PointsView>, QueryError> {
        let total = self.points.totals(&rule.id, &[account]).await?;
        if total.epoch != state.epoch {
            return Ok(None);
        }
        // A total is of the settled time's end, so at an earlier instant the closed window's counts.
        let standing = total.value.first().copied().flatten();
        let settled = standing.map(|standing| (standing.settled, standing.raw));
        let settled = settled.map(|newest| closed.map_or(newest, |closed| newest.min(closed)));
        let settled = settled.filter(|(_, raw)| *raw != RawPoints::ZERO);
        Ok(Some(PointsView {
            raw,
            scale: Scale::of(state.spec.metadata.decimals),
            settled_raw: settled.map(|(_, raw)| raw).unwrap_or_default(),
            settled: settled.map(|(end, _)| end),
            weight: rule.accrual(account).weight_at(at_time),
        }))
    }

    /// The balance after the pending blocks, if the token's are held and build on its cursor.
    async fn pending_balance(
        &self,
        state: &TokenState,
        account: Account,
        balance: Amount,
    ) -> Result<Option<Amount>, QueryError> {
        let token = state.spec.id;
        let snapshot = self.pending.load(token.chain).await?;
        let base = state.cursor.map(|cursor| cursor.id());
        let is_ours = |held: &PendingSnapshot| {
            Some(held.base) == base && held.tokens.contains(&token.address)
        };
        let Some(snapshot) = snapshot.filter(is_ours) else {
            return Ok(None);
        };
        Ok(snapshot.blocks.iter().try_fold(balance, |balance, block| {
            let of_token = block.transfers.iter().filter(|t| t.token == token.address);
            balance_after(account, balance, of_token)
        }))
    }
}

/// The requested instant, within the token's ledger; the confirmed time if none is requested.
fn instant(state: &TokenState, at: Option<Timestamp>) -> Result<Timestamp, QueryError> {
    let (Some(cursor), Some(start)) = (state.cursor, state.start_time) else {
        return Err(QueryError::NotStarted(state.spec.id));
    };
    match at {
        None => Ok(cursor.time),
        Some(asked) if asked > cursor.time => {
            Err(QueryError::TooLate { asked, bound: cursor.time })
        }
        Some(asked) if asked < start => Err(QueryError::TooEarly { asked, bound: start }),
        Some(asked) => Ok(asked),
    }
}

/// The state read for one of the requested instants; `times` ascend.
fn look_up(
    times: &[Timestamp],
    states: &[Option<Checkpoint>],
    time: Timestamp,
) -> Option<Checkpoint> {
    let at = times.binary_search(&time).expect("accrual asks only for its accrual times");
    states.get(at).copied().flatten()
}

/// An account's balance at the end of a block; `None` if it is below zero or above 2^256-1 there.
fn balance_after<'a>(
    account: Account,
    balance: Amount,
    transfers: impl Iterator<Item = &'a Transfer>,
) -> Option<Amount> {
    let (mut received, mut sent) = (CumulativeAmount::from(balance), CumulativeAmount::ZERO);
    for transfer in transfers {
        if transfer.from == account.address() {
            sent = sent.try_add(transfer.amount).ok()?;
        }
        if transfer.to == account.address() {
            received = received.try_add(transfer.amount).ok()?;
        }
    }
    received.try_sub(sent).ok()?.narrow()
}

fn pending_transfers(snapshot: &PendingSnapshot) -> impl Iterator<Item = &Transfer> {
    snapshot.blocks.iter().flat_map(|block| &block.transfers)
}

fn moved_meanwhile() -> QueryError {
    StoreError::conflict("answer a query", "the ledger moves under every read; ask again").into()
}
