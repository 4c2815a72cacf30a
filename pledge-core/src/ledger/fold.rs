//! The fold: transfers in, changes and new account states out. Pure and exact.

use alloy_primitives::map::{FbBuildHasher, HashMap};

use super::{Change, ChangeType, Checkpoint, Leg, TokenTotals, Transfer};
use crate::types::{Account, Amount, BalanceSeconds, BlockNumber, LogIndex, Overflow, Timestamp};

/// The accounts a fold touches, with their state before; absent means never seen.
pub type AccountStates = HashMap<Account, Checkpoint, FbBuildHasher<20>>;

/// Why a token cannot go on. It halts there; other tokens are not concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// More was sent than held: the token moves balances without `Transfer` logs, the start block
    /// is too late, or the node omitted logs.
    #[error(
        "balance of {account} would go below zero: {balance} held, {amount} sent in block {block}, \
         log {log}. The token rebases or charges hidden fees, or its start_block is later than its \
         deployment",
        log = log_index.get()
    )]
    NegativeBalance {
        /// Who.
        account: Account,
        /// Held before.
        balance: Amount,
        /// Sent.
        amount: Amount,
        /// Where.
        block: BlockNumber,
        /// Which log.
        log_index: LogIndex,
    },
    /// The sum of all balances would leave a `uint256`.
    #[error("supply would exceed 2^256-1 in block {block}, log {log}", log = log_index.get())]
    SupplyOverflow {
        /// Where.
        block: BlockNumber,
        /// Which log.
        log_index: LogIndex,
    },
    /// A block older than a change before it.
    #[error("block {block} is older ({time}) than the change before it ({previous})")]
    TimeBackwards {
        /// Which block.
        block: BlockNumber,
        /// Its time.
        time: Timestamp,
        /// The later time before it.
        previous: Timestamp,
    },
    /// A number left its bits.
    #[error("{0}")]
    Overflow(#[from] Overflow),
}

impl FoldError {
    /// The block that cannot be folded; those before it can. `None` if it is not known.
    pub const fn block(&self) -> Option<BlockNumber> {
        match self {
            Self::NegativeBalance { block, .. }
            | Self::SupplyOverflow { block, .. }
            | Self::TimeBackwards { block, .. } => Some(*block),
            Self::Overflow(_) => None,
        }
    }
}

/// What a fold produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Every change, in the order of the chain.
    pub changes: Vec<Change>,
    /// The token's sums after it.
    pub totals: TokenTotals,
}

/// Applies one token's transfers, sorted by block and log index, to the states of its accounts.
///
/// `states` must hold every account already seen that the transfers touch, and holds the new states
/// afterwards. `time_of` gives the time of each transfer's block. The zero address is never an
/// account: from it is a mint, to it a burn, and from zero to zero writes nothing. On an error
/// `states` is half-way and must be dropped.
pub fn fold(
    totals: TokenTotals,
    states: &mut AccountStates,
    transfers: &[Transfer],
    mut time_of: impl FnMut(&Transfer) -> Timestamp,
) -> Result<Folded, FoldError> {
    let mut folded = Folded { changes: Vec::with_capacity(transfers.len() * 2), totals };
    for transfer in transfers {
        folded.transfer(states, transfer, time_of(transfer))?;
    }
    Ok(folded)
}

/// One side of a transfer.
struct Side {
    account: Account,
    change_type: ChangeType,
    counterparty: Option<Account>,
}

const NEVER_SEEN: Checkpoint = Checkpoint {
    balance: Amount::ZERO,
    balance_seconds: BalanceSeconds::ZERO,
    time: Timestamp::ZERO,
    block: BlockNumber::new(0),
};

impl Folded {
    fn transfer(
        &mut self,
        states: &mut AccountStates,
        transfer: &Transfer,
        time: Timestamp,
    ) -> Result<(), FoldError> {
        let side = |account, change_type, counterparty| Side { account, change_type, counterparty };
        match (Account::new(transfer.from), Account::new(transfer.to)) {
            (None, None) => Ok(()),
            (None, Some(to)) => {
                self.count_minted(transfer)?;
                self.change(states, transfer, time, side(to, ChangeType::Mint, None))
            }
            (Some(from), None) => {
                self.change(states, transfer, time, side(from, ChangeType::Burn, None))?;
                self.count_burned(transfer)
            }
            (Some(from), Some(to)) => {
                let (sent, received) = (ChangeType::TransferOut, ChangeType::TransferIn);
                self.change(states, transfer, time, side(from, sent, Some(to)))?;
                self.change(states, transfer, time, side(to, received, Some(from)))
            }
        }
    }

    fn count_minted(&mut self, transfer: &Transfer) -> Result<(), FoldError> {
        let Transfer { block, log_index, amount, .. } = *transfer;
        let supply = self.totals.supply.checked_add(amount);
        self.totals.supply = supply.ok_or(FoldError::SupplyOverflow { block, log_index })?;
        self.totals.minted = self.totals.minted.checked_add(amount)?;
        Ok(())
    }

    /// After the burner was debited, so the supply covers the amount.
    fn count_burned(&mut self, transfer: &Transfer) -> Result<(), FoldError> {
        let supply = self.totals.supply.checked_sub(transfer.amount);
        self.totals.supply = supply.ok_or(Overflow("supply"))?;
        self.totals.burned = self.totals.burned.checked_add(transfer.amount)?;
        Ok(())
    }

    /// Moves one account to its state after the transfer.
    fn change(
        &mut self,
        states: &mut AccountStates,
        transfer: &Transfer,
        time: Timestamp,
        side: Side,
    ) -> Result<(), FoldError> {
        let Side { account, change_type, counterparty } = side;
        let Transfer { block, log_index, amount, tx_hash, .. } = *transfer;
        // Most are there already, and `entry` alone makes a whole fold half as fast.
        let state = match states.get_mut(&account) {
            Some(state) => state,
            None => states.entry(account).or_insert(NEVER_SEEN),
        };
        let Checkpoint { balance, time: previous, .. } = *state;
        if time < previous {
            return Err(FoldError::TimeBackwards { block, time, previous });
        }
        let balance_after = match change_type.leg() {
            Leg::Out => balance.checked_sub(amount).ok_or(FoldError::NegativeBalance {
                account,
                balance,
                amount,
                block,
                log_index,
            })?,
            // The supply, checked before, is never below one account's balance.
            Leg::In => {
                let sum = balance.checked_add(amount);
                sum.ok_or(FoldError::SupplyOverflow { block, log_index })?
            }
        };
        self.totals.balance_moved(balance, balance_after)?;
        let balance_seconds = state.balance_seconds_at(time)?;
        *state = Checkpoint { balance: balance_after, balance_seconds, time, block };
        self.changes.push(Change {
            account,
            change_type,
            amount,
            balance_after,
            balance_seconds,
            counterparty,
            tx_hash,
            block,
            time,
            log_index,
            netted: false,
        });
        Ok(())
    }
}
