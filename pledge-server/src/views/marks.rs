//! Marks on a token that is followed, but whose figures may be wrong.

use pledge_core::ledger::TokenState;
use pledge_core::types::{Amount, BlockNumber};
use serde::Serialize;

use super::Eip55;

/// The marks of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Marks {
    /// Logs that look like transfers but cannot be read; their amounts are not counted.
    pub(crate) unreadable_logs: u64,
    /// Null unless the supplies of ledger and contract differed in the last comparison.
    pub(crate) non_conserving: Option<NonConserving>,
    /// Why the last attempt could not compare the supplies; null if it could.
    pub(crate) supply_unanswered: Option<String>,
}

/// Two supplies that should be equal.
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
            supply_unanswered: token.supply_unanswered.clone(),
        }
    }

    /// Removes the texts of nodes, for public answers.
    fn without_texts(self) -> Self {
        let unanswered = self.supply_unanswered.map(|_| "see the log for the cause".to_owned());
        Self { supply_unanswered: unanswered, ..self }
    }

    /// Each mark as a sentence.
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
        let unanswered = self.supply_unanswered.as_ref();
        let unanswered = unanswered.map(|why| format!("the supply could not be compared: {why}"));
        unreadable.into_iter().chain(supply).chain(unanswered).collect()
    }
}

impl MarkedToken {
    /// The marked ones among a chain's tokens.
    pub(crate) fn among(tokens: &[TokenState]) -> Vec<Self> {
        let marked = tokens.iter().map(|token| Self {
            address: Eip55(token.spec.id.address),
            symbol: token.spec.metadata.symbol.clone(),
            marks: Marks::of(token).without_texts(),
        });
        marked.filter(|token| !token.marks.said().is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::ledger::{SupplyAnswer, SupplyCheck};
    use pledge_core::types::Timestamp;
    use pledge_storage_memory::MemoryStore;

    use super::*;
    use crate::stores::Stores;
    use crate::test_chain::{TestChain, token};

    #[tokio::test]
    async fn a_token_is_marked_by_each_of_three_things_and_by_no_equal_supply() {
        let stores = Stores::of(MemoryStore::new());
        TestChain::open(&stores).await;
        let plain = token(&stores).await;
        let compared = |on_chain: u64| {
            let (block, time) = (BlockNumber::new(7), Timestamp::ZERO);
            let (ledger, on_chain) = (Amount::from(50), Amount::from(on_chain));
            Some(SupplyCheck { block, time, ledger, on_chain })
        };
        let mut unanswered = plain.clone();
        unanswered.record_supply(&SupplyAnswer::Missing("pruned".to_owned()));
        let cases = [
            (TokenState { supply_check: compared(50), ..plain.clone() }, None),
            (TokenState { supply_check: compared(150), ..plain.clone() }, Some("50 here and 150")),
            (TokenState { unreadable_logs: 1, ..plain }, Some("1 log that look")),
            (unanswered, Some("pruned")),
        ];
        for (token, expected) in cases {
            let said = Marks::of(&token).said().join("; ");
            assert_eq!(said.is_empty(), expected.is_none(), "{said}");
            assert!(said.contains(expected.unwrap_or_default()), "{said}");
            assert_eq!(MarkedToken::among(&[token]).len(), usize::from(expected.is_some()));
        }
    }
}
