//! How deep a chain is, by what a source shows and not by what it says.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ChainError;
use crate::ports::ChainSource;
use crate::types::{BlockId, BlockNumber, BlockRef};

/// The heights that one source has shown a block at.
///
/// A head is a number that a node says, and everything that counts from the head follows it: what is
/// confirmed, what is near, what is pruned. So before a number decides, the node has to show a block
/// there.
#[derive(Debug, Default)]
pub(super) struct Depth {
    /// The highest block that was shown because one below it needs so many above.
    shown: AtomicU64,
    /// The head that was last found at its height.
    head: Option<BlockId>,
}

impl Depth {
    /// `BlockGone` unless the head is the block at its height.
    pub(super) async fn prove_head(
        &mut self,
        source: &dyn ChainSource,
        head: &BlockRef,
    ) -> Result<(), ChainError> {
        if self.head == Some(head.id()) {
            return Ok(());
        }
        let shown = source.headers(head.number, head.number).await?;
        if shown.first() != Some(head) {
            let detail = format!("the node has another block at the height of its head {head}");
            return Err(ChainError::block_gone("read the head", detail));
        }
        self.head = Some(head.id());
        Ok(())
    }

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
            match source.headers(height, height).await {
                Ok(shown) if shown.first().is_some_and(|shown| shown.number == height) => {
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

    /// Nothing counts any more: the chain went back.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
