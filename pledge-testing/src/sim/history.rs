//! The chain of a run: its random history, and every block that it ever had.

use alloy_primitives::map::{FbBuildHasher, HashMap};
use alloy_primitives::{Address, B256};
use pledge_core::indexer::Finality;
use pledge_core::ledger::{Transfer, UnreadableLog};
use pledge_core::simulation::{Branch, ScriptedChain, ScriptedTransfer};
use pledge_core::types::{Amount, BlockNumber, BlockRef, Timestamp, TokenId};

use super::dice::Dice;
use crate::world::{CHAIN, THREE_PM, account, spec};

/// Accounts that move tokens.
pub(super) const ACCOUNTS: u64 = 6;
/// The number of balances kept: one for each account, and one for the zero address.
const PLACES: usize = 7;
/// The first blocks of the two tokens.
pub(super) const STARTS: [u64; 2] = [1, 5];
/// Branches that may come back.
const BRANCHES_MAX: usize = 4;

/// One of the two tokens.
pub(super) fn token(index: usize) -> TokenId {
    let byte = [0x70, 0x7f][index];
    TokenId { chain: CHAIN, address: Address::repeat_byte(byte) }
}

/// A block that was canonical once.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) header: BlockRef,
    pub(super) transfers: Vec<Transfer>,
    pub(super) unreadable: Vec<UnreadableLog>,
    /// Balances after it, by token and account.
    held: [[u64; PLACES]; 2],
    /// The first block of the branch in which the second token sends more than is held.
    pub(super) fault: Option<BlockNumber>,
    /// Whether it was ever deep enough below a head to be confirmed.
    pub(super) confirmed: bool,
}

#[derive(Debug)]
pub(super) struct History {
    pub(super) chain: ScriptedChain,
    pub(super) finality: Finality,
    known: HashMap<B256, Known, FbBuildHasher<32>>,
    branches: Vec<Branch>,
    finalized: u64,
    top: u64,
    overdraft: u64,
}

/// A fork: how many blocks are dropped, and how many come instead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fork {
    pub(super) depth: u64,
    pub(super) blocks: u64,
}

impl History {
    pub(super) fn new(finality: Finality, overdraft: u64) -> Self {
        let genesis = Timestamp::new(THREE_PM - 10).expect("in range");
        let mut chain = ScriptedChain::new(CHAIN, genesis);
        for index in 0..2 {
            chain = chain.with_token(token(index).address, spec(token(index)).metadata);
        }
        let header = chain.head();
        let held = [[0; PLACES]; 2];
        let (transfers, unreadable) = (Vec::new(), Vec::new());
        let genesis = Known { header, transfers, unreadable, held, fault: None, confirmed: false };
        let mut known = HashMap::with_hasher(FbBuildHasher::default());
        known.insert(header.hash, genesis);
        let (branches, finalized, top) = (Vec::new(), 0, 0);
        let mut history = Self { chain, finality, known, branches, finalized, top, overdraft };
        history.confirm();
        history
    }

    pub(super) fn get(&self, hash: B256) -> Option<&Known> {
        self.known.get(&hash)
    }

    pub(super) fn head(&self) -> &Known {
        self.known.get(&self.chain.head().hash).expect("every block mined is known")
    }

    pub(super) fn height(&self) -> u64 {
        self.chain.head().number.get()
    }

    /// The branch of a block, genesis first, as far as the block.
    pub(super) fn branch_of(&self, hash: B256) -> Vec<&Known> {
        let mut blocks: Vec<_> =
            std::iter::successors(self.get(hash), |block| self.get(block.header.parent_hash))
                .collect();
        blocks.reverse();
        blocks
    }

    /// What an account of the first token holds at the newest block.
    pub(super) fn held(&self, number: u64) -> u64 {
        self.head().held[0][usize::try_from(number).expect("a small number")]
    }

    /// The supply of a token at a height of the branch that a block is on.
    pub(super) fn supply(&self, index: usize, branch: B256, at: BlockNumber) -> Option<u64> {
        let branch = self.branch_of(branch);
        let block = branch.into_iter().find(|block| block.header.number == at)?;
        Some(block.held[index].iter().sum())
    }

    /// The highest block that ever existed.
    pub(super) const fn top(&self) -> u64 {
        self.top
    }

    /// Mines this many blocks.
    pub(super) fn mine(&mut self, dice: &mut Dice, blocks: u64) {
        for _ in 0..blocks {
            let time = self.chain.head().time;
            let later = match dice.below(13) {
                0..3 => 0,
                3..9 => dice.between(1, 900),
                9..11 => dice.between(900, 4_000),
                11 => 3_600 - time.get() % 3_600,
                _ => dice.between(4_000, 15_000),
            };
            let mut held = self.head().held;
            let faulty = self.head().fault.is_some();
            let mut moves: Vec<_> =
                (0..dice.below(4)).map(|_| self.transfer(dice, &mut held, faulty)).collect();
            // Logs come in the order of `emit`: what is sent on may be logged before what was
            // received.
            if dice.chance(400) {
                dice.shuffle(&mut moves);
            }
            let garbled = dice.chance(150).then(|| token(usize::from(dice.chance(500))).address);
            let time = time.checked_add(later).expect("before the year 36812");
            self.push(time, &moves, garbled.as_slice());
        }
    }

    /// Empty blocks, in the same second or later.
    pub(super) fn mine_empty(&mut self, blocks: u64, later: u64) {
        for _ in 0..blocks {
            let time = self.chain.head().time.checked_add(later);
            self.push(time.expect("before the year 36812"), &[], &[]);
        }
    }

    /// A transfer that is valid on this branch.
    fn transfer(
        &self,
        dice: &mut Dice,
        held: &mut [[u64; PLACES]; 2],
        faulty: bool,
    ) -> ScriptedTransfer {
        let second = dice.chance(333) && !faulty && self.height() + 1 >= STARTS[1];
        let index = usize::from(second);
        let held = &mut held[index];
        let (from, to) = match dice.below(16) {
            0..6 => (0, dice.between(1, ACCOUNTS + 1)),
            6..8 => (dice.between(1, ACCOUNTS + 1), 0),
            8 => (0, 0),
            _ => (dice.between(1, ACCOUNTS + 1), dice.between(1, ACCOUNTS + 1)),
        };
        let at = |number: u64| usize::try_from(number).expect("a small number");
        let most = if from == 0 { 1_000 } else { held[at(from)] };
        let amount = match dice.below(4) {
            0 => most,
            1 => 0,
            _ => dice.below(most + 1),
        };
        // A transfer to oneself needs no cover.
        let amount = if from == to && from != 0 { amount * 3 } else { amount };
        if from != to && from != 0 {
            held[at(from)] -= amount;
        }
        if from != to && to != 0 {
            held[at(to)] += amount;
        }
        let address = |number| if number == 0 { Address::ZERO } else { account(number).address() };
        let overdraws = second && from != 0 && dice.chance(self.overdraft);
        let amount = if overdraws { 1_000_000_000 } else { amount };
        ScriptedTransfer {
            token: token(index).address,
            from: address(from),
            to: address(to),
            amount: Amount::from(amount),
        }
    }

    fn push(&mut self, time: Timestamp, moves: &[ScriptedTransfer], garbled: &[Address]) {
        let header = self.chain.mine_unreadable(time, moves, garbled);
        self.top = self.top.max(header.number.get());
        let parent = self.known.get(&header.parent_hash).expect("its parent was mined");
        let (mut held, mut fault) = (parent.held, parent.fault);
        let transfers = self.chain.transfers_of(header.number.get());
        for (index, held) in held.iter_mut().enumerate() {
            let of_token = transfers.iter().filter(|t| t.token == token(index).address);
            match after_block(held, of_token) {
                Some(after) if index == 0 || fault.is_none() => *held = after,
                Some(_) => {}
                None => {
                    assert_eq!(index, 1, "the first token sends nothing that is not held");
                    fault = fault.or(Some(header.number));
                }
            }
        }
        // After a rebirth the very same block may be mined again.
        let unreadable = self.chain.unreadable_of(header.number.get());
        let known = Known { header, transfers, unreadable, held, fault, confirmed: false };
        self.known.entry(header.hash).or_insert(known);
        self.confirm();
    }

    /// Drops blocks and mines others; a branch that is not longer may be shown by a node, too.
    pub(super) fn fork(&mut self, dice: &mut Dice, fork: Fork) {
        self.leave(fork.depth);
        self.mine(dice, fork.blocks);
    }

    /// The same transfers in the same blocks, at other times.
    pub(super) fn retime(&mut self, dice: &mut Dice, depth: u64) {
        let dropped = self.leave(depth);
        let shift = dice.below(400);
        let earlier = dice.chance(500);
        for block in dropped {
            let old = block.header.time.get();
            let moved = if earlier { old.saturating_sub(shift) } else { old + shift };
            let time = moved.max(self.chain.head().time.get());
            let moves: Vec<_> = block.transfers.iter().map(scripted).collect();
            let garbled: Vec<_> = block.unreadable.iter().map(|log| log.token).collect();
            self.push(Timestamp::new(time).expect("in range"), &moves, &garbled);
        }
    }

    /// Drops blocks, keeps their branch for later, and returns them.
    fn leave(&mut self, depth: u64) -> Vec<Known> {
        self.keep();
        let ancestor = self.height().saturating_sub(depth);
        let branch = self.branch_of(self.chain.head().hash);
        let above = |block: &&Known| block.header.number.get() > ancestor;
        let dropped = branch.into_iter().filter(above).cloned().collect();
        self.chain.fork_at(ancestor);
        self.show();
        dropped
    }

    fn keep(&mut self) {
        if self.branches.len() == BRANCHES_MAX {
            self.branches.remove(0);
        }
        self.branches.push(self.chain.branch());
    }

    /// A chain on an old branch, if there is one.
    pub(super) fn old_branch(&self, dice: &mut Dice) -> Option<ScriptedChain> {
        let old = self.chain.copy();
        old.return_to(self.pick_branch(dice)?);
        Some(old)
    }

    /// A chain on the branch that was left last, if there is one.
    pub(super) fn left_branch(&self) -> Option<ScriptedChain> {
        let left = self.chain.copy();
        left.return_to(self.branches.last()?);
        Some(left)
    }

    fn pick_branch(&self, dice: &mut Dice) -> Option<&Branch> {
        let count = u64::try_from(self.branches.len()).expect("few");
        let at = dice.below(count.max(1));
        self.branches.get(usize::try_from(at).expect("few"))
    }

    /// An old branch comes back. Returns how many blocks it drops, `None` if there is no old
    /// branch.
    pub(super) fn rebirth(&mut self, dice: &mut Dice) -> Option<u64> {
        let chosen = self.pick_branch(dice)?.clone();
        let before: Vec<_> =
            self.branch_of(self.chain.head().hash).iter().map(|block| block.header.hash).collect();
        self.keep();
        self.chain.return_to(&chosen);
        self.confirm();
        self.show();
        let shared = (0..)
            .zip(&before)
            .take_while(|(height, hash)| {
                self.chain.block(*height).is_some_and(|b| b.hash == **hash)
            })
            .count();
        Some(u64::try_from(before.len() - shared).expect("few"))
    }

    /// Moves the `finalized` tag: up to `below` under the head, now and then back.
    pub(super) fn finalize(&mut self, below: u64) {
        self.finalized = self.height().saturating_sub(below);
        self.show();
    }

    /// A node no longer knows a tag above a branch that became shorter.
    fn show(&mut self) {
        self.finalized = self.finalized.min(self.height());
        self.chain.set_finalized((self.finalized > 0).then_some(self.finalized));
        self.chain.show_head(None);
        self.confirm();
    }

    /// Marks the blocks that are confirmed now.
    fn confirm(&mut self) {
        let target = match self.finality {
            Finality::Depth(depth) => self.height().checked_sub(depth),
            Finality::Finalized => (self.finalized > 0).then_some(self.finalized),
        };
        let mut next = target.and_then(|target| self.chain.block(target)).map(|block| block.hash);
        while let Some(block) = next.and_then(|hash| self.known.get_mut(&hash)) {
            if std::mem::replace(&mut block.confirmed, true) {
                return;
            }
            next = Some(block.header.parent_hash);
        }
    }
}

/// Balances at the end of a block; `None` if one is below zero there.
fn after_block<'a>(
    held: &[u64; PLACES],
    transfers: impl Iterator<Item = &'a Transfer>,
) -> Option<[u64; PLACES]> {
    let mut after = held.map(i128::from);
    for transfer in transfers {
        let amount = i128::try_from(transfer.amount.get()).expect("amounts are small");
        let place = |address: Address| usize::from(address.0[19]);
        if !transfer.from.is_zero() {
            after[place(transfer.from)] -= amount;
        }
        if !transfer.to.is_zero() {
            after[place(transfer.to)] += amount;
        }
    }
    let mut ends = [0; PLACES];
    for (end, after) in ends.iter_mut().zip(after) {
        *end = u64::try_from(after).ok()?;
    }
    Some(ends)
}

fn scripted(transfer: &Transfer) -> ScriptedTransfer {
    let Transfer { token, from, to, amount, .. } = *transfer;
    ScriptedTransfer { token, from, to, amount }
}
