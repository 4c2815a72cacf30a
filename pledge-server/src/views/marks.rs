//! What makes the figures of a token doubtful though it is followed.

use pledge_core::ledger::TokenState;
use pledge_core::types::{Amount, BlockNumber};
use serde::Serialize;

use super::Eip55;

/// The marks of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Marks {
    /// Logs that look like transfers and cannot be read: what they moved is not counted.
    pub(crate) unreadable_logs: u64,
    /// Null unless the ledger's supply and the contract's differed when they were compared last.
    pub(crate) non_conserving: Option<NonConserving>,
}

/// Two supplies that should be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct NonConserving {
    pub(crate) block: BlockNumber,
    /// Minted less burned, by the ledger.
    pub(crate) ledger: Amount,
    /// `totalSupply` of the contract.
    pub(crate) on_chain: Amount,
}

/// A token that has a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MarkedToken {
    address: Eip55,
    symbol: String,
    #[serde(flatten)]
    marks: Marks,
}

impl Marks {
    pub(crate) fn of(token: &TokenState) -> Self {
        let check = token.supply_check.filter(|check| !check.conserves());
        Self {
            unreadable_logs: token.unreadable_logs,
            non_conserving: check.map(|check| NonConserving {
                block: check.block,
                ledger: check.ledger,
                on_chain: check.on_chain,
            }),
        }
    }

    /// Each mark in words, for people.
    pub(crate) fn said(&self) -> Vec<String> {
        let unreadable = (self.unreadable_logs > 0).then(|| {
            format!(
                "{} that look like transfers cannot be read",
                crate::output::counted(self.unreadable_logs, "log")
            )
        });
        let supply = self.non_conserving.map(|NonConserving { block, ledger, on_chain }| {
            format!("at block {block} the supply was {ledger} here and {on_chain} by the contract")
        });
        unreadable.into_iter().chain(supply).collect()
    }
}

impl MarkedToken {
    /// Those among a chain's tokens.
    pub(crate) fn among(tokens: &[TokenState]) -> Vec<Self> {
        let marked = tokens.iter().map(|token| Self {
            address: Eip55(token.spec.id.address),
            symbol: token.spec.metadata.symbol.clone(),
            marks: Marks::of(token),
        });
        marked.filter(|token| !token.marks.said().is_empty()).collect()
    }
}
