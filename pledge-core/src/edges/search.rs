//! The search: which blocks to ask for, until each instant lies between two neighbours.

use std::collections::BTreeSet;

use crate::ledger::BlockEdge;
use crate::types::{BlockId, BlockNumber, BlockRef, Timestamp};

/// Up to this number of blocks in doubt, all of them are requested.
const FEW_BLOCKS: u64 = 4;
/// How often an edge is estimated from the times around it. After that the blocks in doubt are divided
/// evenly, so that no times make a search long.
const GUESSES_MAX: u32 = 3;
/// The number of parts into which blocks in doubt are divided.
const PARTS: u64 = 16;

/// What was learned is not of one chain whose times never go back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("blocks {lower} and {upper} are not of one chain whose times never go back")]
pub(super) struct Contradiction {
    lower: BlockId,
    upper: BlockId,
}

/// Finds the last block before each of some instants.
///
/// All searches go on at once: a block that is learned for one narrows the others. Each is guessed from the
/// times around it, then divided into sixteen, so it takes few rounds where times are regular, and never
/// more than the logarithm of the chain's length.
#[derive(Debug, Clone)]
pub(super) struct Search {
    /// A block that a node should have, from which on most instants lie: asked for before any below it.
    base: BlockNumber,
    /// Instants to find, ascending, each with how often it was asked for.
    open: Vec<(Timestamp, u32)>,
    /// Those that are known, ascending, each once.
    blocks: Vec<BlockRef>,
    /// Blocks that cannot be learned.
    withheld: BTreeSet<BlockNumber>,
    /// Instants given up, each with a block that it lacks.
    given_up: Vec<(Timestamp, BlockNumber)>,
}

impl Search {
    /// A search for ascending instants. One that no known block is at or after is not asked for.
    pub(super) fn new(base: BlockNumber, instants: impl IntoIterator<Item = Timestamp>) -> Self {
        let open = instants.into_iter().map(|instant| (instant, 0)).collect();
        let (blocks, withheld, given_up) = Default::default();
        Self { base, open, blocks, withheld, given_up }
    }

    /// Excludes blocks that cannot be learned: they are never asked for.
    pub(super) fn exclude(&mut self, blocks: &BTreeSet<BlockNumber>) {
        self.withheld.extend(blocks);
    }

    /// Adds what is known of blocks. Nothing is learned from what contradicts itself or what is known.
    pub(super) fn learn(&mut self, blocks: &[BlockRef]) -> Result<(), Contradiction> {
        let mut all = [&self.blocks, blocks].concat();
        all.sort_by_key(|block| block.number);
        if let Some([lower, upper]) =
            all.array_windows().find(|[lower, upper]| !agree(lower, upper))
        {
            return Err(Contradiction { lower: lower.id(), upper: upper.id() });
        }
        all.dedup();
        self.blocks = all;
        Ok(())
    }

    /// Takes out what was found, ascending.
    pub(super) fn take_found(&mut self) -> Vec<BlockEdge> {
        let mut found = Vec::new();
        let blocks = &self.blocks;
        self.open.retain(|(instant, _)| {
            let Some(edge) = edge_at(blocks, *instant) else { return true };
            found.push(edge);
            false
        });
        found
    }

    /// Takes out the instants given up: all blocks that could narrow them further are excluded. Each comes
    /// with one of those blocks.
    pub(super) fn take_given_up(&mut self) -> Vec<(Timestamp, BlockNumber)> {
        std::mem::take(&mut self.given_up)
    }

    /// Blocks to ask for next, at most `limit`, ascending: those for the newest instants first. There is one
    /// while anything can be found.
    pub(super) fn ask(&mut self, limit: usize) -> Vec<BlockNumber> {
        let is_learnable = |number: &u64| !self.withheld.contains(&BlockNumber::new(*number));
        let base = Some(self.base.get()).filter(is_learnable);
        let mut numbers = BTreeSet::new();
        for (instant, asked) in self.open.iter_mut().rev() {
            let (lower, upper) = around(&self.blocks, *instant);
            let Some(upper) = upper else { continue };
            // What is excluded may be all of one step: the later ones go further around it.
            let wanted = loop {
                let mut wanted = step(base, lower, upper, *instant, *asked);
                wanted.retain(is_learnable);
                *asked += 1;
                if !wanted.is_empty() || *asked > GUESSES_MAX {
                    break wanted;
                }
            };
            if wanted.is_empty() {
                let lacking = self.withheld.range(..upper.number).next_back();
                self.given_up.extend(lacking.map(|block| (*instant, *block)));
            }
            let known = numbers.len();
            numbers.extend(wanted.into_iter().take(limit - known));
            if numbers.len() >= limit {
                break;
            }
        }
        let given_up = &self.given_up;
        self.open.retain(|(instant, _)| !given_up.iter().any(|(other, _)| other == instant));
        numbers.into_iter().map(BlockNumber::new).collect()
    }

    /// Whether every instant was found and taken, or given up.
    pub(super) fn is_done(&self) -> bool {
        self.open.is_empty()
    }
}

/// Whether two blocks, the lower first, can be of one chain.
fn agree(lower: &BlockRef, upper: &BlockRef) -> bool {
    let is_linked = match upper.number.above(lower.number) {
        Some(0) => lower == upper,
        Some(1) => lower.is_parent_of(upper),
        _ => true,
    };
    is_linked && lower.time <= upper.time
}

/// The known blocks next to an instant: the last before it, the first at or after it.
fn around(blocks: &[BlockRef], instant: Timestamp) -> (Option<&BlockRef>, Option<&BlockRef>) {
    let (before, after) = blocks.split_at(blocks.partition_point(|block| block.time < instant));
    (before.last(), after.first())
}

/// `None` while blocks are in doubt.
fn edge_at(blocks: &[BlockRef], instant: Timestamp) -> Option<BlockEdge> {
    let (lower, upper) = around(blocks, instant);
    let last = lower.map(|lower| lower.number);
    let edge = BlockEdge { instant, last };
    (upper?.number == edge.first_after()).then_some(edge)
}

/// The blocks that narrow an instant when it is asked for once more.
fn step(
    base: Option<u64>,
    lower: Option<&BlockRef>,
    upper: &BlockRef,
    instant: Timestamp,
    asked: u32,
) -> Vec<u64> {
    match (lower, base) {
        (None, Some(base)) if upper.number.get() > base => vec![base],
        (None, _) => down_from(upper.number),
        (Some(lower), _) if asked < GUESSES_MAX => guess(lower, upper, instant, asked),
        (Some(lower), _) => divide(lower.number, upper.number),
    }
}

/// Nothing below is known: ever further down, to the first of all.
fn down_from(upper: BlockNumber) -> Vec<u64> {
    let steps = (0..u64::BITS).map_while(|power| upper.get().checked_sub(1 << power));
    steps.chain([0]).collect()
}

/// The two neighbours between which the instant lies if times are even, and from the second time on a little to
/// both sides: the first time, blocks that are asked for other instants are around it.
fn guess(lower: &BlockRef, upper: &BlockRef, instant: Timestamp, asked: u32) -> Vec<u64> {
    let (first, end) = (lower.number.get() + 1, upper.number.get());
    if end - first <= FEW_BLOCKS {
        return (first..end).collect();
    }
    let blocks = u128::from(end - lower.number.get());
    let (into, length) = (since(lower.time, instant), since(lower.time, upper.time));
    let ahead = (blocks * into).div_ceil(length.max(1));
    let at = u64::try_from(ahead).map_or(end, |ahead| lower.number.get().saturating_add(ahead));
    let margin = (end - first).isqrt() / 2;
    let sides = [at.saturating_sub(1 + margin), at.saturating_add(margin)];
    let wanted =
        [at.saturating_sub(1), at].into_iter().chain(sides.into_iter().filter(|_| asked > 0));
    wanted.map(|number| number.clamp(first, end - 1)).collect()
}

/// The blocks in doubt in even parts.
fn divide(lower: BlockNumber, upper: BlockNumber) -> Vec<u64> {
    let (first, end) = (lower.get() + 1, upper.get());
    let step = (end - lower.get()).div_ceil(PARTS);
    (1..PARTS)
        .map_while(|part| Some(lower.get() + part * step).filter(|number| *number < end))
        .chain([first])
        .collect()
}

fn since(earlier: Timestamp, later: Timestamp) -> u128 {
    u128::from(later.get().saturating_sub(earlier.get()))
}

#[cfg(test)]
mod tests;
