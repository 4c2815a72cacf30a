//! What an engine follows, as a program names it.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::Address;

use super::registration::{Registration, RegistrationError};
use super::{EngineError, Route};
use crate::audit::Attribution;
use crate::error::ChainError;
use crate::indexer::{Finality, IndexerConfig};
use crate::ledger::TokenSpec;
use crate::logs::{ContractSpec, Events};
use crate::points::Programme;
use crate::ports::{ChainSource, ChainSourceExt};
use crate::types::{BlockNumber, ChainId, ContractId, OutOfRange, Rate, RateSchedule, TokenId};

/// A token to follow, and the rate at which it earns.
#[derive(Debug, Clone)]
pub struct FollowedToken {
    address: Address,
    start_block: BlockNumber,
    rates: Option<RateSchedule>,
    halts_on_unreadable: bool,
}

impl FollowedToken {
    /// A token, followed from the block of its deployment on. With a later block transfers are
    /// missing, and the token halts at the first account that sends more than it seems to hold.
    pub const fn new(address: Address, start_block: BlockNumber) -> Self {
        Self { address, start_block, rates: None, halts_on_unreadable: false }
    }

    /// Halts the token at an unreadable log, one with the topic of a transfer that cannot be read
    /// as one, instead of counting it: see
    /// [`Indexer::halting_on_unreadable`](crate::indexer::Indexer::halting_on_unreadable).
    #[must_use]
    pub fn halting_on_unreadable(self) -> Self {
        Self { halts_on_unreadable: true, ..self }
    }

    /// With a programme `main` at one constant rate, in points per whole token per hour.
    #[must_use]
    pub fn earning(self, rate: Rate) -> Self {
        self.earning_by(RateSchedule::constant(rate))
    }

    /// With a programme `main` at a rate that changes at known instants.
    #[must_use]
    pub fn earning_by(self, rates: RateSchedule) -> Self {
        Self { rates: Some(rates), ..self }
    }

    /// Its address, if it halts at an unreadable log.
    pub(super) fn halting(&self) -> Option<Address> {
        self.halts_on_unreadable.then_some(self.address)
    }

    /// What is to be registered of it. Asks the source for its metadata.
    pub(super) async fn ask(
        self,
        chain: ChainId,
        source: &dyn ChainSource,
    ) -> Result<AskedToken, ChainError> {
        let Self { address, start_block, rates, .. } = self;
        let metadata = source.token_metadata(address).await?;
        let id = TokenId { chain, address };
        let programme = rates.map(|rates| Programme { rates, ..Programme::main(id, Rate::ZERO) });
        Ok(AskedToken { spec: TokenSpec { id, metadata, start_block }, programme })
    }
}

/// What is to be registered of a token.
pub(super) struct AskedToken {
    pub(super) spec: TokenSpec,
    pub(super) programme: Option<Programme>,
}

impl AskedToken {
    pub(super) async fn register(
        &self,
        store: Registration<'_>,
        by: &Attribution,
    ) -> Result<(), RegistrationError> {
        store.token(&self.spec).await?;
        match &self.programme {
            Some(programme) => store.programme(programme, by).await,
            None => Ok(()),
        }
    }
}

/// A contract whose logs to keep.
#[derive(Debug, Clone)]
pub struct FollowedContract {
    name: String,
    address: Address,
    start_block: BlockNumber,
    events: Events,
}

impl FollowedContract {
    /// A contract under a name of your choice, unique on its chain. Every log from the start block
    /// on is kept.
    pub fn new(name: impl Into<String>, address: Address, start_block: BlockNumber) -> Self {
        Self { name: name.into(), address, start_block, events: Events::all() }
    }

    /// Keeps the logs of these events alone.
    #[must_use]
    pub fn keeping(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// What is to be registered of it.
    pub(super) fn spec(self, chain: ChainId) -> Result<ContractSpec, OutOfRange> {
        let Self { name, address, start_block, events } = self;
        Ok(ContractSpec { id: ContractId::new(chain, &name)?, address, events, start_block })
    }
}

/// A chain to follow through one source.
#[derive(Debug, Clone)]
pub struct FollowedChain {
    name: String,
    route: Route,
    tokens: Vec<FollowedToken>,
    contracts: Vec<FollowedContract>,
}

impl FollowedChain {
    /// A chain under a name of your choice, confirmed at depth 6. The source reports its id.
    pub fn new(name: impl Into<String>, source: impl ChainSource) -> Self {
        let route = Route::new(Arc::new(source), IndexerConfig::default());
        Self { name: name.into(), route, tokens: Vec::new(), contracts: Vec::new() }
    }

    /// When a block is confirmed.
    #[must_use]
    pub const fn confirmed_by(mut self, finality: Finality) -> Self {
        self.route.config.finality = finality;
        self
    }

    /// With other bounds. They replace all earlier settings, also that of [`Self::confirmed_by`]:
    /// call it afterwards, or put the finality into `config`.
    #[must_use]
    pub const fn bounded_by(mut self, config: IndexerConfig) -> Self {
        self.route.config = config;
        self
    }

    /// With a second source that must agree before anything is committed: see
    /// [`Indexer::cross_checked_by`](crate::indexer::Indexer::cross_checked_by).
    #[must_use]
    pub fn cross_checked_by(mut self, second: impl ChainSource) -> Self {
        self.route.second = Some(Arc::new(second));
        self
    }

    /// With one more token.
    #[must_use]
    pub fn token(mut self, token: FollowedToken) -> Self {
        self.tokens.push(token);
        self
    }

    /// With one more contract whose logs are kept: read them by
    /// [`LogReads`](crate::ports::LogReads).
    #[must_use]
    pub fn contract(mut self, contract: FollowedContract) -> Self {
        self.contracts.push(contract);
        self
    }

    /// What is to be registered of it. Asks the source for everything, and writes nothing.
    pub(super) async fn ask(self) -> Result<AskedChain, EngineError> {
        let Self { name, mut route, tokens, contracts } = self;
        let unanswered = |source| EngineError::Source { name: name.clone(), source };
        // Asked first: tokens and contracts are named by their chain.
        let id = route.source.chain_id().await.map_err(unanswered)?;
        route.halting_on_unreadable.extend(tokens.iter().filter_map(FollowedToken::halting));
        let mut asked = Vec::with_capacity(tokens.len());
        for token in tokens {
            asked.push(token.ask(id, &*route.source).await.map_err(unanswered)?);
        }
        let contracts = contracts.into_iter().map(|contract| contract.spec(id));
        let contracts = contracts.collect::<Result<_, _>>()?;
        let chain = AskedChain { id, name, route, tokens: asked, contracts };
        chain.require_each_once()?;
        Ok(chain)
    }
}

/// A chain whose source has answered, and what is to be registered of it.
pub(super) struct AskedChain {
    pub(super) id: ChainId,
    pub(super) name: String,
    pub(super) route: Route,
    tokens: Vec<AskedToken>,
    contracts: Vec<ContractSpec>,
}

impl AskedChain {
    fn require_each_once(&self) -> Result<(), EngineError> {
        if let Some(id) = repeated(self.tokens.iter().map(|token| token.spec.id)) {
            return Err(EngineError::SameToken(id));
        }
        match repeated(self.contracts.iter().map(|contract| &contract.id)) {
            Some(id) => Err(EngineError::SameContract(id.clone())),
            None => Ok(()),
        }
    }

    pub(super) async fn register(
        &self,
        store: Registration<'_>,
        by: &Attribution,
    ) -> Result<(), RegistrationError> {
        store.chain(self.id, &self.name).await?;
        for token in &self.tokens {
            token.register(store, by).await?;
        }
        for contract in &self.contracts {
            store.contract(contract).await?;
        }
        Ok(())
    }
}

/// The first item that occurred before.
pub(super) fn repeated<T: Ord + Copy>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    all.find(|one| !seen.insert(*one))
}
