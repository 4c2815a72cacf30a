//! The blocks above `confirmed`, held apart from the ledger.

use std::fmt::Debug;

use alloy_primitives::Address;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::ledger::Transfer;
use crate::types::{BlockId, BlockRef, ChainId};

/// One block that is not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingBlock {
    /// Its number, hash, parent hash and time.
    pub header: BlockRef,
    /// Its transfers of followed tokens.
    pub transfers: Vec<Transfer>,
}

/// The linked blocks above a base. Useless unless `base` is the ledger's cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSnapshot {
    /// The cursor that the blocks build on.
    pub base: BlockId,
    /// The tokens whose transfers the blocks contain, ascending.
    pub tokens: Vec<Address>,
    /// Ascending and linked; the first is the child of `base`.
    pub blocks: Vec<PendingBlock>,
}

impl PendingSnapshot {
    /// The newest block; `None` if there is none above the base.
    pub fn tip(&self) -> Option<&BlockRef> {
        self.blocks.last().map(|block| &block.header)
    }

    /// Whether every block is the child of the one before it, and the first of the base.
    pub fn is_linked(&self) -> bool {
        let mut below = self.base;
        self.blocks.iter().all(|block| {
            let header = &block.header;
            let is_child = header.number == below.number.next() && header.parent_hash == below.hash;
            below = header.id();
            is_child
        })
    }
}

/// Holds one snapshot per chain. It may forget at any time: the indexer rebuilds it. A loaded
/// snapshot may come from another instance that follows the same chain.
///
/// # Contract
/// - `load` returns the snapshot stored last, or nothing.
/// - Chains are independent of each other.
///
/// ```
/// use pledge_core::ports::{PendingCache, PendingSnapshot};
/// use pledge_core::types::{BlockId, BlockNumber, ChainId};
/// use pledge_storage_memory::MemoryPending;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = MemoryPending::default();
/// let mainnet = ChainId::new(1);
/// assert_eq!(cache.load(mainnet).await?, None);
///
/// let base = BlockId { number: BlockNumber::new(100), hash: [7; 32].into() };
/// let snapshot = PendingSnapshot { base, tokens: Vec::new(), blocks: Vec::new() };
/// cache.store(mainnet, &snapshot).await?;
/// assert_eq!(cache.load(mainnet).await?, Some(snapshot));
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait PendingCache: Debug + Send + Sync + 'static {
    /// The snapshot stored last; `None` if there is none.
    async fn load(&self, chain: ChainId) -> Result<Option<PendingSnapshot>, StoreError>;

    /// Replaces the chain's snapshot.
    async fn store(&self, chain: ChainId, snapshot: &PendingSnapshot) -> Result<(), StoreError>;
}
