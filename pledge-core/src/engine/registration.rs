//! Makes what is followed known to a store: the only place that does.

use std::fmt;

use super::Ports;
use crate::audit::Attribution;
use crate::error::{StoreError, StoreErrorKind};
use crate::ledger::TokenSpec;
use crate::logs::ContractSpec;
use crate::points::Programme;
use crate::types::{ChainId, ContractId, ProgrammeId, TokenId};

/// Why something is not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The store has it otherwise and keeps that, or lacks what it belongs to.
    #[error("the store refused {what}")]
    Refused {
        /// What is not registered.
        what: Subject,
        /// The refusal, which names what differs.
        source: StoreError,
    },
    /// The store failed: retry if it is `Unavailable`.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<RegistrationError> for StoreError {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Refused { source, .. } | RegistrationError::Store(source) => source,
        }
    }
}

/// What is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A token by its spec, which is fixed.
    Token(TokenId),
    /// A programme by its windows and shards, which are fixed, and its rates, of which the settled
    /// past is.
    Programme(ProgrammeId),
    /// A contract by its spec, which is fixed.
    Contract(ContractId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(f, "token {id}"),
            Self::Programme(id) => write!(f, "programme {id}"),
            Self::Contract(id) => write!(f, "contract {id}"),
        }
    }
}

/// Registers chains, tokens, programmes and contracts. Each call compares with what the store has in the
/// write itself, and is idempotent, but for [`Registration::new_programme`].
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    ports: &'a Ports,
}

impl<'a> Registration<'a> {
    /// Registers in the database of these ports.
    pub const fn new(ports: &'a Ports) -> Self {
        Self { ports }
    }

    /// Registers a chain, or renames it.
    pub async fn chain(&self, chain: ChainId, name: &str) -> Result<(), RegistrationError> {
        Ok(self.ports.balances.register_chain(chain, name).await?)
    }

    /// Registers a token of a registered chain. One that is registered already keeps its symbol, which
    /// its contract may change at any time; its first block and its decimals must be the same.
    pub async fn token(&self, spec: &TokenSpec) -> Result<(), RegistrationError> {
        let known = self.ports.balances.token(spec.id).await?.map(|state| state.spec);
        if known.is_some_and(|known| {
            known.start_block == spec.start_block
                && known.metadata.decimals == spec.metadata.decimals
        }) {
            return Ok(());
        }
        let registered = self.ports.balances.register_token(spec).await;
        registered.map_err(|error| refused(error, || Subject::Token(spec.id)))?;
        Ok(())
    }

    /// Puts a programme on a registered token that has none of its name; `Conflict` otherwise.
    pub async fn new_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), RegistrationError> {
        let added = self.ports.points.add_programme(programme, by).await;
        added.map_err(|error| refused(error, || Subject::Programme(programme.id.clone())))
    }

    /// Puts a programme on a registered token, or changes its rates after what is settled. Either is
    /// recorded.
    pub async fn programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), RegistrationError> {
        let put = self.ports.points.put_programme(programme, by).await;
        put.map_err(|error| refused(error, || Subject::Programme(programme.id.clone())))
    }

    /// Registers a contract of a registered chain.
    pub async fn contract(&self, spec: &ContractSpec) -> Result<(), RegistrationError> {
        let registered = self.ports.logs.register_contract(spec).await;
        registered.map_err(|error| refused(error, || Subject::Contract(spec.id.clone())))?;
        Ok(())
    }
}

fn refused(error: StoreError, what: impl FnOnce() -> Subject) -> RegistrationError {
    // Only this kind is about what was to be registered; every other is about the store.
    match error.kind() {
        StoreErrorKind::Invalid => RegistrationError::Refused { what: what(), source: error },
        _ => RegistrationError::Store(error),
    }
}
