//! One slice of confirmed blocks, from the source into the ledger.

use alloy_primitives::Address;

use super::driver::{Group, Indexer, IndexerError, Poll};
use super::{Observed, Slice, plan};
use crate::error::ChainError;
use crate::ports::{HeaderDetail, PendingSnapshot, RangeFacts, RangeRequest};
use crate::types::{BlockNumber, BlockRef};

/// A slice fetched while the one before it was being committed.
#[derive(Debug)]
pub(super) struct Prefetched {
    slice: Slice,
    tokens: Vec<Address>,
    facts: RangeFacts,
}

impl Prefetched {
    /// Whether it is a prefix of what a slice asks for. Between two polls the head may go down and
    /// tokens may come and go.
    fn answers(&self, slice: Slice, tokens: &[Address]) -> bool {
        (self.slice.from, self.slice.detail) == (slice.from, slice.detail)
            && self.facts.last().is_some_and(|last| last.number <= slice.to)
            && self.tokens == tokens
    }
}

impl Indexer {
    /// Brings a group of tokens one slice further.
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
        if let Some(cursor) = group.cursor.filter(|_| is_front) {
            if head.number <= cursor.number {
                return self.check_lower_head(&cursor, head).await;
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
            return Ok(Poll::Idle);
        };
        let facts = self.fetch(slice, group).await?;
        if let Some(ours) = self.orphaned_by(group, &facts).await? {
            return self.resolve_fork(head, &ours).await;
        }
        let tip = *facts.last().expect("a verified answer has headers");
        if near_head {
            self.check_on_branch(seen.as_ref(), &tip, observed).await?;
        }
        let following = plan(&self.config, head.number, target, tip.number.next(), join_at)
            .filter(|slice| slice.detail == HeaderDetail::Sparse);
        let (committed, prefetched) = tokio::join!(
            self.commit(group, head.number, &facts, slice.detail),
            self.prefetch(following, group)
        );
        self.prefetched = prefetched;
        let committed = committed?;
        if let Some(snapshot) = seen {
            self.trim_pending(snapshot, &committed.tip).await?;
        }
        Ok(Poll::Advanced(committed.progress(target)))
    }

    /// A block of ours that the facts leave on another branch: the cursor, if they do not stand on
    /// it, or a header that another token holds inside their range.
    async fn orphaned_by(
        &self,
        group: &Group,
        facts: &RangeFacts,
    ) -> Result<Option<BlockRef>, IndexerError> {
        let (Some(first), Some(last)) = (facts.headers.first(), facts.last()) else {
            return Ok(None);
        };
        if let Some(cursor) = group.cursor.filter(|cursor| !cursor.is_parent_of(first)) {
            return Ok(Some(cursor));
        }
        let held = self.store.headers(self.chain, last.number, 1).await?;
        let contradicts = |held: &BlockRef| {
            let theirs = facts.header(held.number);
            theirs.is_some_and(|theirs| theirs.hash != held.hash)
        };
        Ok(held.first().copied().filter(contradicts))
    }

    /// Near the head a block is confirmed only as part of the branch that the head stands on, and the
    /// finalized block where that is asked for: the chain may have moved since they were read.
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
        match self.prefetched.take() {
            Some(ready) if ready.answers(slice, &tokens) => Ok(ready.facts),
            _ => Ok(self.fetch_audited(slice, &tokens).await?),
        }
    }

    /// A failure to prefetch is no failure: the slice is asked for again when its turn comes.
    async fn prefetch(&self, slice: Option<Slice>, group: &Group) -> Option<Prefetched> {
        let slice = slice?;
        let tokens = addresses(group);
        let facts = self.fetch_audited(slice, &tokens).await.ok()?;
        Some(Prefetched { slice, tokens, facts })
    }

    /// What may be committed. It is audited at once: later, whoever answered may be one of those that
    /// audit.
    pub(super) async fn fetch_audited(
        &self,
        slice: Slice,
        tokens: &[Address],
    ) -> Result<RangeFacts, ChainError> {
        let facts = self.fetch_range(slice.from, slice.to, tokens, slice.detail).await?;
        self.audit(&facts, tokens, slice.detail).await?;
        Ok(facts)
    }

    /// Fetches and verifies a range.
    pub(super) async fn fetch_range(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        tokens: &[Address],
        detail: HeaderDetail,
    ) -> Result<RangeFacts, ChainError> {
        let request = RangeRequest { from, to, tokens, detail };
        let facts = self.source.range(request).await?;
        facts.verify(&request)?;
        Ok(facts)
    }
}

pub(super) fn addresses(group: &Group) -> Vec<Address> {
    group.tokens.iter().map(|token| token.spec.id.address).collect()
}
