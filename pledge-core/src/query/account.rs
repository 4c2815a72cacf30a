//! An account on one token at an instant.

use super::{ATTEMPTS_MAX, ProgrammeChoice, Queries, QueryError, instant, look_up};
use crate::ledger::{TokenMetadata, TokenState, Transfer};
use crate::moving::while_ledger_moves;
use crate::points::Programme;
use crate::ports::PendingSnapshot;
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
        let rule = match programme {
            Some(id) if id.token == token => Some(self.programme(id).await?),
            Some(id) => return Err(QueryError::UnknownProgramme(id.clone())),
            None => None,
        };
        let attempt = || self.try_account(token, account, rule.as_ref(), at);
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }

    async fn try_account(
        &self,
        token: TokenId,
        account: Account,
        programme: Option<&Programme>,
        at: Option<Timestamp>,
    ) -> Result<AccountView, QueryError> {
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
        let history = self.ledger.history(token, account, &times).await?;
        let at_block = self.ledger.last_change_block(token, at_time).await?;
        let is_past = state.cursor.is_some_and(|cursor| at_time < cursor.time);
        let fits = |epoch, cursor| epoch == state.epoch && (is_past || cursor == state.cursor);
        if !fits(history.epoch, history.cursor) || !fits(at_block.epoch, at_block.cursor) {
            return Err(QueryError::moved());
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
                Some(view.await?)
            }
            None => None,
        };
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

    /// `closed` is the last window edge before a past instant, with what was earned up to it.
    async fn points_view(
        &self,
        state: &TokenState,
        rule: &Programme,
        account: Account,
        at_time: Timestamp,
        raw: RawPoints,
        closed: Option<(Timestamp, RawPoints)>,
    ) -> Result<PointsView, QueryError> {
        let total = self.points.totals(&rule.id, &[account]).await?;
        if total.epoch != state.epoch {
            return Err(QueryError::moved());
        }
        // A total is of the settled time's end, so at an earlier instant the closed window's counts.
        let standing = total.value.first().copied().flatten();
        let settled = standing.map(|standing| (standing.settled, standing.raw));
        let settled = settled.map(|newest| closed.map_or(newest, |closed| newest.min(closed)));
        let settled = settled.filter(|(_, raw)| *raw != RawPoints::ZERO);
        Ok(PointsView {
            raw,
            scale: Scale::of(state.spec.metadata.decimals),
            settled_raw: settled.map(|(_, raw)| raw).unwrap_or_default(),
            settled: settled.map(|(end, _)| end),
            weight: rule.accrual(account).weight_at(at_time),
        })
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
