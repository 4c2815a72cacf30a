//! The blocks that a write adds.

use crate::types::{BlockId, BlockNumber, BlockRef, ChainId};

/// Blocks to add to what is followed at one cursor: the same for every kind of write.
#[derive(Debug, Clone)]
pub struct NewBlocks {
    /// The chain that the blocks are on.
    pub chain: ChainId,
    /// The cursor of everything in the write; `None` if nothing of it has one yet.
    pub base: Option<BlockId>,
    /// The cursor of what is further ahead on the chain and confirms these blocks: it must still be held
    /// when they are added. `None` where they are confirmed by the blocks above them.
    pub confirmed_by: Option<BlockId>,
    /// The first block added.
    pub first: BlockRef,
    /// The new cursor.
    pub tip: BlockRef,
    /// Headers to hold from now on, ascending. They belong to the chain: whichever write comes
    /// first adds them.
    pub headers: Vec<BlockRef>,
    /// Held headers below this height may be forgotten.
    pub retain_from: BlockNumber,
}

impl NewBlocks {
    /// Checks that the blocks are in chain order; otherwise the reason to refuse the write.
    pub fn check(&self) -> Result<(), String> {
        if self.first.number > self.tip.number {
            return Err(format!("block {} is above the tip {}", self.first, self.tip));
        }
        if !self.headers.is_sorted_by(|lower, upper| lower.number < upper.number) {
            return Err("the headers do not ascend".to_owned());
        }
        Ok(())
    }

    /// Checks that the blocks can follow a cursor: time must not decrease.
    pub fn check_follows(&self, cursor: Option<&BlockRef>) -> Result<(), String> {
        match cursor.filter(|cursor| self.first.time < cursor.time) {
            Some(cursor) => Err(format!("block {} is older than block {cursor}", self.first)),
            None => Ok(()),
        }
    }

    /// Checks that the block that confirms these is still held, and that no held header differs from
    /// the one given for its block; otherwise the reason to refuse the write. A hash covers the parent and the time, so one hash with two times is a
    /// contradiction too: what is followed on one chain would date one block differently.
    pub fn check_held(&self, held: impl Fn(BlockNumber) -> Option<BlockRef>) -> Result<(), String> {
        // A rewind since has taken it back, and with it the reason to call these confirmed.
        if let Some(by) = self.confirmed_by
            && held(by.number).is_none_or(|held| held.id() != by)
        {
            return Err(format!("block {by}, which confirms these, is not held any more"));
        }
        for header in &self.headers {
            let Some(held) = held(header.number).filter(|held| held != header) else {
                continue;
            };
            if held.hash != header.hash {
                return Err(format!("block {header} contradicts the held header {held}"));
            }
            return Err(format!(
                "block {header} comes with time {} and parent {}, and is held with time {} and \
                 parent {}",
                header.time, header.parent_hash, held.time, held.parent_hash
            ));
        }
        Ok(())
    }
}
