//! Confirmed blocks on their way into the projections, and what they came to.

use super::facts::RangeFacts;
use super::fetcher::Fetcher;
use super::followed::FollowedId;
use crate::ports::{HeaderDetail, NewBlocks};
use crate::types::{BlockId, BlockRef, ChainId};

/// Confirmed blocks with what was wanted of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks<'a> {
    /// Never without headers.
    pub(super) facts: &'a RangeFacts,
    /// Which headers they have.
    pub(super) detail: HeaderDetail,
    /// For a projection that takes fewer blocks, whose last has no header here.
    pub(super) fetcher: &'a Fetcher,
    /// The cursor of the group ahead, by which these are confirmed; `None` for the group in front.
    pub(super) confirmed_by: Option<BlockId>,
    /// How many headers below the tip are held.
    pub(super) retained_headers: u64,
}

impl Blocks<'_> {
    pub(super) fn first(&self) -> BlockRef {
        *self.facts.first().expect("a verified answer has headers")
    }

    pub(super) fn tip(&self) -> BlockRef {
        *self.facts.last().expect("a verified answer has headers")
    }

    /// The blocks as a write adds them.
    pub(super) fn new_blocks(&self, chain: ChainId, base: Option<BlockId>) -> NewBlocks {
        let (first, tip) = (self.first(), self.tip());
        // Counted from the committed blocks, not from a head that was only claimed.
        let retain_from = tip.number.down(self.retained_headers);
        let held = self.facts.headers.iter().filter(|header| header.number >= retain_from);
        let (confirmed_by, headers) = (self.confirmed_by, held.copied().collect());
        NewBlocks { chain, base, confirmed_by, first, tip, headers, retain_from }
    }
}

/// What the blocks came to.
#[derive(Debug)]
pub(super) struct Applied {
    /// What took them; a halted token did not.
    pub(super) taken: Vec<FollowedId>,
    /// The new cursor.
    pub(super) tip: BlockRef,
    /// The number of transfers folded.
    pub(super) transfers: u64,
    /// The number of logs that look like transfers and cannot be read.
    pub(super) unreadable: u64,
    /// The number of logs kept.
    pub(super) logs: u64,
}

impl Applied {
    pub(super) const fn nothing_at(tip: BlockRef) -> Self {
        Self { taken: Vec::new(), tip, transfers: 0, unreadable: 0, logs: 0 }
    }
}
