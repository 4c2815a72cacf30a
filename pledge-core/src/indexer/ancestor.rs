//! The block to go back to after a fork: pure.

use std::collections::BTreeMap;

use super::followed::Followed;
use crate::types::{BlockId, BlockNumber, BlockRef, BlockSpan};

/// A descent along the node's chain to the common ancestor.
///
/// What is kept of a token or a contract belongs to its cursor's branch. Of that branch we know the
/// cursor, the held headers below it as long as each is the parent of the one above, and the parent
/// hash of the last of them. Other held headers, below a gap or off the cursor's branch, may be of
/// any branch: headers are held for the whole chain, and cursors may be on different branches. The
/// first known block that the node has too is where a cursor's branch joins the node's chain; below
/// it both are the same.
///
/// The common ancestor is the highest block of the node's chain below the fork that the store can
/// name (a held header or the parent of one) and that the branch of every cursor above it has joined. One that
/// runs out of known blocks never joins. Then only ancestors below its first block are left, where
/// it has no facts that could be of another branch.
#[derive(Debug)]
pub(super) struct Descent {
    orphan: BlockRef,
    held: BTreeMap<BlockNumber, BlockRef>,
    branches: Vec<Branch>,
}

/// One token's branch, as far as held headers show it.
#[derive(Debug)]
struct Branch {
    cursor: BlockRef,
    start: BlockNumber,
    /// The lowest block of it that was checked; `None` below the known blocks.
    known: Option<BlockId>,
    joined: bool,
}

/// Where a descent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    /// At the common ancestor, named as the store knows it.
    Ancestor(BlockRef),
    /// At the suspected orphan itself: there is no fork.
    NoFork,
}

impl Descent {
    /// A descent to a block below `orphan`, which is a cursor or a held header.
    pub(super) fn new(orphan: BlockRef, followed: &[Followed], held: &[BlockRef]) -> Self {
        let branch = |one: &Followed| {
            let (cursor, start) = (one.cursor?, one.start_block);
            Some(Branch { cursor, start, known: Some(cursor.id()), joined: false })
        };
        Self {
            orphan,
            held: held.iter().map(|header| (header.number, *header)).collect(),
            branches: followed.iter().filter_map(branch).collect(),
        }
    }

    /// The blocks of the node's chain to step on, for a head at this height.
    pub(super) fn bounds(&self, head: BlockNumber) -> BlockSpan {
        let top = self.branches.iter().map(|branch| branch.cursor.number).max();
        let top = top.unwrap_or(self.orphan.number).min(head);
        // One below the lowest held header: its parent hash names that block too.
        let lowest = self.held.keys().next().map(|lowest| lowest.down(1));
        BlockSpan { first: lowest.unwrap_or(self.orphan.number).min(top), last: top }
    }

    /// Goes one block further down the node's chain.
    pub(super) fn step(&mut self, theirs: &BlockRef) -> Option<Landing> {
        if *theirs == self.orphan {
            return Some(Landing::NoFork);
        }
        let height = theirs.number;
        let held = self.held.get(&height);
        for branch in self.branches.iter_mut().filter(|branch| height <= branch.cursor.number) {
            branch.known = branch.known.and_then(|known| lowered(&self.held, known, height));
            // A header with the same hash and another time was read while a node lied: the ledger
            // has to go below it.
            let contradicts = |ours: &BlockRef| ours.id() == theirs.id() && ours != theirs;
            let is_false = held.is_some_and(contradicts) || contradicts(&branch.cursor);
            branch.joined |= branch.known == Some(theirs.id()) && !is_false;
        }
        let has_joined = |branch: &Branch| branch.joined || !branch.has_ledger_at(height);
        let is_reached = height < self.orphan.number && self.branches.iter().all(has_joined);
        let ancestor = self.named(theirs).filter(|_| is_reached);
        ancestor.map(Landing::Ancestor)
    }

    /// The block as a store can name it. A held header keeps the ledger's own time: the node
    /// confirms only the hash.
    fn named(&self, theirs: &BlockRef) -> Option<BlockRef> {
        let held = self.held.get(&theirs.number).filter(|held| held.id() == theirs.id());
        let above = || self.held.get(&theirs.number.next());
        let is_below = |above: &BlockRef| theirs.is_parent_of(above) && theirs.time <= above.time;
        held.copied().or_else(|| above().is_some_and(is_below).then_some(*theirs))
    }
}

impl Branch {
    /// Whether the token has facts at a height that could be of another branch.
    fn has_ledger_at(&self, height: BlockNumber) -> bool {
        self.start <= height && height <= self.cursor.number
    }
}

/// Follows held headers from a block down to a height; `None` if they end above it.
pub(super) fn lowered(
    held: &BTreeMap<BlockNumber, BlockRef>,
    mut block: BlockId,
    height: BlockNumber,
) -> Option<BlockId> {
    while block.number > height {
        let header = held.get(&block.number).filter(|header| header.id() == block)?;
        block = BlockId { number: block.number.down(1), hash: header.parent_hash };
    }
    Some(block)
}
