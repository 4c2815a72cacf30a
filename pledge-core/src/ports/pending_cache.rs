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
    /// Its header.
    pub header: BlockRef,
    /// Its transfers of followed tokens.
    pub transfers: Vec<Transfer>,
}

/// The linked blocks above a base. Worth nothing unless `base` is the ledger's cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSnapshot {
    /// The cursor on which the blocks stand.
    pub base: BlockId,
    /// The tokens whose transfers the blocks hold, ascending.
    pub tokens: Vec<Address>,
    /// Ascending and linked; the first stands on `base`.
    pub blocks: Vec<PendingBlock>,
}

impl PendingSnapshot {
    /// The newest block, `None` if nothing stands above the base.
    pub fn tip(&self) -> Option<&BlockRef> {
        self.blocks.last().map(|block| &block.header)
    }

    /// Whether every block stands on the one before it, the first on the base.
    pub fn is_linked(&self) -> bool {
        let mut below = self.base;
        self.blocks.iter().all(|block| {
            let header = &block.header;
            let stands = header.number == below.number.next() && header.parent_hash == below.hash;
            below = header.id();
            stands
        })
    }
}

/// Holds one snapshot a chain. It may forget at any time: the indexer rebuilds it. Another instance that
/// follows the chain may have stored the snapshot that is loaded.
///
/// # Contract
/// - What was stored last is what is loaded, or nothing.
/// - Chains do not see each other.
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
    /// The snapshot last stored.
    async fn load(&self, chain: ChainId) -> Result<Option<PendingSnapshot>, StoreError>;

    /// Replaces the snapshot.
    async fn store(&self, chain: ChainId, snapshot: &PendingSnapshot) -> Result<(), StoreError>;
}
