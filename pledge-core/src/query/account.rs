//! An account on one token at an instant.

use std::sync::Arc;

use super::{ATTEMPTS_MAX, ProgrammeChoice, Queries, QueryError, instant, look_up};
use crate::ledger::{Checkpoint, TokenMetadata, TokenState, Transfer};
use crate::moving::while_ledger_moves;
use crate::points::{AccountRule, Accrual, Programme};
use crate::ports::{PendingSnapshot, Standing};
use crate::types::{
    Account, Amount, BalanceSeconds, BlockNumber, CumulativeAmount, Overflow, ProgrammeId,
    RawPoints, Scale, Timestamp, TokenId, WeightBp,
};

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

/// An account, with the symbol and decimals of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedAccount {
    /// Symbol and decimals of the token.
    pub metadata: TokenMetadata,
    /// What the account holds and has earned.
    pub view: AccountView,
}

impl NamedAccount {
    /// An account at an instant, or at the confirmed block's time ([`Queries::account`]); without
    /// points if no programme was named and the token has no `main`.
    pub async fn read(
        queries: &Queries,
        token: TokenId,
        account: Account,
        programme: ProgrammeChoice<'_>,
        at: Option<Timestamp>,
    ) -> Result<Self, QueryError> {
        // Token and programme never change after registration, so only the last read has to be
        // consistent.
        let metadata = queries.token(token).await?.spec.metadata;
        let programme = programme.find(queries, token).await?;
        let id = programme.as_ref().map(|state| &state.programme.id);
        Ok(Self { metadata, view: queries.account(token, account, id, at).await? })
    }
}

impl Queries {
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
        if let Some(id) = programme.filter(|id| id.token != token) {
            return Err(QueryError::UnknownProgramme(id.clone()));
        }
        let attempt = || self.try_account(token, account, programme, at);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_account(
        &self,
        token: TokenId,
        account: Account,
        programme: Option<&ProgrammeId>,
        at: Option<Timestamp>,
    ) -> Result<AccountView, QueryError> {
        // The total before the history, which must show the cursor of this state: so no total is of
        // a block above it.
        let state = self.token(token).await?;
        let at_time = instant(&state, at)?;
        let earned = match programme {
            Some(id) => Some(self.earned(&state, id, account).await?),
            None => None,
        };
        let mut times = earned.as_ref().map(|earned| earned.times(at, at_time)).unwrap_or_default();
        times.push(at_time);
        times.sort_unstable();
        times.dedup();
        let history = self.ledger.history(token, account, &times).await?;
        let at_block = self.ledger.last_change_block(token, at_time).await?;
        let is_past = state.cursor.is_some_and(|cursor| at_time < cursor.time);
        let fits = |epoch, cursor| epoch == state.epoch && (is_past || cursor == state.cursor);
        if !fits(history.epoch, history.cursor) || !fits(at_block.epoch, at_block.cursor) {
            return Err(QueryError::moved());
        }
        let state_at = |time| look_up(&times, &history.value, time);
        let points = earned.map(|earned| earned.view(at, at_time, state_at)).transpose()?;
        let newest = state_at(at_time);
        let balance = newest.map(|state| state.balance).unwrap_or_default();
        let pending_balance = match at {
            Some(_) => Some(balance),
            None => self.pending_balance(&state, account, balance).await?,
        };
        let integral = newest.map(|state| state.balance_seconds_at(at_time)).transpose()?;
        Ok(AccountView {
            account,
            balance,
            pending_balance,
            balance_seconds: integral.unwrap_or_default(),
            points,
            at_block: at_block.value,
            at_time,
        })
    }

    /// Whether an account has a change on a token, or in a pending block.
    pub async fn was_seen(&self, token: TokenId, account: Account) -> Result<bool, QueryError> {
        let states = self.ledger.states(token, &[account]).await?;
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

    /// What an account has earned by a programme of the token, which is in this state.
    async fn earned(
        &self,
        state: &TokenState,
        programme: &ProgrammeId,
        account: Account,
    ) -> Result<Earned, QueryError> {
        // The total before the rule: rates of settled time never change, so a rule that is read
        // later is the one by which the total was earned.
        let total = self.points.totals(programme, &[account]).await;
        let programme = self.programme(programme).await?;
        let rules = self.rules(&programme, &[account]).await?;
        let total = total?;
        if total.epoch != state.epoch {
            return Err(QueryError::moved());
        }
        let standing = total.value.first().copied().flatten();
        let scale = Scale::of(state.spec.metadata.decimals);
        let (programme, rule) = (programme.programme, Arc::clone(rules.rule(account)));
        Ok(Earned { programme, rule, standing, scale })
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

/// What an account has earned by a rule in settled windows, and what it earns.
struct Earned {
    programme: Programme,
    rule: Arc<AccountRule>,
    standing: Option<Standing>,
    scale: Scale,
}

impl Earned {
    fn accrual(&self) -> Accrual<'_> {
        self.programme.accrual(&self.rule)
    }

    /// The times at which the account's state is needed to show what it earned up to `at_time`.
    fn times(&self, at: Option<Timestamp>, at_time: Timestamp) -> Vec<Timestamp> {
        let times = self.accrual().times(Timestamp::ZERO, at_time);
        times.chain(self.closed(at)).collect()
    }

    /// The last window edge before a past instant: what was settled at the instant ends there.
    fn closed(&self, at: Option<Timestamp>) -> Option<Timestamp> {
        at.map(|at| self.programme.window.floor(at))
    }

    /// The points up to `at_time`; `state_at` is the account's state at one of the times.
    fn view(
        &self,
        at: Option<Timestamp>,
        at_time: Timestamp,
        state_at: impl Fn(Timestamp) -> Option<Checkpoint>,
    ) -> Result<PointsView, Overflow> {
        let accrual = self.accrual();
        let state_at = |time| Ok::<_, Overflow>(state_at(time));
        let raw_until = |end| accrual.accrue(Timestamp::ZERO, end, state_at);
        let closed = self.closed(at).map(|end| Ok((end, raw_until(end)?))).transpose()?;
        // A total is of the settled time's end, so at an earlier instant the closed window's counts.
        let settled = self.standing.map(|standing| (standing.settled, standing.raw));
        let settled = settled.map(|newest| closed.map_or(newest, |closed| newest.min(closed)));
        let settled = settled.filter(|(_, raw)| *raw != RawPoints::ZERO);
        Ok(PointsView {
            raw: raw_until(at_time)?,
            scale: self.scale,
            settled_raw: settled.map(|(_, raw)| raw).unwrap_or_default(),
            settled: settled.map(|(end, _)| end),
            weight: accrual.weight_at(at_time),
        })
    }
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
