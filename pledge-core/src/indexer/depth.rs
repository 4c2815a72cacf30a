//! How deep a chain is, by what a source shows and not by what it says.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ChainError;
use crate::ports::ChainSource;
use crate::types::{BlockId, BlockNumber, BlockRef};

/// A block that a node claims under a tag, as its head or its finalized block.
#[derive(Debug, Default)]
pub(super) struct Claim {
    /// The one that was last found at its height.
    shown: Option<BlockId>,
}

impl Claim {
    /// `BlockGone` unless the block is the one at its height, and stands on the one below.
    pub(super) async fn prove(
        &mut self,
        source: &dyn ChainSource,
        claimed: &BlockRef,
    ) -> Result<(), ChainError> {
        if self.shown == Some(claimed.id()) {
            return Ok(());
        }
        let shown = source.headers(claimed.number.down(1), claimed.number).await?;
        if shown.last() != Some(claimed) {
            let detail = format!("the node has another block than {claimed} at its height");
            return Err(ChainError::block_gone("look at a block that is claimed", detail));
        }
        self.shown = Some(claimed.id());
        Ok(())
    }
}

/// The heights that one source has shown a block at.
///
/// A head is a number that a node says, and everything that counts from the head follows it: what is
/// confirmed, what is near, what is pruned. So before a number decides, the node has to show a block
/// there, and the one below that it stands on.
#[derive(Debug, Default)]
pub(super) struct Depth {
    /// The highest block that was shown because one below it needs so many above.
    shown: AtomicU64,
}

impl Depth {
    /// `BlockGone` unless there is a block at a height. With one look for the heights up to `ahead`,
    /// where there is a block as well.
    pub(super) async fn prove(
        &self,
        source: &dyn ChainSource,
        height: BlockNumber,
        ahead: BlockNumber,
    ) -> Result<(), ChainError> {
        if height.get() <= self.shown.load(Ordering::Relaxed) {
            return Ok(());
        }
        for height in [height.max(ahead), height] {
            match source.headers(height.down(1), height).await {
                Ok(shown) if shown.last().is_some_and(|shown| shown.number == height) => {
                    self.shown.store(height.get(), Ordering::Relaxed);
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) if error.is_block_gone() => {}
                Err(error) => return Err(error),
            }
        }
        let detail = format!("the node shows no block {height}, so its head is not where it says");
        Err(ChainError::block_gone("look how deep the chain is", detail))
    }
}
