//! How deep a chain is, by what a source shows and not by what it says.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ChainError;
use crate::ports::{ChainSource, PendingSnapshot};
use crate::types::{BlockId, BlockNumber, BlockRef};

/// A block that a node claims under a tag, as its head or its finalized block.
#[derive(Debug, Default)]
pub(super) struct Claim {
    /// The one that was last found at its height.
    shown: Option<BlockId>,
}

impl Claim {
    /// A block that is linked to the ledger by now was shown.
    pub(super) fn is_among(&mut self, claimed: &BlockRef, linked: Option<&PendingSnapshot>) {
        let mut linked = linked.iter().flat_map(|linked| &linked.blocks);
        if linked.any(|block| block.header == *claimed) {
            self.shown = Some(claimed.id());
        }
    }

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
    /// One more than the highest finalized block that it had.
    final_below: AtomicU64,
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
        let further = (ahead > height).then_some(ahead);
        for height in further.into_iter().chain([height]) {
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

    /// `BlockGone` unless the source's finalized block is as high as this one. What it had once it has.
    pub(super) async fn prove_final(
        &self,
        source: &dyn ChainSource,
        block: &BlockRef,
    ) -> Result<(), ChainError> {
        if block.number.get() < self.final_below.load(Ordering::Relaxed) {
            return Ok(());
        }
        let finalized = source.finalized().await?.map(|finalized| finalized.number);
        if let Some(finalized) = finalized.filter(|finalized| *finalized >= block.number) {
            self.final_below.store(finalized.get().saturating_add(1), Ordering::Relaxed);
            return Ok(());
        }
        let detail = format!("block {block} is not final for the audit");
        Err(ChainError::block_gone("audit a slice", detail))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;
    use crate::ports::PendingBlock;
    use crate::ports::mocks::MockChainSource;
    use crate::types::Timestamp;

    fn block(number: u8) -> BlockRef {
        let (number, hash) = (BlockNumber::new(number.into()), B256::with_last_byte(number));
        BlockRef { number, hash, parent_hash: B256::ZERO, time: Timestamp::ZERO }
    }

    #[tokio::test]
    async fn a_look_that_failed_is_not_repeated_at_the_same_height() {
        for (ahead, looks) in [(90, 2), (70, 1), (60, 1)] {
            let mut source = MockChainSource::new();
            source.expect_headers().times(looks).returning(|_, _| {
                let gone = ChainError::block_gone("read headers", "no such block");
                Box::pin(async { Err(gone) })
            });
            let [height, ahead] = [70, ahead].map(BlockNumber::new);
            let shown = Depth::default().prove(&source, height, ahead).await;
            assert!(shown.unwrap_err().is_block_gone());
        }
    }

    #[tokio::test]
    async fn what_is_final_is_asked_again_only_beyond_what_was_shown() {
        let mut source = MockChainSource::new();
        let mut finalized = [50, 50, 80].map(block).into_iter();
        source.expect_finalized().times(3).returning(move || {
            let finalized = finalized.next();
            Box::pin(async move { Ok(finalized) })
        });
        let depth = Depth::default();
        let mut seen = Vec::new();
        for number in [0, 40, 50, 51, 52, 80] {
            seen.push(depth.prove_final(&source, &block(number)).await.is_ok());
        }
        assert_eq!(seen, [true, true, true, false, true, true]);
    }

    #[tokio::test]
    async fn a_claim_that_is_linked_already_is_shown() {
        let blocks = vec![PendingBlock { header: block(7), transfers: Vec::new() }];
        let above = PendingSnapshot { base: block(6).id(), tokens: Vec::new(), blocks };
        // A source that is asked for anything fails the test.
        let source = MockChainSource::new();
        let mut claim = Claim::default();
        claim.is_among(&block(7), Some(&above));
        claim.prove(&source, &block(7)).await.unwrap();
    }
}
