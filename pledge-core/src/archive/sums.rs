//! One token's ledger, added up while its records pass.

use crate::ledger::{
    Change, ChangeType, Checkpoint, TokenState, TokenTotals, UnreadableLog, replay_block,
};
use crate::types::{Account, BlockNumber, CumulativeAmount};

/// A token, and the sums over its records that passed.
#[derive(Debug)]
pub(super) struct Sums {
    state: TokenState,
    unreadable_logs: u64,
    holders: u64,
    balances: CumulativeAmount,
    minted: CumulativeAmount,
    burned: CumulativeAmount,
    /// The account whose records pass.
    open: Option<Open>,
}

/// An account, the block of it that passes, and its state before that block.
#[derive(Debug)]
struct Open {
    account: Account,
    before: Option<Checkpoint>,
    changes: Vec<Change>,
}

impl Sums {
    pub(super) fn new(state: TokenState) -> Self {
        Self {
            state,
            unreadable_logs: 0,
            holders: 0,
            balances: CumulativeAmount::ZERO,
            minted: CumulativeAmount::ZERO,
            burned: CumulativeAmount::ZERO,
            open: None,
        }
    }

    /// Adds the next unreadable log.
    pub(super) fn unreadable(&mut self, log: &UnreadableLog) -> Result<(), String> {
        self.require_inside(log.block)?;
        if log.token != self.state.spec.id.address {
            return Err(format!("the log is one of {}", log.token));
        }
        self.unreadable_logs += 1;
        Ok(())
    }

    /// Adds the next change of the account that passes, or the first of another account.
    pub(super) fn change(&mut self, change: &Change) -> Result<(), String> {
        self.require_inside(change.block)?;
        let sum = match change.change_type {
            ChangeType::Mint => Some(&mut self.minted),
            ChangeType::Burn => Some(&mut self.burned),
            ChangeType::TransferIn | ChangeType::TransferOut => None,
        };
        if let Some(sum) = sum {
            *sum = sum.try_add(change.amount).map_err(|error| error.to_string())?;
        }
        let account = change.account;
        let open = self.open.get_or_insert_with(|| Open::first(account));
        if open.account != account {
            return Err(format!("account {} has no balance", open.account));
        }
        open.push(change)
    }

    /// Checks the balance of the account that passed.
    pub(super) fn balance(&mut self, account: Account, state: &Checkpoint) -> Result<(), String> {
        let passed = match self.open.take() {
            Some(mut open) if open.account == account => open.close()?,
            _ => None,
        };
        if passed != Some(*state) {
            return Err(format!("the balance of {account} is not that after its last change"));
        }
        self.holders += u64::from(!state.balance.is_zero());
        let sum = self.balances.try_add(state.balance);
        self.balances = sum.map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Checks the token's own sums against those of its records, once all have passed.
    pub(super) fn end(&self) -> Result<(), String> {
        let token = self.state.spec.id;
        if let Some(open) = &self.open {
            return Err(format!("account {} of token {token} has no balance", open.account));
        }
        let TokenTotals { holders, supply, minted, burned } = self.state.totals;
        let stated = (holders, CumulativeAmount::from(supply), minted, burned);
        if stated != (self.holders, self.balances, self.minted, self.burned) {
            return Err(format!("the sums of token {token} are not those of its accounts"));
        }
        if self.state.unreadable_logs != self.unreadable_logs {
            return Err(format!("the number of unreadable logs of token {token} is another"));
        }
        Ok(())
    }

    fn require_inside(&self, block: BlockNumber) -> Result<(), String> {
        let inside = self.state.cursor.is_some_and(|cursor| block <= cursor.number);
        inside.then_some(()).ok_or_else(|| format!("block {block} is beyond the token's ledger"))
    }
}

impl Open {
    const fn first(account: Account) -> Self {
        Self { account, before: None, changes: Vec::new() }
    }

    fn push(&mut self, change: &Change) -> Result<(), String> {
        // Balances are judged at the end of a block, so its changes are checked together.
        if self.changes.last().is_some_and(|last| last.block != change.block) {
            self.before = self.close()?;
        }
        self.changes.push(change.clone());
        Ok(())
    }

    /// The account's state after the block that passed.
    fn close(&mut self) -> Result<Option<Checkpoint>, String> {
        let changes = std::mem::take(&mut self.changes);
        let right = replay_block(self.before.as_ref(), &changes);
        if right.as_ref() != Ok(&changes) {
            return Err(format!("it does not follow from the change of {} before", self.account));
        }
        Ok(changes.last().map(Change::checkpoint))
    }
}
