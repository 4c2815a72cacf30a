//! The store before and after the configuration is checked against it.

use crate::config::StorageConfig;
use crate::stores::Stores;
use crate::wire;

/// A store to check a configuration against. The check creates nothing that does not exist.
pub(super) struct Unchecked {
    pub(super) stores: Stores,
    is_missing: bool,
}

impl Unchecked {
    /// Opens an existing store. For a missing file or an empty database it opens nothing.
    pub(super) async fn open(config: &StorageConfig) -> anyhow::Result<Self> {
        let (looked, found) = wire::look(config).await?;
        if found.is_empty() {
            return Ok(Self { stores: looked, is_missing: true });
        }
        looked.close().await;
        Ok(Self { stores: wire::open(config).await?, is_missing: false })
    }

    /// The store to work with, now that the configuration is right.
    pub(super) async fn checked(self, config: &StorageConfig) -> anyhow::Result<Stores> {
        if self.is_missing { wire::open(config).await } else { Ok(self.stores) }
    }
}
