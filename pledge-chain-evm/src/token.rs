//! The metadata that a token's contract returns.

use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolCall;
use pledge_core::error::ChainError;
use pledge_core::ledger::TokenMetadata;
use pledge_core::types::Decimals;
use serde_json::json;

use crate::chain::EvmChain;
use crate::classify::Fault;
use crate::contract_state::{Erc20, first_word, view_call};
use crate::failure::Failure;
use crate::http::{Answer, Call};
use crate::symbol::symbol;

pub(crate) const OPERATION: &str = "read a token's metadata";

/// Calls that a token's metadata takes.
pub(crate) const METADATA_CALLS: usize = 3;

/// Code, decimals and symbol, at the head.
pub(crate) fn metadata_calls(token: Address) -> [Call; METADATA_CALLS] {
    let latest = json!("latest");
    [
        code_call(token, "latest"),
        view_call(token, &Erc20::decimalsCall::new(()).abi_encode(), &latest),
        view_call(token, &Erc20::symbolCall::new(()).abi_encode(), &latest),
    ]
}

impl EvmChain {
    pub(crate) async fn read_metadata(&self, token: Address) -> Result<TokenMetadata, ChainError> {
        let answers = self.rpc().many(metadata_calls(token).into()).await;
        self.metadata(token, answers.try_into().expect("a batch has an answer for each call"), None)
    }

    /// The metadata in the answers to [`metadata_calls`].
    pub(crate) fn metadata(
        &self,
        token: Address,
        answers: [Answer; METADATA_CALLS],
        assumed: Option<Decimals>,
    ) -> Result<TokenMetadata, ChainError> {
        let [code, decimals, symbol] = answers;
        let code = self.bytes(code).map_err(|failure| failure.during(OPERATION))?;
        if code.is_empty() {
            return Err(no_code(OPERATION, token));
        }
        Ok(TokenMetadata {
            symbol: self.symbol(symbol)?,
            decimals: self.decimals(token, decimals, assumed)?,
        })
    }

    /// Those of the contract, or those assumed where it has none.
    fn decimals(
        &self,
        token: Address,
        answer: Answer,
        assumed: Option<Decimals>,
    ) -> Result<Decimals, ChainError> {
        let wrong = |what: String| {
            let detail = format!("{token} is no ERC-20 token that can be followed: {what}");
            ChainError::persistent(OPERATION, detail)
        };
        let none = |what: &str| {
            assumed.ok_or_else(|| wrong(format!("{what}: name them in its key `decimals`")))
        };
        // Only a contract without decimals gets the assumed ones: after a failure they could be
        // wrong, and every amount would be shown in another unit.
        let answer = match self.bytes(answer) {
            Ok(answer) => answer,
            Err(Failure { fault: Fault::Reverted, .. }) => return none("decimals() reverts"),
            Err(failure) => return Err(failure.during(OPERATION)),
        };
        let Some(decimals) = first_word(&answer) else {
            return none("decimals() is missing");
        };
        u8::try_from(decimals)
            .ok()
            .and_then(|decimals| Decimals::new(decimals).ok())
            .ok_or_else(|| wrong(format!("decimals() is {decimals}, the largest is 77")))
    }

    /// The symbol is optional in ERC-20: a contract without one has an empty symbol.
    fn symbol(&self, answer: Answer) -> Result<String, ChainError> {
        match self.bytes(answer) {
            Ok(answer) => Ok(symbol(&answer)),
            Err(Failure { fault: Fault::Reverted, .. }) => Ok(String::new()),
            Err(failure) => Err(failure.during(OPERATION)),
        }
    }

    pub(crate) fn bytes(&self, answer: Answer) -> Result<Bytes, Failure> {
        answer.and_then(|answer| self.rpc().parse(answer))
    }
}

pub(crate) fn code_call(token: Address, block: &str) -> Call {
    Call::new("eth_getCode", json!([token, block]))
}

pub(crate) fn no_code(operation: &'static str, token: Address) -> ChainError {
    let detail = format!(
        "no contract code at {token} now: the address or the chain is wrong, or the contract has \
         destroyed itself"
    );
    ChainError::persistent(operation, detail)
}
