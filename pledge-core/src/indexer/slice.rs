//! One slice of confirmed blocks, from the source into the ledger.

use std::time::{Duration, SystemTime};

use alloy_primitives::Address;

use super::claims::prove_height;
use super::facts::RangeFacts;
use super::poll::{Group, Indexer, IndexerError, Poll};
use super::{Finality, Observed, Slice, plan};
use crate::error::ChainError;
use crate::ledger::{TokenState, erc20};
use crate::ports::{
    ChainSource, HeaderDetail, LogsAnswer, LogsRequest, PendingBlock, PendingSnapshot,
};
use crate::types::{BlockNumber, BlockRef};

impl Indexer {
    /// Brings a group of tokens one slice forward.
    pub(super) async fn advance(
        &mut self,
        group: &Group,
        observed: &Observed,
        target: Option<BlockNumber>,
        join_at: Option<BlockNumber>,
    ) -> Result<Poll, IndexerError> {
        let head = &observed.head;
        let is_front = join_at.is_none();
        let near_head = is_front && group.next >= self.config.first_retained(head.number);
        let mut seen = None;
        // Only the front group compares its cursor with the head and keeps the pending blocks. A
        // fork must be found before anything is fetched: blocks of two branches must never meet in
        // one commit.
        if let Some(cursor) = group.cursor.filter(|_| is_front) {
            if head.id() == cursor.id() {
                self.hold_none_yet(group, &cursor).await?;
                return Ok(Poll::Idle);
            }
            if head.number <= cursor.number {
                return self.check_lower_head(head).await;
            }
            if near_head {
                seen = self.refresh_pending(group, &cursor, head).await?;
                if seen.is_none() {
                    return self.resolve_fork(head, &cursor).await;
                }
            }
        }
        let slice = |next| plan(&self.config, head.number, target?, next, join_at);
        let (Some(target), Some(slice)) = (target, slice(group.next)) else {
            if let Some(cursor) = group.cursor.filter(|_| is_front && !near_head) {
                self.hold_nothing_above(&cursor).await?;
            }
            return Ok(Poll::Idle);
        };
        let facts = self.fetch(slice, group).await?;
        if let Some(ours) = self.orphaned_by(group, &facts).await? {
            return self.resolve_fork(head, &ours).await;
        }
        let tip = *facts.last().expect("a verified answer has headers");
        if let Some(block) = seen.as_ref().and_then(|seen| answered_differently(seen, &facts)) {
            self.above = None;
            let detail =
                format!("block {block} was answered in two ways: both are asked for again");
            return Err(ChainError::transient("compare two answers", detail).into());
        }
        if near_head {
            self.check_on_branch(seen.as_ref(), &tip, observed).await?;
        }
        let following = plan(&self.config, head.number, target, tip.number.next(), join_at)
            .filter(|slice| slice.detail == HeaderDetail::Sparse && self.prefetched.has_room());
        let (committed, ahead) =
            tokio::join!(self.commit(group, &facts, slice.detail), self.prefetch(following, group));
        if let Some((slice, facts)) = ahead {
            self.prefetched.put(slice, addresses(group), facts);
        }
        let committed = committed?;
        if committed.tokens.is_empty() {
            return Ok(Poll::Idle);
        }
        let is_committed = |token: &&TokenState| committed.tokens.contains(&token.spec.id);
        group.tokens.iter().filter(is_committed).for_each(|token| self.superseded.end(token));
        self.standstill.advance(&committed.tokens, committed.tip.number);
        if let Some(snapshot) = seen {
            self.trim_pending(snapshot, &committed.tip).await?;
        }
        Ok(Poll::Advanced(committed.progress(target)))
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
        let again = self.source.headers(number, number).await?;
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

    /// Near the head a block is confirmed only as an ancestor of the head, and of the finalized
    /// block where that is required: the chain may have moved since they were read.
    async fn check_on_branch(
        &self,
        seen: Option<&PendingSnapshot>,
        tip: &BlockRef,
        observed: &Observed,
    ) -> Result<(), IndexerError> {
        let holds = |snapshot: &PendingSnapshot, block: &BlockRef| {
            snapshot.blocks.iter().any(|held| held.header.id() == block.id())
        };
        for above in [Some(observed.head), observed.finalized].into_iter().flatten() {
            if seen.is_some_and(|seen| holds(seen, tip) && holds(seen, &above)) {
                continue;
            }
            let branch = self.source.headers(tip.number, above.number).await?;
            let ends = branch.first().zip(branch.last()).map(|(low, top)| (low.id(), top.id()));
            if ends != Some((tip.id(), above.id())) {
                let detail = format!("block {tip} is not on the branch of {above} any more");
                return Err(ChainError::block_gone("confirm blocks", detail).into());
            }
        }
        Ok(())
    }

    async fn fetch(&mut self, slice: Slice, group: &Group) -> Result<RangeFacts, IndexerError> {
        let tokens = addresses(group);
        match self.prefetched.take(slice, &tokens) {
            Some(facts) => Ok(facts),
            None => Ok(self.fetch_checked(slice, &tokens).await?),
        }
    }

    /// A failed prefetch is no failure: the slice is requested again when its turn comes.
    async fn prefetch(&self, slice: Option<Slice>, group: &Group) -> Option<(Slice, RangeFacts)> {
        let slice = slice?;
        let facts = self.fetch_checked(slice, &addresses(group)).await.ok()?;
        Some((slice, facts))
    }

    /// Facts that may be committed. They are cross-checked at once: later, the node that answered
    /// may be one of those that cross-check.
    pub(super) async fn fetch_checked(
        &self,
        slice: Slice,
        tokens: &[Address],
    ) -> Result<RangeFacts, ChainError> {
        let answer = self.fetch_range(slice.from, slice.to, tokens, slice.detail).await?;
        self.cross_check(&answer, tokens, slice.detail).await?;
        let facts = RangeFacts::of(answer);
        self.prove_depth(slice.detail, &facts).await?;
        Ok(facts)
    }

    /// Far from the head no block is linked to it. So both sources must show that the chain goes on
    /// as far above the blocks as they claim; otherwise a false head would confirm blocks early and
    /// drop their headers. Near the head the first source's blocks are linked, and the second must
    /// have as many.
    async fn prove_depth(
        &self,
        detail: HeaderDetail,
        facts: &RangeFacts,
    ) -> Result<(), ChainError> {
        let Some(last) = facts.last() else {
            return Ok(());
        };
        let confirmations = match self.config.finality {
            Finality::Depth(confirmations) => confirmations,
            Finality::Finalized => 0,
        };
        if detail == HeaderDetail::Sparse {
            // A block is far from the head if it is below the lowest header held.
            let blocks = confirmations.max(self.config.retained_headers.saturating_add(1));
            let height = last.number.up(blocks);
            prove_height(&*self.source, height).await?;
            if let Some(second) = &self.second {
                prove_height(&**second, height).await?;
            }
        } else if let Some(second) = &self.second {
            prove_height(&**second, last.number.up(confirmations)).await?;
        }
        match &self.second {
            Some(second) if self.config.finality == Finality::Finalized => {
                self.second_final.prove(&**second, last).await
            }
            _ => Ok(()),
        }
    }

    /// Fetches and verifies a range.
    pub(super) async fn fetch_range(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        tokens: &[Address],
        detail: HeaderDetail,
    ) -> Result<LogsAnswer, ChainError> {
        let request = LogsRequest { from, to, filters: &[erc20::transfers_of(tokens)], detail };
        let answer = self.source.logs(request).await?;
        if let Some(header) = answer.headers.iter().find(|header| self.is_ahead_of_clock(header)) {
            return Err(ahead_of_clock(header));
        }
        answer.verify(&request)?;
        Ok(answer)
    }

    fn is_ahead_of_clock(&self, header: &BlockRef) -> bool {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(header.time.get());
        let ahead = time.duration_since(self.now).unwrap_or_default();
        self.config.clock_slack.is_some_and(|slack| ahead > slack)
    }
}

/// A block that two answers give with one hash but another time or other transfers: near the head
/// each block is read twice.
fn answered_differently(seen: &PendingSnapshot, facts: &RangeFacts) -> Option<BlockRef> {
    let differs = |block: &&PendingBlock| {
        let number = block.header.number;
        let Some(theirs) = facts.header(number).filter(|theirs| theirs.id() == block.header.id())
        else {
            return false;
        };
        let transfers = facts.transfers.iter().filter(|transfer| transfer.block == number);
        *theirs != block.header || !transfers.eq(&block.transfers)
    };
    seen.blocks.iter().find(differs).map(|block| block.header)
}

fn ahead_of_clock(header: &BlockRef) -> ChainError {
    let detail = format!(
        "block {header} has time {}, further ahead of this host's clock than clock_slack allows. \
         Nothing is committed meanwhile. If the clock is right, the node is not, unless the chain keeps \
         a time of its own: then raise clock_slack",
        header.time
    );
    ChainError::transient("check the time of a block", detail)
}

pub(super) fn addresses(group: &Group) -> Vec<Address> {
    group.tokens.iter().map(|token| token.spec.id.address).collect()
}
