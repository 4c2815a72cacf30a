//! The names of chains, which are known once the store is open.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use pledge_core::types::ChainId;

use crate::config::ChainConfig;

/// The names of chains. A clone is another handle to the same.
#[derive(Debug, Clone, Default)]
pub(super) struct ChainNames(Arc<OnceLock<BTreeMap<ChainId, String>>>);

impl ChainNames {
    /// Only the first call has an effect.
    pub(super) fn set(&self, chains: &[ChainConfig]) {
        let names = chains.iter().map(|chain| (chain.id, chain.name.clone())).collect();
        // An error means that they are known.
        let _ = self.0.set(names);
    }

    /// The name of a chain, or its id if it has none here.
    pub(super) fn of(&self, chain: ChainId) -> String {
        let name = self.0.get().and_then(|names| names.get(&chain));
        name.cloned().unwrap_or_else(|| chain.to_string())
    }
}
