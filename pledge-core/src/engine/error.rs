//! Why an engine could not be built, or did not catch up.

use super::next::{Failure, StopReason};
use super::registration::RegistrationError;
use crate::error::{ChainError, StoreError};
use crate::event::Consumer;
use crate::indexer::{ChainStatus, IndexerError};
use crate::notify::DispatchError;
use crate::points::SettlerError;
use crate::types::{ChainId, ContractId, OutOfRange, TokenId};

/// Why the engine could not be built, something could not be added, or a chain did not catch up.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A chain source had no answer about its chain or a token.
    #[error("chain {name} cannot be followed")]
    Source {
        /// The chain's name.
        name: String,
        /// The error that the source returned.
        source: ChainError,
    },
    /// Two sources have the same chain id.
    #[error("chain id {0} is followed twice: put both tokens into one FollowedChain")]
    SameChain(ChainId),
    /// A token is followed twice: it is unclear which of its rates counts.
    #[error("token {0} is followed twice: follow it once")]
    SameToken(TokenId),
    /// A contract is followed twice under one name: it is unclear which logs are kept.
    #[error("contract {0} is followed twice: give each a name of its own")]
    SameContract(ContractId),
    /// A contract's name cannot be one.
    #[error("a contract cannot be followed under this name")]
    ContractName(#[from] OutOfRange),
    /// Two notifiers share one position: an event delivered to one would be missed by the other.
    #[error("two notifiers are named {0}: give each a name of its own")]
    SameConsumer(Consumer),
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The store did not register what is to be followed.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// Something is added to a chain that is not followed.
    #[error("chain {0} is not followed: follow it first")]
    UnknownChain(ChainId),
    /// A chain did not advance. The step wrote nothing: wait, and catch up again.
    #[error("chain {chain} did not advance")]
    Index {
        /// The chain that did not advance.
        chain: ChainId,
        /// Why its indexer failed.
        source: IndexerError,
    },
    /// A chain is paused or halted until `Registry::resume_chain`.
    #[error("chain {chain} is {status}")]
    Latched {
        /// The chain that was stopped.
        chain: ChainId,
        /// Paused or halted, with the reason.
        status: ChainStatus,
    },
    /// A chain's closed windows are not settled: catch up again.
    #[error("chain {chain} is not settled")]
    Settle {
        /// The chain whose windows are not settled.
        chain: ChainId,
        /// Why its settler failed.
        source: SettlerError,
    },
    /// A notifier did not receive every event: the rest stays due, catch up again.
    #[error("consumer {consumer} did not receive every event")]
    Notify {
        /// Name of the notifier.
        consumer: Consumer,
        /// Why its delivery failed.
        source: DispatchError,
    },
}

impl StopReason {
    pub(super) fn of(self, chain: ChainId) -> EngineError {
        match self {
            Self::Latched(status) => EngineError::Latched { chain, status },
            Self::OutOfPatience(Failure { error, .. }) => {
                EngineError::Index { chain, source: error }
            }
        }
    }
}
