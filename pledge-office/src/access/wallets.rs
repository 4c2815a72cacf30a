//! Asks chains whether accounts signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::ports::ChainSource;
use pledge_core::primitives::{Address, B256};
use pledge_core::types::ChainId;

use super::{Inquiry, NotSigned, SignedBy, WalletSignature};

/// The chains on which the code of accounts is looked up.
///
/// Whether an account signed is judged by the state of its chain at the head: what its contract accepts now.
#[derive(Debug, Clone)]
pub struct Wallets(BTreeMap<ChainId, Arc<dyn ChainSource>>);

/// Why an account is not known to have signed.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// It has not.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// Its chain is none of those that are asked.
    #[error("chain {0} is none of those that this server follows")]
    UnknownChain(ChainId),
    /// Its chain gave no answer, so that nothing is known: a later attempt may succeed.
    #[error("whether the account signed cannot be found out now")]
    Chain(#[source] ChainError),
}

/// How often a head is read that is gone when it is asked about.
const HEADS_MAX: usize = 3;

impl Wallets {
    /// With the sources of the chains.
    pub const fn new(sources: BTreeMap<ChainId, Arc<dyn ChainSource>>) -> Self {
        Self(sources)
    }

    /// The chains that are asked, ascending.
    pub fn chains(&self) -> impl Iterator<Item = ChainId> {
        self.0.keys().copied()
    }

    /// How an account of a chain signed a digest.
    pub async fn check(
        &self,
        chain: ChainId,
        account: Address,
        digest: B256,
        signature: &WalletSignature,
    ) -> Result<SignedBy, WalletError> {
        let source = self.0.get(&chain).ok_or(WalletError::UnknownChain(chain))?;
        let inquiry = Inquiry::new(account, digest, signature)?;
        let mut heads = 1;
        loop {
            let head = source.head().await.map_err(WalletError::Chain)?;
            match source.calls(inquiry.calls(), head.id()).await {
                Ok(outcomes) => return Ok(inquiry.decide(&outcomes)?),
                // A reorganization between the two questions; the next head is asked instead.
                Err(error) if error.is_block_gone() && heads < HEADS_MAX => heads += 1,
                Err(error) => return Err(WalletError::Chain(error)),
            }
        }
    }
}

#[cfg(test)]
#[path = "wallets/wallets_tests.rs"]
mod tests;
