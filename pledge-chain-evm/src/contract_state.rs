//! Contract state at a block.

use std::sync::atomic::Ordering;

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolCall;
use pledge_core::error::ChainError;
use pledge_core::types::{Account, Amount, BlockId};
use serde_json::{Value, json};

use crate::chain::EvmChain;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::{Answer, Call};

sol! {
    interface Erc20 {
        function balanceOf(address account) external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function decimals() external view returns (uint256);
        function symbol() external view returns (string);
    }
}

/// One view function of a contract, at a block.
struct View<'a> {
    operation: &'static str,
    function: &'static str,
    token: Address,
    at: &'a BlockId,
}

impl EvmChain {
    pub(crate) async fn read_balances(
        &self,
        token: Address,
        accounts: &[Account],
        at: BlockId,
    ) -> Result<Vec<Amount>, ChainError> {
        let view = View { operation: "read balances", function: "balanceOf", token, at: &at };
        let inputs: Vec<Vec<u8>> = accounts
            .iter()
            .map(|account| Erc20::balanceOfCall::new((account.address(),)).abi_encode())
            .collect();
        self.amounts(&view, &inputs).await
    }

    pub(crate) async fn read_total_supply(
        &self,
        token: Address,
        at: BlockId,
    ) -> Result<Amount, ChainError> {
        let view =
            View { operation: "read the total supply", function: "totalSupply", token, at: &at };
        let input = Erc20::totalSupplyCall::new(()).abi_encode();
        let amounts = self.amounts(&view, &[input]).await?;
        Ok(amounts[0])
    }

    /// The amount that each input gives, in the order asked.
    async fn amounts(
        &self,
        view: &View<'_>,
        inputs: &[Vec<u8>],
    ) -> Result<Vec<Amount>, ChainError> {
        // At most two rounds: a node without EIP-1898 is asked by number for good, since every
        // later question by hash would cost a refusal first.
        loop {
            let by_number = self.state_by_number.load(Ordering::Relaxed);
            let block = if by_number {
                json!(format!("{:#x}", view.at.number.get()))
            } else {
                json!({ "blockHash": view.at.hash })
            };
            let answers = self.ask_state(view, inputs, &block).await?;
            let refused = |answer: &Answer| matches!(answer, Err(f) if f.fault == Fault::BadParams);
            if !by_number && answers.iter().any(refused) {
                tracing::info!(
                    endpoint = self.endpoint(),
                    "the node takes no block hash in eth_call, asking by number"
                );
                self.state_by_number.store(true, Ordering::Relaxed);
                continue;
            }
            return answers.into_iter().map(|answer| self.amount(view, answer)).collect();
        }
    }

    /// Asks between two looks at the block: state that was read by number is of that block only if
    /// the block stayed where it was.
    async fn ask_state(
        &self,
        view: &View<'_>,
        inputs: &[Vec<u8>],
        block: &Value,
    ) -> Result<Vec<Answer>, ChainError> {
        self.expect_block(view).await?;
        let calls =
            inputs.iter().map(|input| view_call(view.token, input, block).with_alternative());
        let calls = calls.collect();
        let answers = self.rpc().many(calls).await;
        self.expect_block(view).await?;
        Ok(answers)
    }

    async fn expect_block(&self, view: &View<'_>) -> Result<(), ChainError> {
        let header = self.headers_of(view.operation, &[view.at.number]).await.remove(0)?.block;
        if header.id() != *view.at {
            let detail = format!("block {} was replaced by {header}", view.at);
            return Err(ChainError::block_gone(view.operation, detail));
        }
        Ok(())
    }

    fn amount(&self, view: &View<'_>, answer: Answer) -> Result<Amount, ChainError> {
        let answer = answer.and_then(|answer| self.rpc().parse::<Bytes>(answer));
        let answer = answer.map_err(|failure| view.failed(failure))?;
        first_word(&answer).map(Amount::new).ok_or_else(|| {
            let View { function, token, at, .. } = view;
            let detail = format!(
                "{token} has no {function}() at block {at}: the answer has {} bytes",
                answer.len()
            );
            ChainError::persistent(view.operation, detail)
        })
    }
}

impl View<'_> {
    fn failed(&self, mut failure: Failure) -> ChainError {
        let Self { function, token, at, .. } = self;
        failure.detail = format!("{function}() of {token} at block {at}: {}", failure.detail);
        failure.during(self.operation)
    }
}

/// An `eth_call` without sender, value or gas price.
pub(crate) fn view_call(token: Address, input: &[u8], block: &Value) -> Call {
    let input = Bytes::copy_from_slice(input);
    // Old nodes read `data`, new ones `input`; both take both.
    let call = json!({ "to": token, "data": input, "input": input });
    Call::new("eth_call", json!([call, block]))
}

/// The unsigned integer at the start of an answer: every width of a Solidity integer has 32 bytes.
pub(crate) fn first_word(answer: &[u8]) -> Option<U256> {
    answer.first_chunk::<32>().map(|word| U256::from_be_bytes(*word))
}
