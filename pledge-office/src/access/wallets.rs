//! Asks chains whether accounts signed.

use std::collections::BTreeMap;
use std::future::pending;
use std::num::NonZeroU16;
use std::sync::Arc;

use pledge_core::admission::Admission;
use pledge_core::error::ChainError;
use pledge_core::ports::ChainSource;
use pledge_core::primitives::{Address, B256};
use pledge_core::types::ChainId;

use super::{Inquiry, NotSigned, SignedBy, WalletSignature};

/// The chains on which the code of accounts is looked up.
///
/// Whether an account signed is judged by the state of its chain at the head: what its contract accepts now. Anybody
/// can have it asked, by any signature: so a bounded number of questions to each chain is under way and waits.
#[derive(Debug, Clone)]
pub struct Wallets(BTreeMap<ChainId, Asked>);

/// A chain, and the entrance of the questions to it. A clone shares it.
#[derive(Debug, Clone)]
struct Asked {
    source: Arc<dyn ChainSource>,
    entrance: Admission,
}

/// Why an account is not known to have signed.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// It has not.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// Its chain is none of those that are asked.
    #[error("chain {0} is none of those that this server follows")]
    UnknownChain(ChainId),
    /// As many questions to its chain are under way and wait as may.
    #[error("as many signatures are being checked on chain {0} as may be: try again shortly")]
    Busy(ChainId),
    /// Its chain gave no answer, so that nothing is known: a later attempt may succeed.
    #[error("whether the account signed cannot be found out now")]
    Chain(#[source] ChainError),
}

/// Questions to one chain at once. A node has others to answer: those that the chain is followed by.
const ASKED_AT_ONCE: NonZeroU16 = NonZeroU16::new(8).expect("8 is not zero");
/// How many wait besides. One more is refused.
const WAITING_MAX: u16 = 32;
/// How often a head is read that is gone when it is asked about.
const HEADS_MAX: usize = 3;

impl Wallets {
    /// With the sources of the chains.
    pub fn new(sources: BTreeMap<ChainId, Arc<dyn ChainSource>>) -> Self {
        let asked = |source| Asked { source, entrance: Admission::new(ASKED_AT_ONCE, WAITING_MAX) };
        Self(sources.into_iter().map(|(chain, source)| (chain, asked(source))).collect())
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
        let Asked { source, entrance } =
            self.0.get(&chain).ok_or(WalletError::UnknownChain(chain))?;
        let inquiry = Inquiry::new(account, digest, signature)?;
        // Who waits longer than its request does leaves its place with that.
        let _turn = entrance.admit(pending()).await.map_err(|_| WalletError::Busy(chain))?;
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
