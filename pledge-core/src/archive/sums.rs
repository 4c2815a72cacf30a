//! One token's ledger, added up while it passes by.

use crate::ledger::{Change, Checkpoint, Leg, TokenState, TokenTotals};
use crate::types::{Account, Amount, BalanceSeconds, CumulativeAmount, Overflow};

/// A token, and the sums over the accounts that passed.
#[derive(Debug)]
pub(super) struct Sums {
    state: TokenState,
    holders: u64,
    balances: CumulativeAmount,
    minted: CumulativeAmount,
    burned: CumulativeAmount,
    /// The account that passes, after its last change.
    open: Option<(Account, Checkpoint)>,
}

impl Sums {
    pub(super) fn new(state: TokenState) -> Self {
        Self {
            state,
            holders: 0,
            balances: CumulativeAmount::ZERO,
            minted: CumulativeAmount::ZERO,
            burned: CumulativeAmount::ZERO,
            open: None,
        }
    }

    /// The next change of the account that passes, or the first of another.
    pub(super) fn change(&mut self, change: &Change) -> Result<(), String> {
        use crate::ledger::ChangeType::{Burn, Mint};
        let before = match self.open {
            Some((account, state)) if account == change.account => Some(state),
            Some((account, _)) => return Err(format!("account {account} has no balance")),
            None => None,
        };
        if self.state.cursor.is_none_or(|cursor| change.block > cursor.number) {
            return Err(format!("block {} is beyond the token's ledger", change.block));
        }
        if after(before, change).map_err(|error| error.to_string())? != Some(change.checkpoint()) {
            return Err(format!("it does not follow from the change of {} before", change.account));
        }
        let sum = match change.change_type {
            Mint => self.minted.checked_add(change.amount).map(|sum| self.minted = sum),
            Burn => self.burned.checked_add(change.amount).map(|sum| self.burned = sum),
            _ => Ok(()),
        };
        sum.map_err(|error| error.to_string())?;
        self.open = Some((change.account, change.checkpoint()));
        Ok(())
    }

    /// The account that passed has this balance.
    pub(super) fn balance(&mut self, account: Account, state: &Checkpoint) -> Result<(), String> {
        if self.open.take() != Some((account, *state)) {
            return Err(format!("the balance of {account} is not that after its last change"));
        }
        self.holders += u64::from(!state.balance.is_zero());
        let sum = self.balances.checked_add(state.balance);
        self.balances = sum.map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Every account passed: the token's own sums must be theirs.
    pub(super) fn end(&self) -> Result<(), String> {
        let token = self.state.spec.id;
        if let Some((account, _)) = self.open {
            return Err(format!("account {account} of token {token} has no balance"));
        }
        let TokenTotals { holders, supply, minted, burned } = self.state.totals;
        let told = (holders, CumulativeAmount::ZERO.checked_add(supply), minted, burned);
        if told != (self.holders, Ok(self.balances), self.minted, self.burned) {
            return Err(format!("the sums of token {token} are not those of its accounts"));
        }
        Ok(())
    }
}

/// An account's state after a change, given that before it; `None` if it would be below zero.
fn after(before: Option<Checkpoint>, change: &Change) -> Result<Option<Checkpoint>, Overflow> {
    let (balance, balance_seconds) = match before {
        None => (Amount::ZERO, BalanceSeconds::ZERO),
        Some(state) if state.time > change.time => return Ok(None),
        Some(state) => (state.balance, state.balance_seconds_at(change.time)?),
    };
    let balance = match change.change_type.leg() {
        Leg::In => balance.checked_add(change.amount),
        Leg::Out => balance.checked_sub(change.amount),
    };
    let (time, block) = (change.time, change.block);
    Ok(balance.map(|balance| Checkpoint { balance, balance_seconds, time, block }))
}
