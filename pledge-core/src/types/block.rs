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

    /// The height.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The block after. Heights end at 2^64 - 1, which no chain reaches.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// `blocks` further up, at most the last height.
    #[must_use]
    pub const fn up(self, blocks: u64) -> Self {
        Self(self.0.saturating_add(blocks))
    }

    /// `blocks` further down, at least genesis.
    #[must_use]
    pub const fn down(self, blocks: u64) -> Self {
        Self(self.0.saturating_sub(blocks))
    }

    /// Blocks above `lower`, `None` if that one is higher.
    pub const fn above(self, lower: Self) -> Option<u64> {
        self.0.checked_sub(lower.0)
    }
}

impl fmt::Display for BlockNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A log's place inside its block.
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

    /// The index.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// One block among its rivals: height and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockId {
    /// Height.
    pub number: BlockNumber,
    /// Hash.
    pub hash: B256,
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number, self.hash)
    }
}

/// What the ledger needs of a block's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: BlockNumber,
    /// Hash.
    pub hash: B256,
    /// Hash of the block below.
    pub parent_hash: B256,
    /// The header's timestamp.
    pub time: Timestamp,
}

impl BlockRef {
    /// Height and hash.
    pub const fn id(&self) -> BlockId {
        BlockId { number: self.number, hash: self.hash }
    }

    /// Whether `child` stands directly on this block.
    pub fn is_parent_of(&self, child: &Self) -> bool {
        child.number == self.number.next() && child.parent_hash == self.hash
    }
}

impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}
