//! The moves of a busy token's accounts, block by block: random, valid, and determined by the seed.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

use pledge_core::primitives::keccak256;
use pledge_core::types::Account;

use super::blocks::{BLOCKS_PER_HOUR, CONFIRMATIONS};
use super::player::account_of;

/// The greatest depth of a fork; older blocks are not kept.
const UNDO_BLOCKS_MAX: u64 = 36;
/// The depth of a fork that rebuilds pending blocks only.
const SHALLOW: RangeInclusive<u64> = 1..=CONFIRMATIONS;
/// The depth of a fork that reaches a settled window.
const DEEP: RangeInclusive<u64> = CONFIRMATIONS + BLOCKS_PER_HOUR..=UNDO_BLOCKS_MAX;
/// One fork in this many is deep.
const DEEP_EVERY: u64 = 3;
/// Blocks from one fork to the next.
const CALM: RangeInclusive<u64> = 10..=30;
/// Blocks from one new account to the next.
const NEWCOMER_EVERY: u64 = 16;
const MINT_CENTS_MAX: u64 = 1_000_000;

/// A transfer, in cents; no sender mints, no receiver burns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) from: Option<Account>,
    pub(super) to: Option<Account>,
    pub(super) cents: u64,
}

/// One step of the chain: drops the newest blocks and mines one more than it dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    /// The number of blocks dropped; zero is no fork.
    pub(super) dropped: u64,
    /// The blocks to mine, ascending by height.
    pub(super) blocks: Vec<Vec<Move>>,
}

/// The balances on the current branch, and the generator of the next moves.
#[derive(Debug, Clone)]
pub(super) struct Traffic {
    seed: u64,
    draws: u64,
    accounts: Vec<Account>,
    transfers: RangeInclusive<u64>,
    balances: BTreeMap<Account, u64>,
    /// The newest blocks, ascending, which a fork may undo.
    recent: VecDeque<Vec<Move>>,
    calm_left: u64,
    forks: u64,
}

impl Traffic {
    /// A number of accounts with no balance yet, and the range of transfers per block.
    pub(super) fn new(seed: u64, accounts: usize, transfers: RangeInclusive<u64>) -> Self {
        let mut traffic = Self {
            seed,
            draws: 0,
            accounts: Vec::new(),
            transfers,
            balances: BTreeMap::new(),
            recent: VecDeque::new(),
            calm_left: *CALM.start(),
            forks: 0,
        };
        traffic.admit(accounts);
        traffic
    }

    /// Adds accounts and changes the range of transfers per block.
    #[must_use]
    pub(super) fn grown(mut self, accounts: usize, transfers: RangeInclusive<u64>) -> Self {
        self.admit(accounts.saturating_sub(self.accounts.len()));
        Self { transfers, ..self }
    }

    /// All accounts so far, with or without a balance.
    pub(super) fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// The next step of a chain that forks and gains accounts now and then.
    pub(super) fn tick(&mut self) -> Tick {
        let depth = self.fork_depth();
        let dropped = self.undo(depth);
        if self.below(NEWCOMER_EVERY) == 0 {
            self.admit(1);
        }
        Tick { dropped, blocks: (0..=dropped).map(|_| self.block()).collect() }
    }

    /// The transfers of the next block. Each is covered by what its sender holds.
    pub(super) fn block(&mut self) -> Vec<Move> {
        let count = self.within(&self.transfers.clone());
        let block: Vec<Move> = (0..count).map(|_| self.one()).collect();
        self.recent.push_back(block.clone());
        if self.recent.len() as u64 > UNDO_BLOCKS_MAX {
            self.recent.pop_front();
        }
        block
    }

    /// Undoes up to `blocks` blocks, as far as they are kept, and returns how many. The blocks that
    /// follow differ from those undone.
    pub(super) fn undo(&mut self, blocks: u64) -> u64 {
        let mut undone = 0;
        while undone < blocks
            && let Some(block) = self.recent.pop_back()
        {
            // Backwards: what an account passed on may have come to it within the block.
            for Move { from, to, cents } in block.into_iter().rev() {
                self.shift(to, from, cents);
            }
            undone += 1;
        }
        undone
    }

    /// How many blocks a fork drops now; zero if there is none.
    fn fork_depth(&mut self) -> u64 {
        if self.calm_left > 0 {
            self.calm_left -= 1;
            return 0;
        }
        self.calm_left = self.within(&CALM);
        self.forks += 1;
        let depth = if self.forks.is_multiple_of(DEEP_EVERY) { DEEP } else { SHALLOW };
        self.within(&depth)
    }

    /// A mint, a burn or a transfer.
    fn one(&mut self) -> Move {
        let (one, other) = (self.any(), self.any());
        let held = self.balances.get(&one).copied().unwrap_or_default();
        let (from, to, most) = match self.below(10) {
            kind if held == 0 || kind < 3 => (None, Some(one), MINT_CENTS_MAX),
            3 => (Some(one), None, held),
            _ => (Some(one), Some(other), held),
        };
        let cents = self.within(&(1..=most));
        self.shift(from, to, cents);
        Move { from, to, cents }
    }

    fn shift(&mut self, from: Option<Account>, to: Option<Account>, cents: u64) {
        if let Some(from) = from {
            let held = self.balances.entry(from).or_default();
            *held = held.checked_sub(cents).expect("a move is covered, and undone in order");
        }
        if let Some(to) = to {
            let held = self.balances.entry(to).or_default();
            *held = held.checked_add(cents).expect("2^64 cents take 2^44 mints");
        }
    }

    fn admit(&mut self, newcomers: usize) {
        for _ in 0..newcomers {
            let number = self.accounts.len() + 1;
            self.accounts.push(account_of(&format!("trader {number}")));
        }
    }

    fn any(&mut self) -> Account {
        let count = u64::try_from(self.accounts.len()).expect("accounts in memory");
        let index = usize::try_from(self.below(count)).expect("below a usize");
        self.accounts[index]
    }

    fn within(&mut self, range: &RangeInclusive<u64>) -> u64 {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// A number below `bound`, from the seed and the numbers drawn so far.
    fn below(&mut self, bound: u64) -> u64 {
        self.draws += 1;
        let hash = keccak256([self.seed.to_be_bytes(), self.draws.to_be_bytes()].concat());
        let number = hash.first_chunk().expect("a hash has 32 bytes");
        u64::from_be_bytes(*number) % bound
    }
}

#[cfg(test)]
#[path = "traffic_tests.rs"]
mod tests;
