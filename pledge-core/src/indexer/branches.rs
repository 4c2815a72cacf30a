//! Our blocks compared with the node's chain: which of them it does not have.

use std::sync::Arc;

use super::ancestor::{Descent, Landing};
use super::facts::RangeFacts;
use super::followed::{Followed, Group};
use super::outcome::IndexerError;
use crate::error::{ChainError, StoreError};
use crate::ports::{BalanceStore, ChainSource, PendingSnapshot};
use crate::types::{BlockId, BlockNumber, BlockRef, BlockSpan, ChainId};

/// Number of node headers read at a time.
const PAGE_HEADERS: u64 = 64;

/// Compares held headers and cursors with a source.
#[derive(Debug)]
pub(super) struct Branches {
    chain: ChainId,
    source: Arc<dyn ChainSource>,
    store: Arc<dyn BalanceStore>,
}

impl Branches {
    pub(super) fn new(
        chain: ChainId,
        source: Arc<dyn ChainSource>,
        store: Arc<dyn BalanceStore>,
    ) -> Self {
        Self { chain, source, store }
    }

    /// The header that we hold at a height.
    pub(super) async fn held_at(
        &self,
        number: BlockNumber,
    ) -> Result<Option<BlockRef>, StoreError> {
        // The store returns the newest header at or below the height; one below is no answer here.
        let held = self.store.headers(self.chain, number, 1).await?;
        Ok(held.first().copied().filter(|held| held.number == number))
    }

    /// A block of the ledger that the node's chain contradicts: the cursor, if the facts do not
    /// follow it, or the lowest header inside their range that another token holds.
    ///
    /// A header with the same hash and another time was read while a node lied, now or earlier.
    pub(super) async fn orphaned_by(
        &self,
        group: &Group,
        facts: &RangeFacts,
    ) -> Result<Option<BlockRef>, IndexerError> {
        let (Some(first), Some(last)) = (facts.headers.first(), facts.last()) else {
            return Ok(None);
        };
        // One more than the facts have, so that the header of the cursor is among them.
        let held = self.store.headers(self.chain, last.number, facts.headers.len() + 1).await?;
        if let Some(cursor) = &group.cursor {
            if !cursor.is_parent_of(first) {
                return Ok(Some(*cursor));
            }
            // The cursor is kept twice, as a cursor and as a header: a false time may be in either.
            let is_same = |held: &&BlockRef| held.id() == cursor.id();
            let held = held.iter().find(is_same).unwrap_or(cursor);
            if first.time < cursor.time || held != cursor {
                return self.false_one(&[*cursor, *held], first).await.map(Some);
            }
        }
        for held in held.into_iter().rev() {
            match facts.header(held.number) {
                Some(theirs) if theirs.hash != held.hash => return Ok(Some(held)),
                Some(theirs) if *theirs != held => {
                    return self.false_one(&[held], theirs).await.map(Some);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The one of our blocks whose time in the ledger is false, where some time must be. The node
    /// has to repeat its answer: if it agrees with each of our blocks, its first answer was false.
    async fn false_one(
        &self,
        ours: &[BlockRef],
        theirs: &BlockRef,
    ) -> Result<BlockRef, IndexerError> {
        let operation = "check the time of a block";
        let number = ours[0].number;
        let again = self.source.headers(BlockSpan::one(number)).await?;
        let gone = || ChainError::block_gone(operation, format!("block {number} is gone"));
        let again = again.first().ok_or_else(gone)?;
        ours.iter().find(|ours| *ours != again).copied().ok_or_else(|| {
            let detail = format!(
                "block {theirs} was given with time {}, which does not fit time {} of block {again}: no \
                 time of a chain goes back, and none changes, so the node is asked again",
                theirs.time, again.time
            );
            ChainError::transient(operation, detail).into()
        })
    }

    /// Near the head a block is confirmed only as an ancestor of what confirms it
    /// (`Place::confirming`), or as that block: the chain may have moved since it was read.
    pub(super) async fn check_on_branch(
        &self,
        seen: Option<&PendingSnapshot>,
        tip: &BlockRef,
        confirming: impl IntoIterator<Item = BlockId>,
    ) -> Result<(), IndexerError> {
        let holds = |snapshot: &PendingSnapshot, block: &BlockId| {
            snapshot.blocks.iter().any(|held| held.header.id() == *block)
        };
        for above in confirming {
            // The pending blocks are linked one by one, so two of them are on one branch without a
            // request.
            let are_linked = seen.is_some_and(|seen| holds(seen, &tip.id()) && holds(seen, &above));
            if are_linked || above == tip.id() {
                continue;
            }
            let branch = self.source.headers(BlockSpan::new(tip.number, above.number)).await?;
            let ends = branch.first().zip(branch.last()).map(|(low, top)| (low.id(), top.id()));
            if ends != Some((tip.id(), above)) {
                let detail = format!("block {tip} is not on the branch of {above} any more");
                return Err(ChainError::block_gone("confirm blocks", detail).into());
            }
        }
        Ok(())
    }

    /// Far behind the head a range is linked to nothing above it. It is of the chain of the cursor ahead, which
    /// confirms it, only if the node has both: its last block and that cursor, in one answer.
    pub(super) async fn check_same_chain(
        &self,
        tip: &BlockRef,
        ahead: &BlockId,
    ) -> Result<(), IndexerError> {
        if tip.id() == *ahead {
            return Ok(());
        }
        let shown = self.source.headers_at(&[tip.number, ahead.number]).await?;
        if let [low, top] = shown[..]
            && low == *tip
            && top.id() == *ahead
        {
            return Ok(());
        }
        let detail = format!(
            "block {tip} and block {ahead}, which confirms it, are not on one chain of the node"
        );
        Err(ChainError::block_gone("confirm blocks", detail).into())
    }

    /// Whether the node still has one of our blocks.
    pub(super) async fn is_ours_still(
        &self,
        head: &BlockRef,
        ours: &BlockRef,
    ) -> Result<bool, ChainError> {
        if ours.number > head.number {
            return Ok(false);
        }
        let theirs = self.source.headers(BlockSpan::one(ours.number)).await?;
        Ok(theirs.first() == Some(ours))
    }

    /// Descends the node's chain to the common ancestor: see [`Descent`]. `None` if the held headers do
    /// not lead every cursor to a block of the node's chain.
    pub(super) async fn common_ancestor(
        &self,
        head: &BlockRef,
        ours: &BlockRef,
        followed: &[Followed],
    ) -> Result<Option<Landing>, IndexerError> {
        let every = BlockNumber::new(u64::MAX);
        let held = self.store.headers(self.chain, every, usize::MAX).await?;
        if held.is_empty() {
            return Ok(None);
        }
        let mut descent = Descent::new(*ours, followed, &held);
        let BlockSpan { first: bottom, last: mut at_most } = descent.bounds(head.number);
        let mut above: Option<BlockRef> = None;
        loop {
            let from = at_most.down(PAGE_HEADERS - 1).max(bottom);
            let page = self.source.headers(BlockSpan::new(from, at_most)).await?;
            // Pages must link, or the descent would step from one branch to another and find a
            // false ancestor.
            let follows = |top: &BlockRef| match &above {
                Some(above) => top.is_parent_of(above),
                None => top.number == at_most,
            };
            if !page.last().is_some_and(follows) {
                let detail = format!("the chain moved while headers below {at_most} were read");
                return Err(ChainError::block_gone("find the common ancestor", detail).into());
            }
            match page.iter().rev().find_map(|theirs| descent.step(theirs)) {
                Some(landing) => return Ok(Some(landing)),
                None if from > bottom => (above, at_most) = (page.first().copied(), from.down(1)),
                None => return Ok(None),
            }
        }
    }
}
