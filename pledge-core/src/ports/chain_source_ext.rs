//! What a chain source answers about ERC-20 contracts, made of its calls.

use alloy_primitives::Address;
use async_trait::async_trait;

use super::ChainSource;
use crate::error::ChainError;
use crate::ledger::TokenMetadata;
use crate::ledger::erc20::{self, METADATA_OPERATION, View};
use crate::types::{Account, Amount, BlockId, Call, CallOutcome};

/// How many heads a token's metadata is asked for at, if each is replaced meanwhile.
const HEADS_MAX: usize = 3;

/// Questions about ERC-20 contracts, for every [`ChainSource`].
#[async_trait]
pub trait ChainSourceExt: ChainSource {
    /// Symbol and decimals at the head; `Persistent` for an address without code or without
    /// `decimals()`.
    async fn token_metadata(&self, token: Address) -> Result<TokenMetadata, ChainError> {
        let calls = erc20::metadata_calls(token);
        let mut heads = 1;
        // Metadata is of no block in particular, so a head that was replaced is no reason to fail.
        let outcomes = loop {
            let at = self.head().await?.id();
            match ask(self, METADATA_OPERATION, &calls, at).await {
                Err(error) if error.is_block_gone() && heads < HEADS_MAX => heads += 1,
                outcomes => break outcomes?,
            }
        };
        let outcomes: Vec<Result<CallOutcome, ChainError>> = outcomes.into_iter().map(Ok).collect();
        erc20::metadata(token, outcomes.try_into().expect("one for each call"), None)
    }

    /// `balanceOf` for each account at a block, in the order asked; `Persistent` if the contract
    /// reverts or has no such function.
    async fn balances(
        &self,
        token: Address,
        accounts: &[Account],
        at: BlockId,
    ) -> Result<Vec<Amount>, ChainError> {
        let views: Vec<View> =
            accounts.iter().map(|account| View::BalanceOf(account.address())).collect();
        let calls: Vec<Call> = views.iter().map(|view| view.of(token)).collect();
        let outcomes = ask(self, "read balances", &calls, at).await?;
        views.iter().zip(outcomes).map(|(view, outcome)| view.amount(token, at, outcome)).collect()
    }

    /// `totalSupply` at a block; `Persistent` if the contract reverts or has no such function.
    async fn total_supply(&self, token: Address, at: BlockId) -> Result<Amount, ChainError> {
        let view = View::TotalSupply;
        let mut outcomes = ask(self, view.operation(), &[view.of(token)], at).await?;
        view.amount(token, at, outcomes.remove(0))
    }
}

impl<S: ChainSource + ?Sized> ChainSourceExt for S {}

/// One outcome for each call. A source that returns more or fewer has answered something else.
async fn ask<S: ChainSource + ?Sized>(
    source: &S,
    operation: &'static str,
    calls: &[Call],
    at: BlockId,
) -> Result<Vec<CallOutcome>, ChainError> {
    let outcomes = source.calls(calls, at).await.map_err(|error| error.during(operation))?;
    if outcomes.len() != calls.len() {
        let detail = format!("{} calls have {} outcomes", calls.len(), outcomes.len());
        return Err(ChainError::transient(operation, detail));
    }
    Ok(outcomes)
}
