//! Marks on a token that is followed, but whose figures may be wrong.

use pledge_core::ledger::TokenState;
use pledge_core::types::{Amount, BlockNumber};
use serde::Serialize;
use utoipa::ToSchema;

use super::Eip55;

/// The marks of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Marks {
    /// Logs that look like transfers but cannot be read; their amounts are not counted.
    pub unreadable_logs: u64,
    /// Null unless the supplies of ledger and contract differed in the last comparison.
    pub non_conserving: Option<NonConserving>,
    /// Why the last attempt could not compare the supplies; null if it could.
    pub supply_unanswered: Option<String>,
}

/// Two supplies that should be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct NonConserving {
    /// The block at whose end they were compared.
    pub block: BlockNumber,
    /// Minted less burned, by the ledger.
    pub ledger: Amount,
    /// `totalSupply` of the contract.
    pub on_chain: Amount,
}

/// A token that has a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MarkedToken {
    address: Eip55,
    /// As its contract returned it.
    symbol: String,
    #[serde(flatten)]
    marks: Marks,
}

impl Marks {
    /// The marks of a token in this state.
    pub fn of(token: &TokenState) -> Self {
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
    pub(crate) fn without_texts(self) -> Self {
        let unanswered = self.supply_unanswered.map(|_| "see the log for the cause".to_owned());
        Self { supply_unanswered: unanswered, ..self }
    }

    /// Whether there is any.
    fn is_any(&self) -> bool {
        let Self { unreadable_logs, non_conserving, supply_unanswered } = self;
        *unreadable_logs > 0 || non_conserving.is_some() || supply_unanswered.is_some()
    }
}

impl MarkedToken {
    /// The marked ones among a chain's tokens.
    pub(super) fn among(tokens: &[TokenState]) -> Vec<Self> {
        let marked = tokens.iter().map(|token| Self {
            address: Eip55(token.spec.id.address),
            symbol: token.spec.metadata.symbol.clone(),
            marks: Marks::of(token).without_texts(),
        });
        marked.filter(|token| token.marks.is_any()).collect()
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::ledger::{SupplyAnswer, SupplyCheck, TokenMetadata, TokenSpec};
    use pledge_core::ports::Registry;
    use pledge_core::primitives::Address;
    use pledge_core::types::{ChainId, Decimals, Timestamp, TokenId};
    use pledge_storage_memory::MemoryStore;

    use super::*;

    async fn plain() -> TokenState {
        let (store, chain) = (MemoryStore::new(), ChainId::new(1));
        store.register_chain(chain, "test").await.unwrap();
        let metadata =
            TokenMetadata { symbol: "T".to_owned(), decimals: Decimals::new(0).unwrap() };
        let id = TokenId { chain, address: Address::repeat_byte(7) };
        let spec = TokenSpec { id, metadata, start_block: BlockNumber::new(0) };
        store.register_token(&spec).await.unwrap()
    }

    #[tokio::test]
    async fn a_token_is_marked_by_each_of_three_things_and_by_no_equal_supply() {
        let plain = plain().await;
        let compared = |on_chain: u64| {
            let (block, time) = (BlockNumber::new(7), Timestamp::ZERO);
            let (ledger, on_chain) = (Amount::from(50), Amount::from(on_chain));
            Some(SupplyCheck { block, time, ledger, on_chain })
        };
        let mut unanswered = plain.clone();
        unanswered.record_supply(&SupplyAnswer::Missing("pruned".to_owned()));
        let cases = [
            (TokenState { supply_check: compared(50), ..plain.clone() }, 0),
            (TokenState { supply_check: compared(150), ..plain.clone() }, 1),
            (TokenState { unreadable_logs: 1, ..plain }, 1),
            (unanswered, 1),
        ];
        for (token, marked) in cases {
            assert_eq!(MarkedToken::among(&[token]).len(), marked);
        }
    }

    #[tokio::test]
    async fn a_public_answer_has_no_text_of_a_node() {
        let mut token = plain().await;
        token.record_supply(&SupplyAnswer::Missing("https://node.example: pruned".to_owned()));
        let marked = serde_json::to_string(&MarkedToken::among(&[token])).unwrap();
        assert!(marked.contains("see the log") && !marked.contains("node.example"), "{marked}");
    }
}
