//! Which chains and tokens an engine follows.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::Address;

use super::{Engine, EngineError};
use crate::edges::EdgeFinder;
use crate::error::ChainError;
use crate::event::Consumer;
use crate::indexer::{Finality, Indexer, IndexerConfig};
use crate::ledger::TokenSpec;
use crate::logs::{ContractSpec, Events};
use crate::notify::Dispatcher;
use crate::points::{Programme, Settler, SettlerConfig};
use crate::ports::{
    BalanceStore, ChainSource, ChainSourceExt, EventStore, LogStore, Notifier, PendingCache,
    PointsStore,
};
use crate::query::Queries;
use crate::types::{BlockNumber, ChainId, ContractId, Rate, RateSchedule, TokenId};

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
    /// as one, instead of counting it: see [`Indexer::halting_on_unreadable`].
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
}

/// A chain to follow through one source.
#[derive(Debug, Clone)]
pub struct FollowedChain {
    name: String,
    source: Arc<dyn ChainSource>,
    second: Option<Arc<dyn ChainSource>>,
    config: IndexerConfig,
    tokens: Vec<FollowedToken>,
    contracts: Vec<FollowedContract>,
}

impl FollowedChain {
    /// A chain under a name of your choice, confirmed at depth 6. The source reports its id.
    pub fn new(name: impl Into<String>, source: impl ChainSource) -> Self {
        Self {
            name: name.into(),
            source: Arc::new(source),
            second: None,
            config: IndexerConfig::default(),
            tokens: Vec::new(),
            contracts: Vec::new(),
        }
    }

    /// When a block is confirmed.
    #[must_use]
    pub const fn confirmed_by(mut self, finality: Finality) -> Self {
        self.config.finality = finality;
        self
    }

    /// With other bounds. They replace all earlier settings, also that of [`Self::confirmed_by`]:
    /// call it afterwards, or put the finality into `config`.
    #[must_use]
    pub const fn bounded_by(mut self, config: IndexerConfig) -> Self {
        self.config = config;
        self
    }

    /// With a second source that must agree before anything is committed: see
    /// [`Indexer::cross_checked_by`].
    #[must_use]
    pub fn cross_checked_by(mut self, second: impl ChainSource) -> Self {
        self.second = Some(Arc::new(second));
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
}

/// Collects what an [`Engine`] follows, and builds it.
#[derive(Debug)]
pub struct EngineBuilder {
    balances: Arc<dyn BalanceStore>,
    points: Arc<dyn PointsStore>,
    events: Arc<dyn EventStore>,
    logs: Arc<dyn LogStore>,
    pending: Arc<dyn PendingCache>,
    settler: SettlerConfig,
    chains: Vec<FollowedChain>,
    dispatchers: Vec<Dispatcher>,
}

impl EngineBuilder {
    /// A builder over single ports, which one database must implement; decorators may wrap them.
    pub fn new(
        balances: Arc<dyn BalanceStore>,
        points: Arc<dyn PointsStore>,
        events: Arc<dyn EventStore>,
        logs: Arc<dyn LogStore>,
        pending: Arc<dyn PendingCache>,
    ) -> Self {
        let (settler, chains, dispatchers) = (SettlerConfig::default(), Vec::new(), Vec::new());
        Self { balances, points, events, logs, pending, settler, chains, dispatchers }
    }

    /// With one more chain.
    #[must_use]
    pub fn follow(mut self, chain: FollowedChain) -> Self {
        self.chains.push(chain);
        self
    }

    /// With other bounds for settlements.
    #[must_use]
    pub const fn settling_by(mut self, config: SettlerConfig) -> Self {
        self.settler = config;
        self
    }

    /// With a notifier that receives every event, at least once and in order.
    ///
    /// [`Engine::catch_up`] waits for the notifier. For a slow one, run a [`Dispatcher`] in a task
    /// of its own instead.
    #[must_use]
    pub fn notifier(mut self, consumer: Consumer, notifier: impl Notifier) -> Self {
        let events = self.events.clone();
        self.dispatchers.push(Dispatcher::new(events, Arc::new(notifier), consumer));
        self
    }

    /// Asks every source for its chain and tokens, and registers them in the store.
    ///
    /// Nothing is written before every source has answered. Idempotent: a store that knows them
    /// continues from its state. A duplicate chain, token or consumer is an error.
    pub async fn build(mut self) -> Result<Engine, EngineError> {
        if let Some(consumer) = repeated(self.dispatchers.iter().map(Dispatcher::consumer)) {
            return Err(EngineError::SameConsumer(consumer.clone()));
        }
        // All sources are asked before the first write, so that a wrong URL or address leaves no
        // part of the configuration in the store.
        let mut asked = Vec::with_capacity(self.chains.len());
        for chain in std::mem::take(&mut self.chains) {
            let answer = ask(&chain).await;
            let (id, tokens) = answer.map_err(|source| {
                let name = chain.name.clone();
                EngineError::Source { name, source }
            })?;
            let contracts = contract_specs(id, &chain.contracts)?;
            asked.push((id, chain, Specs { tokens, contracts }));
        }
        if let Some(id) = repeated(asked.iter().map(|(id, ..)| *id)) {
            return Err(EngineError::SameChain(id));
        }
        let tokens = asked.iter().flat_map(|(.., specs)| &specs.tokens);
        if let Some(id) = repeated(tokens.map(|spec| spec.id)) {
            return Err(EngineError::SameToken(id));
        }
        let contracts = asked.iter().flat_map(|(.., specs)| &specs.contracts);
        if let Some(id) = repeated(contracts.map(|spec| &spec.id)) {
            return Err(EngineError::SameContract(id.clone()));
        }
        let mut indexers = Vec::with_capacity(asked.len());
        for (id, chain, Specs { tokens, contracts }) in asked {
            self.register(id, &chain, &tokens).await?;
            for contract in &contracts {
                self.logs.register_contract(contract).await?;
            }
            let (balances, pending) = (self.balances.clone(), self.pending.clone());
            let (source, points) = (chain.source.clone(), self.points.clone());
            let second = chain.second.clone().unwrap_or_else(|| source.clone());
            let finder =
                EdgeFinder::new(id, source, balances.clone(), points).cross_checked_by(second);
            let halting = chain.tokens.iter().filter(|token| token.halts_on_unreadable);
            let halting: Vec<_> = halting.map(|token| token.address).collect();
            let indexer = Indexer::new(id, chain.source, balances, pending, chain.config)
                .halting_on_unreadable(halting)
                .keeping_logs(self.logs.clone());
            let indexer = match chain.second {
                Some(second) => indexer.cross_checked_by(second),
                None => indexer,
            };
            indexers.push((indexer, finder));
        }
        let settler = Settler::new(self.balances.clone(), self.points.clone(), self.settler);
        let queries = Queries::new(self.balances, self.points, self.logs, self.pending);
        Ok(Engine { indexers, settler, dispatchers: self.dispatchers, queries })
    }

    async fn register(
        &self,
        id: ChainId,
        chain: &FollowedChain,
        specs: &[TokenSpec],
    ) -> Result<(), EngineError> {
        self.balances.register_chain(id, &chain.name).await?;
        for (token, spec) in chain.tokens.iter().zip(specs) {
            self.balances.register_token(spec).await?;
            if let Some(rates) = &token.rates {
                self.points.put_programme(&programme(spec.id, rates)).await?;
            }
        }
        Ok(())
    }
}

/// What is to be registered of a chain.
struct Specs {
    tokens: Vec<TokenSpec>,
    contracts: Vec<ContractSpec>,
}

fn contract_specs(
    chain: ChainId,
    contracts: &[FollowedContract],
) -> Result<Vec<ContractSpec>, EngineError> {
    let spec = |followed: &FollowedContract| {
        let FollowedContract { name, address, start_block, events } = followed.clone();
        Ok(ContractSpec { id: ContractId::new(chain, &name)?, address, events, start_block })
    };
    contracts.iter().map(spec).collect()
}

/// The first item that occurred before.
fn repeated<T: Ord + Copy>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    all.find(|one| !seen.insert(*one))
}

fn programme(token: TokenId, rates: &RateSchedule) -> Programme {
    Programme { rates: rates.clone(), ..Programme::main(token, Rate::ZERO) }
}

/// What the source reports about its chain and the tokens on it.
async fn ask(chain: &FollowedChain) -> Result<(ChainId, Vec<TokenSpec>), ChainError> {
    let id = chain.source.chain_id().await?;
    let mut specs = Vec::with_capacity(chain.tokens.len());
    for &FollowedToken { address, start_block, .. } in &chain.tokens {
        let metadata = chain.source.token_metadata(address).await?;
        specs.push(TokenSpec { id: TokenId { chain: id, address }, metadata, start_block });
    }
    Ok((id, specs))
}
