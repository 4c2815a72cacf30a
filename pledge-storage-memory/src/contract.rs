//! A contract whose logs are kept.

use std::collections::BTreeMap;

use pledge_core::error::StoreError;
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState};
use pledge_core::types::{BlockId, BlockNumber, ChainId, LogIndex};

/// A followed contract with its logs.
#[derive(Debug, Clone)]
pub(crate) struct Contract {
    pub(crate) state: ContractState,
    pub(crate) logs: BTreeMap<(BlockNumber, LogIndex), ConfirmedLog>,
}

impl Contract {
    pub(crate) const fn registered(spec: ContractSpec) -> Self {
        Self { state: ContractState::registered(spec), logs: BTreeMap::new() }
    }

    pub(crate) fn is_of(&self, chain: ChainId) -> bool {
        self.state.spec.id.chain == chain
    }

    /// `Conflict` unless the contract is at `base`.
    pub(crate) fn require_cursor(
        &self,
        operation: &'static str,
        base: Option<BlockId>,
    ) -> Result<(), StoreError> {
        let required = self.state.require_cursor(base);
        required.map_err(|detail| StoreError::conflict(operation, detail))
    }
}
