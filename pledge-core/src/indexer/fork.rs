//! A fork that reaches the ledger: find the common ancestor and go back to it.

use super::driver::{Indexer, IndexerError, Poll};
use crate::error::{ChainError, StoreError};
use crate::ledger::TokenState;
use crate::ports::{PendingSnapshot, Rewind};
use crate::types::{BlockNumber, BlockRef};

/// Headers compared with the node at a time.
const PAGE_HEADERS: usize = 64;

impl Indexer {
    /// The head is not above the cursor: lag if we hold that very block, a fork if we hold another.
    pub(super) async fn check_lower_head(
        &mut self,
        cursor: &BlockRef,
        head: &BlockRef,
    ) -> Result<Poll, IndexerError> {
        if cursor.id() == head.id() {
            return Ok(Poll::Idle);
        }
        let held = self.store.headers(self.chain, head.number, 1).await?;
        match held.first().filter(|held| held.number == head.number) {
            Some(held) if held.hash == head.hash => Ok(Poll::Idle),
            Some(held) => self.resolve_fork(head, held).await,
            // So far below that it cannot be compared: a node that is syncing, so we wait.
            None => Err(ChainError::transient(
                "compare the head",
                format!(
                    "the node's head {head} is below every header held: it is syncing, was reset, \
                     or serves another chain. We wait until it has caught up; if it never will, \
                     use another node, or a new database for a chain that began anew"
                ),
            )
            .into()),
        }
    }

    /// Finds the common ancestor and rewinds every token that stands above it.
    ///
    /// `ours` is a block of the ledger that an answer of the node contradicts.
    pub(super) async fn resolve_fork(
        &mut self,
        head: &BlockRef,
        ours: &BlockRef,
    ) -> Result<Poll, IndexerError> {
        if ours.number <= head.number {
            let theirs = self.source.headers(ours.number, ours.number).await?;
            if theirs.first().is_some_and(|theirs| theirs.hash == ours.hash) {
                let detail =
                    format!("an answer did not fit block {ours}, but the node still has it");
                return Err(ChainError::block_gone("resolve a fork", detail).into());
            }
        }
        let ancestor = self.common_ancestor(head.number.min(ours.number)).await?;
        let mut tokens = Vec::new();
        for token in self.store.tokens(self.chain).await? {
            let leaves = |cursor: &BlockRef| {
                cursor.number >= ancestor.number && cursor.id() != ancestor.id()
            };
            if let Some(cursor) = token.cursor.filter(leaves) {
                self.require_ancestor(&ancestor, &token, &cursor).await?;
                tokens.push((token.spec.id, cursor.id()));
            }
        }
        if tokens.is_empty() {
            let detail = format!("the node no longer shows the fork above {ancestor}");
            return Err(ChainError::block_gone("resolve a fork", detail).into());
        }
        let rewind = Rewind { chain: self.chain, to: ancestor, tokens, vouched: false };
        let record = self.store.rewind(&rewind).await?;
        tracing::debug!(chain = %self.chain, to = %ancestor, "ledger rewound after a reorg");
        self.prefetched = None;
        let empty = PendingSnapshot { base: ancestor.id(), tokens: Vec::new(), blocks: Vec::new() };
        self.pending.store(self.chain, &empty).await?;
        Ok(Poll::Rewound(record))
    }

    /// The ancestor of some held headers is a token's ancestor only if held headers link it to the
    /// token's cursor: those of tokens that were far from the head may be of different branches.
    async fn require_ancestor(
        &self,
        ancestor: &BlockRef,
        token: &TokenState,
        cursor: &BlockRef,
    ) -> Result<(), IndexerError> {
        let blocks = cursor.number.above(ancestor.number).unwrap_or_default();
        let count = usize::try_from(blocks).unwrap_or(usize::MAX);
        let held = self.store.headers(self.chain, cursor.number, count).await?;
        let linked = held.windows(2).all(|pair| pair[1].is_parent_of(&pair[0]));
        let ends = held.first() == Some(cursor)
            && held.last().is_some_and(|lowest| ancestor.is_parent_of(lowest));
        // Below its first block a token has nothing that could be of another branch.
        if (linked && ends) || ancestor.number < token.spec.start_block {
            return Ok(());
        }
        let now = self.store.token(token.spec.id).await?;
        if now.is_some_and(|now| (now.cursor, now.epoch) != (token.cursor, token.epoch)) {
            return Err(StoreError::conflict("resolve a fork", "the token moved meanwhile").into());
        }
        Err(IndexerError::Halt(format!(
            "block {cursor} of token {} is not on the node's chain, and the headers held do not link it \
             to block {ancestor}: the reorg is deeper than retained_headers, or the node follows \
             another chain",
            token.spec.id
        )))
    }

    /// The newest held header at or below a height that is on the node's chain.
    async fn common_ancestor(&self, mut at_most: BlockNumber) -> Result<BlockRef, IndexerError> {
        let mut canonical_above: Option<BlockRef> = None;
        loop {
            let held = self.store.headers(self.chain, at_most, PAGE_HEADERS).await?;
            let (Some(newest), Some(lowest)) = (held.first(), held.last()) else {
                return self.parent_of_lowest(canonical_above).await;
            };
            let canonical = self.source.headers(lowest.number, newest.number).await?;
            let top = canonical.last().filter(|top| top.number == newest.number);
            let linked = match (&canonical_above, top) {
                (Some(above), Some(top)) => {
                    top.is_parent_of(above) || above.number > top.number.next()
                }
                (None, top) => top.is_some(),
                (Some(_), None) => false,
            };
            if !linked {
                let detail = format!("the chain moved while headers below {at_most} were read");
                return Err(ChainError::block_gone("find the common ancestor", detail).into());
            }
            let by_number = |header: &BlockRef| {
                let at = canonical.binary_search_by_key(&header.number, |c| c.number).ok()?;
                canonical.get(at)
            };
            let shared =
                |header: &&BlockRef| by_number(header).is_some_and(|c| c.hash == header.hash);
            if let Some(ancestor) = held.iter().find(shared) {
                return Ok(*ancestor);
            }
            canonical_above = canonical.first().copied();
            if lowest.number.get() == 0 {
                return Err(too_deep(lowest));
            }
            at_most = lowest.number.down(1);
        }
    }

    /// Every held header is orphaned. The block below them is shared if both branches stand on it.
    async fn parent_of_lowest(
        &self,
        canonical: Option<BlockRef>,
    ) -> Result<BlockRef, IndexerError> {
        let Some(canonical) = canonical else {
            return Err(IndexerError::Halt(
                "the ledger's newest block is not on the node's chain, and no header is held to \
                 compare: the node follows another chain, or the reorg is deeper than \
                 retained_headers"
                    .to_owned(),
            ));
        };
        let held = self.store.headers(self.chain, canonical.number, 1).await?;
        let lowest = held.first().filter(|held| held.number == canonical.number);
        let shares_parent = lowest.is_some_and(|held| held.parent_hash == canonical.parent_hash);
        if !shares_parent || canonical.number.get() == 0 {
            return Err(too_deep(&canonical));
        }
        let below = canonical.number.down(1);
        let parent = self.source.headers(below, below).await?;
        let parent = parent.first().filter(|parent| parent.is_parent_of(&canonical)).copied();
        parent.ok_or_else(|| {
            let detail = format!("block {below} is not the parent of {canonical}");
            ChainError::block_gone("find the common ancestor", detail).into()
        })
    }
}

fn too_deep(lowest: &BlockRef) -> IndexerError {
    IndexerError::Halt(format!(
        "the node's chain differs from every header held, down to block {}: the reorg is deeper \
         than retained_headers, or the node follows another chain. If the node is right, take the \
         ledger back to a block before the fork (`pledge rewind`), then resume the chain",
        lowest.number
    ))
}
