//! What a rewind takes back, before it does: pure.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use serde::Serialize;

use super::followed::{Followed, FollowedId};
use crate::ledger::TokenState;
use crate::logs::ContractState;
use crate::types::{BlockId, BlockNumber, BlockRef, ChainId, ContractId, TokenId};

/// What a rewind to a block takes back: everything whose cursor is above it. Two plans are equal if they
/// take back the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RewindPlan {
    /// The chain.
    pub chain: ChainId,
    /// The newest block to keep.
    pub to: BlockNumber,
    /// The tokens above it, ascending.
    pub tokens: Vec<PlannedToken>,
    /// The contracts above it, ascending.
    pub contracts: Vec<PlannedContract>,
}

/// A token whose ledger would go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedToken {
    /// Which one.
    pub token: TokenId,
    /// Its symbol, as its contract returned it.
    pub symbol: String,
    /// Its newest block.
    pub from: BlockRef,
}

/// A contract whose logs would be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedContract {
    /// Which one.
    pub contract: ContractId,
    /// Its newest block.
    pub from: BlockRef,
}

impl RewindPlan {
    /// The plan of a chain whose tokens and contracts are these.
    pub fn of(
        chain: ChainId,
        to: BlockNumber,
        tokens: &[TokenState],
        contracts: &[ContractState],
    ) -> Self {
        let tokens = tokens.iter().filter_map(|state| {
            let from = state.cursor.filter(|cursor| cursor.number > to)?;
            let symbol = state.spec.metadata.symbol.clone();
            Some(PlannedToken { token: state.spec.id, symbol, from })
        });
        let contracts = contracts.iter().filter_map(|state| {
            let from = state.cursor.filter(|cursor| cursor.number > to)?;
            Some(PlannedContract { contract: state.spec.id.clone(), from })
        });
        let (mut tokens, mut contracts): (Vec<_>, Vec<_>) = (tokens.collect(), contracts.collect());
        tokens.sort_by_key(|one| one.token);
        contracts.sort_by(|one, other| one.contract.cmp(&other.contract));
        Self { chain, to, tokens, contracts }
    }

    /// Whether there is nothing to take back.
    pub const fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.contracts.is_empty()
    }

    /// A digest of the whole, which a plan that takes back something else has not.
    pub fn digest(&self) -> B256 {
        keccak256(serde_json::to_vec(self).expect("a plan is plain data"))
    }

    /// Whether exactly this is above the block among what is followed.
    pub(super) fn fits(&self, followed: &[Followed]) -> bool {
        let tokens = self.tokens.iter().map(|one| (FollowedId::Token(one.token), one.from.id()));
        let contracts = self
            .contracts
            .iter()
            .map(|one| (FollowedId::Contract(one.contract.clone()), one.from.id()));
        let planned: BTreeMap<FollowedId, BlockId> = tokens.chain(contracts).collect();
        let above = followed.iter().filter_map(|one| {
            let cursor = one.cursor.filter(|cursor| cursor.number > self.to)?;
            Some((one.id.clone(), cursor.id()))
        });
        planned == above.collect()
    }
}
