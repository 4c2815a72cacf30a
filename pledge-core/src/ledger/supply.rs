//! The ledger's supply compared with the contract's own.

use serde::{Deserialize, Serialize};

use super::TokenState;
use crate::types::{Amount, BlockNumber, Timestamp};

/// The ledger's supply and the contract's `totalSupply`, at one block of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplyCheck {
    /// The block that both figures are of.
    pub block: BlockNumber,
    /// Time of that block.
    pub time: Timestamp,
    /// Minted less burned, by the ledger.
    pub ledger: Amount,
    /// `totalSupply`, by the node.
    pub on_chain: Amount,
}

/// A node's answer for a `totalSupply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupplyAnswer {
    /// The supply in base units.
    Total(Amount),
    /// No answer, and why: pruned state, a contract without `totalSupply`.
    Missing(String),
}

impl SupplyCheck {
    /// Whether the two are equal.
    pub fn conserves(&self) -> bool {
        self.ledger == self.on_chain
    }
}

impl TokenState {
    /// Records an answer for the block of the cursor. A missing answer keeps the last check.
    pub fn record_supply(&mut self, answer: &SupplyAnswer) {
        match (answer, self.cursor) {
            (SupplyAnswer::Total(on_chain), Some(cursor)) => {
                self.supply_check = Some(SupplyCheck {
                    block: cursor.number,
                    time: cursor.time,
                    ledger: self.totals.supply,
                    on_chain: *on_chain,
                });
                self.supply_unanswered = None;
            }
            (SupplyAnswer::Total(_), None) => {}
            (SupplyAnswer::Missing(reason), _) => self.supply_unanswered = Some(reason.clone()),
        }
    }

    /// Forgets comparisons above an ancestor: they were of another branch.
    pub fn forget_supply_above(&mut self, ancestor: BlockNumber) {
        self.supply_check = self.supply_check.filter(|check| check.block <= ancestor);
        self.supply_unanswered = None;
    }

    /// The last check, if it found a difference: balances move without logs, or the ledger begins
    /// too late.
    pub fn non_conserving(&self) -> Option<&SupplyCheck> {
        self.supply_check.as_ref().filter(|check| !check.conserves())
    }
}
