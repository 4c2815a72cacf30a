//! The fold: transfers in, changes and new account states out. Pure and exact.

use alloy_primitives::map::{FbBuildHasher, HashMap, HashSet};

use super::{Change, ChangeType, Checkpoint, Leg, TokenTotals, Transfer, UnreadableLog};
use crate::types::{
    Account, Amount, BalanceSeconds, BlockNumber, CumulativeAmount, Overflow, Timestamp,
};

/// The accounts a fold touches, with their state before; absent means never seen.
pub type AccountStates = HashMap<Account, Checkpoint, FbBuildHasher<20>>;

/// Why a token cannot go on. It halts there; other tokens are not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// More was sent than held: the token moves balances without `Transfer` logs, the start block
    /// is too late, or the node omitted logs.
    #[error(
        "balance of {account} would go below zero: {balance} held before block {block}, and {sent} more \
         sent than received in it. The token rebases or charges hidden fees, or its start_block is later \
         than its deployment"
    )]
    NegativeBalance {
        /// The account that sent more than it held.
        account: Account,
        /// Held before the block.
        balance: Amount,
        /// What was sent in the block less what was received.
        sent: CumulativeAmount,
        /// The block at whose end the balance would be below zero.
        block: BlockNumber,
    },
    /// The sum of all balances would leave a `uint256`.
    #[error("supply would exceed 2^256-1 at the end of block {block}")]
    SupplyOverflow {
        /// The block at whose end the supply would be too large.
        block: BlockNumber,
    },
    /// A block older than a change before it.
    #[error("block {block} is older ({time}) than the change before it ({previous})")]
    TimeBackwards {
        /// The block that is older than the change before it.
        block: BlockNumber,
        /// Time of that block.
        time: Timestamp,
        /// The later time of the change before it.
        previous: Timestamp,
    },
    /// An unreadable log of a token that halts on one: it may have moved any amount.
    #[error(
        "{0} has the topic of a transfer and cannot be read as one, and on_unreadable = \"halt\". Look at \
         what it moved; with on_unreadable = \"mark\" it is counted, and the token goes on without it"
    )]
    UnreadableLog(UnreadableLog),
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
            Self::UnreadableLog(log) => Some(log.block),
            Self::Overflow(_) => None,
        }
    }
}

/// What a fold produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Every change, in chain order.
    pub changes: Vec<Change>,
    /// The token's sums after the blocks.
    pub totals: TokenTotals,
}

/// Applies one token's transfers, sorted by block and log index, to the states of its accounts.
///
/// Blocks must be whole. No time passes inside a block, and its logs come in the order of `emit`,
/// not of state, so balances and supply are judged at its end. If an account's balance, log by log,
/// would leave the range of a `uint256` in between, all its rows of the block carry the balance at
/// the end and are marked as netted; every other row carries the balance after it.
///
/// `states` must hold every account already seen that the transfers touch; afterwards it holds the
/// new states. `time_of` returns the time of a transfer's block. The zero address is never an
/// account: from it is a mint, to it a burn, and from zero to zero writes nothing. A zero amount
/// writes rows for accounts that exist at the block's end, and creates none. After an error
/// `states` is half-way and must be dropped.
pub fn fold(
    totals: TokenTotals,
    states: &mut AccountStates,
    transfers: &[Transfer],
    mut time_of: impl FnMut(&Transfer) -> Timestamp,
) -> Result<Folded, FoldError> {
    let changes = Vec::with_capacity(transfers.len() * 2);
    let mut folding = Folding {
        folded: Folded { changes, totals },
        states,
        block: BlockNumber::default(),
        time: Timestamp::default(),
        transfers: &[],
        first_change: 0,
        before: None,
        netted: HashMap::default(),
        made: None,
    };
    // Block by block: between two logs of one block a balance or the supply may leave its range.
    for transfers in transfers.chunk_by(|one, next| one.block == next.block) {
        folding.begin(transfers, time_of(&transfers[0]));
        transfers.iter().try_for_each(|transfer| folding.transfer(transfer))?;
        folding.end()?;
    }
    Ok(folding.folded)
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

/// A fold under way, and the block that it is at.
struct Folding<'a> {
    folded: Folded,
    states: &'a mut AccountStates,
    block: BlockNumber,
    time: Timestamp,
    transfers: &'a [Transfer],
    first_change: usize,
    /// The sums before the block, once something was minted or burned in it.
    before: Option<TokenTotals>,
    /// Accounts whose running balance left its range. Empty for nearly every block.
    netted: HashMap<Account, Netted, FbBuildHasher<20>>,
    /// The accounts of the block's amounts above zero; `None` until they are needed.
    made: Option<HashSet<Account, FbBuildHasher<20>>>,
}

/// An account from the log on in which its running balance would leave its range.
#[derive(Debug, Clone, Copy)]
struct Netted {
    /// The balance until then; in the end, that at the block's end.
    balance: Amount,
    received: CumulativeAmount,
    sent: CumulativeAmount,
}

impl Netted {
    fn count(&mut self, leg: Leg, amount: Amount) -> Result<(), Overflow> {
        let sum = match leg {
            Leg::In => &mut self.received,
            Leg::Out => &mut self.sent,
        };
        *sum = sum.try_add(amount)?;
        Ok(())
    }
}

impl<'a> Folding<'a> {
    /// Begins the next block. For almost all blocks there is nothing to clear.
    fn begin(&mut self, transfers: &'a [Transfer], time: Timestamp) {
        (self.block, self.time) = (transfers[0].block, time);
        (self.transfers, self.first_change) = (transfers, self.folded.changes.len());
        self.before = None;
        if !self.netted.is_empty() {
            self.netted.clear();
        }
        if self.made.is_some() {
            self.made = None;
        }
    }

    fn transfer(&mut self, transfer: &Transfer) -> Result<(), FoldError> {
        let side = |account, change_type, counterparty| Side { account, change_type, counterparty };
        let amount = transfer.amount;
        match (Account::new(transfer.from), Account::new(transfer.to)) {
            (None, None) => Ok(()),
            (None, Some(to)) => {
                let totals = &mut self.folded.totals;
                self.before.get_or_insert(*totals);
                totals.minted = totals.minted.try_add(amount)?;
                self.change(transfer, side(to, ChangeType::Mint, None))
            }
            (Some(from), None) => {
                let totals = &mut self.folded.totals;
                self.before.get_or_insert(*totals);
                totals.burned = totals.burned.try_add(amount)?;
                self.change(transfer, side(from, ChangeType::Burn, None))
            }
            (Some(from), Some(to)) => {
                self.change(transfer, side(from, ChangeType::TransferOut, Some(to)))?;
                self.change(transfer, side(to, ChangeType::TransferIn, Some(from)))
            }
        }
    }

    /// Moves one account to its state after the transfer.
    fn change(&mut self, transfer: &Transfer, side: Side) -> Result<(), FoldError> {
        let Side { account, change_type, counterparty } = side;
        let Transfer { log_index, amount, tx_hash, .. } = *transfer;
        let (block, time) = (self.block, self.time);
        // Most accounts are known already; using `entry` alone makes the whole fold half as fast.
        let state = match self.states.get_mut(&account) {
            Some(state) => state,
            None if amount.is_zero() && !is_made(&mut self.made, self.transfers, account) => {
                return Ok(());
            }
            None => self.states.entry(account).or_insert(NEVER_SEEN),
        };
        let Checkpoint { balance, time: previous, .. } = *state;
        if time < previous {
            return Err(FoldError::TimeBackwards { block, time, previous });
        }
        let leg = change_type.leg();
        let running = match leg {
            Leg::Out => balance.checked_sub(amount),
            Leg::In => balance.checked_add(amount),
        };
        let is_netted = !self.netted.is_empty() && self.netted.contains_key(&account);
        let (balance_after, netted) = match running.filter(|_| !is_netted) {
            Some(after) => (after, false),
            // Until the block's end, where the balance there replaces it.
            None => (balance, true),
        };
        if netted {
            let (received, sent) = (balance.into(), CumulativeAmount::ZERO);
            let fresh = || Netted { balance, received, sent };
            self.netted.entry(account).or_insert_with(fresh).count(leg, amount)?;
        }
        self.folded.totals.balance_moved(balance, balance_after)?;
        let balance_seconds = state.balance_seconds_at(time)?;
        *state = Checkpoint { balance: balance_after, balance_seconds, time, block };
        self.folded.changes.push(Change {
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
            netted,
        });
        Ok(())
    }

    /// Judges balances and supply, and gives netted rows the balances at the block's end.
    fn end(&mut self) -> Result<(), FoldError> {
        if !self.netted.is_empty() {
            self.net()?;
        }
        if let Some(before) = &self.before {
            let (block, totals) = (self.block, &mut self.folded.totals);
            let minted = totals.minted.try_sub(before.minted)?;
            let burned = totals.burned.try_sub(before.burned)?;
            let supply = minted.try_add(before.supply)?.try_sub(burned)?;
            totals.supply = supply.narrow().ok_or(FoldError::SupplyOverflow { block })?;
        }
        Ok(())
    }

    fn net(&mut self) -> Result<(), FoldError> {
        // The lowest address is named, so that the reason is the same in every run.
        let overdrawn = self.netted.iter().filter(|(_, netted)| netted.received < netted.sent);
        if let Some((account, netted)) = overdrawn.min_by_key(|(account, _)| **account) {
            return Err(self.overdrawn(*account, netted)?);
        }
        for (account, netted) in &mut self.netted {
            let end = netted.received.try_sub(netted.sent)?.narrow();
            // Where one balance is beyond 2^256-1 their sum is, too.
            let end = end.ok_or(FoldError::SupplyOverflow { block: self.block })?;
            let state = self.states.entry(*account).or_insert(NEVER_SEEN);
            self.folded.totals.balance_moved(state.balance, end)?;
            (state.balance, netted.balance) = (end, end);
        }
        for change in &mut self.folded.changes[self.first_change..] {
            if let Some(netted) = self.netted.get(&change.account) {
                (change.balance_after, change.netted) = (netted.balance, true);
            }
        }
        Ok(())
    }

    fn overdrawn(&self, account: Account, netted: &Netted) -> Result<FoldError, Overflow> {
        let mut rows = self.folded.changes[self.first_change..].iter();
        let first = rows.find(|change| change.account == account && !change.netted);
        let before = match first {
            None => Some(netted.balance),
            Some(row) => match row.change_type.leg() {
                Leg::In => row.balance_after.checked_sub(row.amount),
                Leg::Out => row.balance_after.checked_add(row.amount),
            },
        };
        let balance = before.ok_or(Overflow("balance before a block"))?;
        let below_zero = netted.sent.try_sub(netted.received)?;
        let sent = below_zero.try_add(balance)?;
        Ok(FoldError::NegativeBalance { account, balance, sent, block: self.block })
    }
}

/// Whether a block creates an account: names it with an amount above zero.
fn is_made(
    made: &mut Option<HashSet<Account, FbBuildHasher<20>>>,
    transfers: &[Transfer],
    account: Account,
) -> bool {
    let find = || {
        let moved = transfers.iter().filter(|transfer| !transfer.amount.is_zero());
        moved.flat_map(|transfer| [transfer.from, transfer.to]).filter_map(Account::new).collect()
    };
    made.get_or_insert_with(find).contains(&account)
}
