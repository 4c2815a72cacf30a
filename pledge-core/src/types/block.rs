//! Block identity.

use std::fmt;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A block's height.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BlockNumber(u64);

impl BlockNumber {
    /// Wraps a height.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The height; genesis is 0.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next block. Heights end at 2^64 - 1, which no chain reaches.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The block `blocks` higher, at most the last height.
    #[must_use]
    pub const fn up(self, blocks: u64) -> Self {
        Self(self.0.saturating_add(blocks))
    }

    /// The block `blocks` lower, at least genesis.
    #[must_use]
    pub const fn down(self, blocks: u64) -> Self {
        Self(self.0.saturating_sub(blocks))
    }

    /// The number of blocks above `lower`; `None` if `lower` is higher.
    pub const fn above(self, lower: Self) -> Option<u64> {
        self.0.checked_sub(lower.0)
    }
}

impl fmt::Display for BlockNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Blocks from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockSpan {
    /// The lowest block.
    pub first: BlockNumber,
    /// The highest block. Where it is below the first, there are no such blocks.
    pub last: BlockNumber,
}

impl BlockSpan {
    /// The blocks from one to another.
    pub const fn new(first: BlockNumber, last: BlockNumber) -> Self {
        Self { first, last }
    }

    /// One block alone.
    pub const fn one(block: BlockNumber) -> Self {
        Self { first: block, last: block }
    }

    /// The heights of the blocks, ascending.
    pub fn numbers(self) -> impl Iterator<Item = BlockNumber> {
        (self.first.get()..=self.last.get()).map(BlockNumber::new)
    }

    /// Whether a height is that of one of the blocks.
    pub fn contains(self, block: BlockNumber) -> bool {
        self.first <= block && block <= self.last
    }
}

impl fmt::Display for BlockSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

/// A log's position in its block.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LogIndex(u64);

impl LogIndex {
    /// Wraps an index.
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// The index, counted from 0 over all logs of the block.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// One block among its rivals, by height and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockId {
    /// Height of the block.
    pub number: BlockNumber,
    /// Hash of the block's header.
    pub hash: B256,
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number, self.hash)
    }
}

/// The part of a block's header that the ledger needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height of the block.
    pub number: BlockNumber,
    /// Hash of the block's header.
    pub hash: B256,
    /// Hash of the block below.
    pub parent_hash: B256,
    /// The header's timestamp.
    pub time: Timestamp,
}

impl BlockRef {
    /// The block's height and hash.
    pub const fn id(&self) -> BlockId {
        BlockId { number: self.number, hash: self.hash }
    }

    /// Whether `child` is the next block and names this one as its parent.
    pub fn is_parent_of(&self, child: &Self) -> bool {
        child.number == self.number.next() && child.parent_hash == self.hash
    }
}

/// The reason to refuse a write that assumes another cursor than the one of `what`.
pub(crate) fn require_cursor(
    what: impl fmt::Display,
    cursor: Option<BlockRef>,
    assumed: Option<BlockId>,
) -> Result<(), String> {
    let cursor = cursor.map(|cursor| cursor.id());
    if cursor == assumed {
        return Ok(());
    }
    let name = |id: Option<BlockId>| id.map_or("its start".to_owned(), |id| id.to_string());
    Err(format!("{what} is at {}, not at {}", name(cursor), name(assumed)))
}

impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}
