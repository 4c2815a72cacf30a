//! The blocks above the cursor: followed to the head, thrown away on a fork, rebuilt at any time.

use std::sync::Arc;

use alloy_primitives::Address;

use super::facts::{RangeFacts, Wanted};
use super::fetcher::Fetcher;
use super::outcome::IndexerError;
use crate::error::ChainError;
use crate::ports::{PendingBlock, PendingCache, PendingSnapshot};
use crate::types::{BlockNumber, BlockRef, BlockSpan, ChainId, Log};

/// How often one refresh asks for more blocks when a node answers in parts.
const REFRESH_ROUNDS_MAX: usize = 16;

/// The blocks above the cursor of the group in front, and what readers see of them.
#[derive(Debug)]
pub(super) struct PendingBlocks {
    chain: ChainId,
    /// Written for readers. It may hold blocks from elsewhere, so it decides nothing.
    cache: Arc<dyn PendingCache>,
    /// The blocks as this value read them from the source.
    above: Option<PendingSnapshot>,
    /// What was wanted of them, and the logs of contracts among it: readers see none of these.
    wanted: Wanted,
    logs: Vec<Log>,
}

impl PendingBlocks {
    pub(super) fn new(chain: ChainId, cache: Arc<dyn PendingCache>) -> Self {
        Self { chain, cache, above: None, wanted: Wanted::default(), logs: Vec::new() }
    }

    /// The blocks read so far.
    pub(super) const fn known(&self) -> Option<&PendingSnapshot> {
        self.above.as_ref()
    }

    /// The height of the newest block read so far.
    pub(super) fn tip(&self) -> Option<BlockNumber> {
        self.above.as_ref().and_then(PendingSnapshot::tip).map(|tip| tip.number)
    }

    /// A block that two answers give with one hash but another time, other transfers or other logs:
    /// near the head each block is read twice.
    pub(super) fn contradicted_by(&self, facts: &RangeFacts) -> Option<BlockRef> {
        let differs = |block: &&PendingBlock| {
            let number = block.header.number;
            let Some(theirs) =
                facts.header(number).filter(|theirs| theirs.id() == block.header.id())
            else {
                return false;
            };
            let transfers = facts.transfers.iter().filter(|transfer| transfer.block == number);
            let of_block = |log: &&Log| log.block == number;
            let logs = facts.logs.iter().filter(of_block);
            *theirs != block.header
                || !transfers.eq(&block.transfers)
                || !logs.eq(self.logs.iter().filter(of_block))
        };
        self.above.iter().flat_map(|above| &above.blocks).find(differs).map(|block| block.header)
    }

    /// Drops the blocks; readers still see what was shown.
    pub(super) fn forget(&mut self) {
        self.above = None;
    }

    /// Brings the pending blocks up to the head. `None` if the head does not descend from the
    /// cursor: a fork that reaches the ledger.
    ///
    /// Only blocks that this value read itself count, because they confirm the blocks below the
    /// head.
    pub(super) async fn refresh(
        &mut self,
        fetcher: &Fetcher,
        wanted: &Wanted,
        cursor: &BlockRef,
        head: &BlockRef,
    ) -> Result<Option<PendingSnapshot>, IndexerError> {
        // Blocks that were fetched for others lack what is wanted of these.
        let above = self.above.take().filter(|_| self.wanted == *wanted);
        let blocks = above.map(|above| rebase(above, cursor).blocks).unwrap_or_default();
        let tokens = wanted.tokens.clone();
        let mut snapshot = PendingSnapshot { base: cursor.id(), tokens, blocks };
        self.wanted = wanted.clone();
        self.logs.retain(|log| snapshot.blocks.iter().any(|b| b.header.id() == log.block_id()));
        if !is_prefix(&snapshot, head) {
            let mut is_first_try = true;
            for _ in 0..REFRESH_ROUNDS_MAX {
                let tip = snapshot.tip().copied().unwrap_or(*cursor);
                if tip.number >= head.number && tip.hash == head.hash {
                    break;
                }
                let fetched = fetch_above(fetcher, &tip, head, wanted).await;
                if fetched.is_err() {
                    // The blocks read so far are linked and need not be read again.
                    self.above = Some(snapshot.clone());
                }
                match fetched? {
                    Some(mut facts) => {
                        self.logs.append(&mut facts.logs);
                        snapshot.blocks.extend(blocks_of(facts));
                    }
                    None if snapshot.blocks.is_empty() => return Ok(None),
                    // The blocks read before are of a branch that was left: once, all are read
                    // again from the cursor.
                    None if is_first_try => {
                        is_first_try = false;
                        snapshot.blocks.clear();
                        self.logs.clear();
                    }
                    None => return Err(differs(head, "the blocks below it are of two branches")),
                }
            }
        }
        let is_head = |block: &&PendingBlock| block.header.id() == head.id();
        if snapshot.blocks.iter().find(is_head).is_some_and(|block| block.header != *head) {
            return Err(differs(head, "its block has another time"));
        }
        self.show(snapshot.clone()).await?;
        Ok(Some(snapshot))
    }

    /// Handles a head that is the cursor: there is no block above it, unless some are known.
    pub(super) async fn show_none_yet(
        &mut self,
        tokens: Vec<Address>,
        cursor: &BlockRef,
    ) -> Result<(), IndexerError> {
        let base = cursor.id();
        let is_known = |above: &PendingSnapshot| above.base == base && above.tokens == tokens;
        if self.above.as_ref().is_some_and(is_known) {
            return Ok(());
        }
        self.show(PendingSnapshot { base, tokens, blocks: Vec::new() }).await
    }

    /// Publishes that no block above the cursor is held, for no token, so that no reader takes the
    /// confirmed balance for the newest.
    pub(super) async fn show_nothing_above(&mut self, at: &BlockRef) -> Result<(), IndexerError> {
        let nothing = PendingSnapshot { base: at.id(), tokens: Vec::new(), blocks: Vec::new() };
        self.show(nothing).await
    }

    /// Moves the base of the pending blocks to the new cursor.
    pub(super) async fn trim(
        &mut self,
        snapshot: PendingSnapshot,
        cursor: &BlockRef,
    ) -> Result<(), IndexerError> {
        self.show(rebase(snapshot, cursor)).await
    }

    /// Keeps the blocks above the cursor and publishes them to readers.
    async fn show(&mut self, snapshot: PendingSnapshot) -> Result<(), IndexerError> {
        // Compared with what the cache has now: it may have lost what was stored.
        let shown = self.cache.load(self.chain).await?;
        let is_shown = shown.as_ref() == Some(&snapshot);
        let snapshot = self.above.insert(snapshot);
        if !is_shown {
            self.cache.store(self.chain, snapshot).await?;
        }
        Ok(())
    }
}

/// The blocks above `tip`; `None` if the first is not its child.
async fn fetch_above(
    fetcher: &Fetcher,
    tip: &BlockRef,
    head: &BlockRef,
    wanted: &Wanted,
) -> Result<Option<RangeFacts>, ChainError> {
    if head.number <= tip.number {
        return Ok(None);
    }
    let above = BlockSpan::new(tip.number.next(), head.number);
    let facts = fetcher.unconfirmed(above, wanted).await?;
    let follows = facts.first().is_some_and(|first| tip.is_parent_of(first));
    Ok(follows.then_some(facts))
}

/// The error for answers about the head and the blocks below it that do not fit: both are read
/// again.
fn differs(head: &BlockRef, how: &str) -> IndexerError {
    let detail = format!("the head is {head}, but {how}");
    ChainError::transient("follow the head", detail).into()
}

/// The part of a snapshot above the cursor: empty, unless the cursor is its base or one of its
/// blocks.
fn rebase(snapshot: PendingSnapshot, cursor: &BlockRef) -> PendingSnapshot {
    let base = cursor.id();
    if snapshot.base == base {
        return snapshot;
    }
    let PendingSnapshot { tokens, mut blocks, .. } = snapshot;
    let at = blocks.iter().position(|block| block.header.id() == base);
    let blocks = at.map(|at| blocks.split_off(at + 1)).unwrap_or_default();
    PendingSnapshot { base, tokens, blocks }
}

/// Whether the head is one of the blocks we hold: the node lags, which is no fork.
fn is_prefix(snapshot: &PendingSnapshot, head: &BlockRef) -> bool {
    snapshot.base == head.id() || snapshot.blocks.iter().any(|block| block.header.id() == head.id())
}

fn blocks_of(facts: RangeFacts) -> Vec<PendingBlock> {
    let mut transfers = facts.transfers.into_iter().peekable();
    let blocks = facts.headers.into_iter().map(|header| PendingBlock {
        header,
        transfers: std::iter::from_fn(|| transfers.next_if(|t| t.block == header.number)).collect(),
    });
    blocks.collect()
}
