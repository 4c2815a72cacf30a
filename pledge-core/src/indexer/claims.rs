//! Claims that a source has to prove: its head, its finalized block, the length of its chain.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Finality, IndexerConfig, Observed};
use crate::error::ChainError;
use crate::ports::{ChainSource, PendingSnapshot};
use crate::types::{BlockId, BlockNumber, BlockRef, BlockSpan};

/// The newest blocks that a node claims.
#[derive(Debug, Default)]
pub(super) struct Claims {
    head: Claim,
    finalized: Claim,
}

impl Claims {
    /// The newest blocks that the node reports, if they are plausible.
    ///
    /// A head near linked blocks is linked to them before it decides anything; one further away
    /// must be the block at its height. `linked` is the highest block linked already: a cursor or a
    /// block of `above`.
    pub(super) async fn observe(
        &mut self,
        source: &dyn ChainSource,
        config: &IndexerConfig,
        linked: Option<BlockNumber>,
        above: Option<&PendingSnapshot>,
    ) -> Result<Observed, ChainError> {
        let head = source.head().await?;
        let finalized = match config.finality {
            Finality::Depth(_) => None,
            Finality::Finalized => source.finalized().await?,
        };
        let is_near = |linked: BlockNumber| head.number <= linked.up(config.retained_headers);
        // A head that is near is read with every block below it anyway, and proven by that.
        if !linked.is_some_and(is_near) {
            self.head.prove(source, &head).await?;
        }
        if let Some(finalized) = &finalized.filter(|finalized| finalized.number > head.number) {
            let detail = format!("the finalized block {finalized} is above the head {head}");
            return Err(ChainError::block_gone("read the finalized block", detail));
        }
        if let Some(finalized) = &finalized {
            self.finalized.is_among(finalized, above);
            self.finalized.prove(source, finalized).await?;
        }
        Ok(Observed { head, finalized })
    }

    /// `BlockGone` unless the head is the block at its height, also near linked blocks.
    pub(super) async fn prove_head(
        &mut self,
        source: &dyn ChainSource,
        head: &BlockRef,
    ) -> Result<(), ChainError> {
        self.head.prove(source, head).await
    }
}

/// A block that a node claims under a tag, as its head or its finalized block.
#[derive(Debug, Default)]
struct Claim {
    /// The last claimed block that was found at its height.
    shown: Option<BlockId>,
}

impl Claim {
    /// Accepts a claimed block that is already linked to the ledger.
    fn is_among(&mut self, claimed: &BlockRef, linked: Option<&PendingSnapshot>) {
        let mut linked = linked.iter().flat_map(|linked| &linked.blocks);
        if linked.any(|block| block.header == *claimed) {
            self.shown = Some(claimed.id());
        }
    }

    /// `BlockGone` unless the block is the one at its height and the child of the one below.
    async fn prove(
        &mut self,
        source: &dyn ChainSource,
        claimed: &BlockRef,
    ) -> Result<(), ChainError> {
        if self.shown == Some(claimed.id()) {
            return Ok(());
        }
        // With the block below: a source links what it returns, so the claimed block must be the
        // child of that one.
        let shown = source.headers(BlockSpan::new(claimed.number.down(1), claimed.number)).await?;
        if shown.last() != Some(claimed) {
            let detail = format!("the node has another block than {claimed} at its height");
            return Err(ChainError::block_gone("look at a block that is claimed", detail));
        }
        self.shown = Some(claimed.id());
        Ok(())
    }
}

/// `BlockGone` unless a source returns the block at a height, linked to the one below.
///
/// A head is only a number that a node claims, and everything counted from the head depends on it:
/// what is confirmed, what is near, what is pruned. So a block far from the head counts as
/// confirmed only if the source shows that the chain goes on far enough above it. An earlier proof
/// does not count: the chain may have become shorter since.
pub(super) async fn prove_height(
    source: &dyn ChainSource,
    height: BlockNumber,
) -> Result<(), ChainError> {
    let shown = source.headers(BlockSpan::new(height.down(1), height)).await?;
    if shown.last().is_some_and(|shown| shown.number == height) {
        return Ok(());
    }
    let detail = format!("the node shows no block {height}, so its head is not where it claims");
    Err(ChainError::block_gone("look how deep the chain is", detail))
}

/// How far the chain is final for the second source.
#[derive(Debug, Default)]
pub(super) struct SecondFinal {
    /// One more than its highest finalized block seen so far.
    final_below: AtomicU64,
}

impl SecondFinal {
    /// `BlockGone` unless the source's finalized block is at least as high. What was final stays
    /// final.
    pub(super) async fn prove(
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
        let detail = format!("block {block} is not final for the second source");
        Err(ChainError::block_gone("cross-check a slice", detail))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;
    use crate::ports::PendingBlock;
    use crate::simulation::ScriptedChain;
    use crate::types::{ChainId, Timestamp};

    fn chain(blocks: u64) -> ScriptedChain {
        let chain = ScriptedChain::new(ChainId::new(1), Timestamp::ZERO);
        for _ in 0..blocks {
            chain.mine(Timestamp::ZERO, &[]);
        }
        chain
    }

    #[tokio::test]
    async fn a_height_is_shown_each_time_that_it_counts() {
        let (source, height) = (chain(70), BlockNumber::new(70));
        prove_height(&source, height).await.unwrap();
        source.fork_at(69);
        assert!(prove_height(&source, height).await.unwrap_err().is_block_gone());
    }

    #[tokio::test]
    async fn what_was_final_once_is_final() {
        let (source, second) = (chain(90), SecondFinal::default());
        let is_final = async |number| second.prove(&source, &source.block(number).unwrap()).await;
        source.set_finalized(Some(50));
        assert!(is_final(51).await.is_err());
        assert!(is_final(50).await.is_ok());
        source.set_finalized(None);
        assert!(is_final(50).await.is_ok());
        assert!(is_final(51).await.is_err());
        source.set_finalized(Some(80));
        assert!(is_final(80).await.is_ok());
    }

    #[tokio::test]
    async fn a_claim_that_is_linked_already_is_shown() {
        let [base, linked] = [6, 7].map(|number| BlockRef {
            number: BlockNumber::new(number),
            hash: B256::repeat_byte(0xab),
            parent_hash: B256::ZERO,
            time: Timestamp::ZERO,
        });
        let blocks = vec![PendingBlock { header: linked, transfers: Vec::new() }];
        let above = PendingSnapshot { base: base.id(), tokens: Vec::new(), blocks };
        // The source has no such block: asked for it, it refutes the claim.
        let source = chain(7);
        assert!(Claim::default().prove(&source, &linked).await.is_err());
        let mut claim = Claim::default();
        claim.is_among(&linked, Some(&above));
        claim.prove(&source, &linked).await.unwrap();
    }
}
