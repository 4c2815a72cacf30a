//! The checks between configuration and work: nodes, contracts, start blocks, programmes.
//!
//! [`inspect`] and [`look`] only read, so that every wrong key is found before anything is written;
//! [`register`] and [`register_token`] write. One-shot commands call `inspect`: any error ends
//! them. A server calls `look`: failures are tried again while the rest works.

mod contracts;
mod discover;
mod probe;
mod registered;

use std::sync::Arc;
use std::time::SystemTime;

use pledge_core::audit::{Actor, ActorKind, Attribution};
use pledge_core::engine::{Registration, RegistrationError, Route};
use pledge_core::error::{ChainError, StoreError};
use pledge_core::indexer::Finality;
use pledge_core::ledger::TokenSpec;
use pledge_core::logs::ContractSpec;
use pledge_core::types::{OutOfRange, Timestamp, TokenId};

pub use contracts::{FoundContract, discover_contracts, register_contract};
pub use discover::{Discovered, discover};
pub use probe::{NodeFacts, probe, probe_first_block};
pub use registered::{announce, keep_known_names};

use contracts::unknown_contracts;
use registered::unknown_tokens;

use crate::config::{ChainConfig, ConfigError, ContractConfig, Key, Problems, TokenConfig};
use crate::nodes::Nodes;
use crate::sources::{self, Connected};
use crate::stores::Stores;
use crate::wire;

/// Why a chain cannot be followed now.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The configuration does not fit the chain or the store: the operator has to change it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its nodes cannot be reached now: retry.
    #[error("no node answers")]
    Chain(#[from] ChainError),
    /// The store failed: retry if it is `Unavailable`.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<RegistrationError> for SetupError {
    fn from(error: RegistrationError) -> Self {
        Self::Store(error.into())
    }
}

impl SetupError {
    /// Adds the name of the chain, unless it is a wrong key, which names it already.
    pub fn of(self, config: &ChainConfig) -> anyhow::Error {
        match self {
            Self::Config(error) => error.into(),
            other => anyhow::Error::from(other).context(format!("chain {}", config.name)),
        }
    }
}

/// A chain with a node that answered and tokens that fit.
#[derive(Debug, Clone)]
pub struct InspectedChain {
    /// How it is followed.
    pub config: ChainConfig,
    pub source: Arc<dyn Nodes>,
    /// The tokens, in the order of the configuration.
    specs: Vec<TokenSpec>,
    /// The contracts whose logs are kept, in the order of the configuration.
    contracts: Vec<ContractSpec>,
}

impl InspectedChain {
    /// Its way into a store.
    pub fn route(&self) -> Route {
        route(&self.config, &self.source)
    }
}

/// The way of a chain into a store: over its nodes, of which a second one checks the first where the
/// configuration wants that.
pub fn route(config: &ChainConfig, source: &Arc<dyn Nodes>) -> Route {
    // The standby nodes, never the one that answers: a node agrees with itself.
    let second = config.cross_check.then(|| source.standby());
    let halting_on_unreadable = config.halting_on_unreadable().collect();
    Route { source: source.clone(), second, config: config.indexer, halting_on_unreadable }
}

/// A token of a chain, by its configuration.
pub const fn token_id(chain: &ChainConfig, token: &TokenConfig) -> TokenId {
    TokenId { chain: chain.id, address: token.address }
}

/// Connects to the nodes of a chain, one of which must answer now.
///
/// Every node is asked for its chain id: one node on another chain makes the configuration wrong,
/// even if the others are right.
pub async fn connect(config: &ChainConfig) -> Result<Arc<dyn Nodes>, SetupError> {
    let connected = wire::connect_each(config).await?;
    let mut problems = Problems::default();
    let answered = sources::require_answer(config, &connected, &mut problems);
    problems.into_result()?;
    answered?;
    Ok(connected.nodes)
}

/// The first answers of the nodes of a chain.
#[derive(Debug)]
pub struct Look {
    pub source: Arc<dyn Nodes>,
    /// The tokens that the store did not know.
    pub tokens: Vec<Discovered>,
    /// The contracts that the store did not know.
    pub contracts: Vec<FoundContract>,
}

/// What the store does not know of a chain's configuration.
#[derive(Debug, Default)]
pub struct Unknown {
    tokens: Vec<TokenConfig>,
    contracts: Vec<ContractConfig>,
}

impl Unknown {
    /// Asks the store.
    pub async fn of(config: &ChainConfig, stores: &Stores) -> Result<Self, StoreError> {
        let tokens = unknown_tokens(config, stores).await?;
        Ok(Self { tokens, contracts: unknown_contracts(config, stores).await? })
    }
}

/// Connects to a chain and looks tokens and contracts up. Writes nothing. One that cannot be looked
/// up is not an error: it is returned with its reason.
pub async fn look(config: &ChainConfig, unknown: Unknown) -> Result<Look, SetupError> {
    let source = connect(config).await?;
    let tokens = discover(config, &*source, &unknown.tokens).await;
    let contracts = discover_contracts(config, &*source, &unknown.contracts).await;
    Ok(Look { source, tokens, contracts })
}

/// Connects to a chain and checks its tokens against store and node. Writes nothing. What the store
/// refuses is an error even while no node can be reached.
pub async fn inspect(config: &ChainConfig, stores: &Stores) -> Result<InspectedChain, SetupError> {
    let mut examined = Examined::by_store(config, stores).await?;
    let connected = wire::connect_each(config).await?;
    let asked = examined.ask(config, &connected).await;
    let Examined { tokens, contracts, problems } = examined;
    // A wrong key comes first: it is still wrong when the nodes answer again.
    problems.into_result().map_err(|error| config.name_flags(error))?;
    asked?;
    let source = connected.nodes;
    let specs = tokens.into_iter().map(|spec| spec.expect("a token without problem is known"));
    let contracts =
        contracts.into_iter().map(|spec| spec.expect("a contract without problem is known"));
    let (specs, contracts) = (specs.collect(), contracts.collect());
    Ok(InspectedChain { config: config.clone(), source, specs, contracts })
}

/// What is known of a chain's tokens and contracts, and what is wrong with them.
#[derive(Debug)]
pub struct Examined {
    /// In the order of the configuration; `None` if unknown.
    pub tokens: Vec<Option<TokenSpec>>,
    /// In the order of the configuration; `None` if unknown.
    pub contracts: Vec<Option<ContractSpec>>,
    /// Every wrong key.
    pub problems: Problems,
}

impl Examined {
    /// Examines them by the store alone.
    pub async fn by_store(config: &ChainConfig, stores: &Stores) -> Result<Self, StoreError> {
        let mut problems = Problems::default();
        let tokens = registered::check_all(config, stores, &mut problems).await?;
        let contracts = contracts::check_all(config, stores, &mut problems).await?;
        Ok(Self { tokens, contracts, problems })
    }

    /// Asks the nodes for what the store does not know. Afterwards every token and contract is known
    /// or has a problem.
    pub async fn ask(
        &mut self,
        config: &ChainConfig,
        connected: &Connected,
    ) -> Result<(), SetupError> {
        sources::require_answer(config, connected, &mut self.problems)?;
        let source = &*connected.nodes;
        check_finality(config, source, &mut self.problems).await?;
        let (tokens, specs) = open(&config.tokens, &mut self.tokens);
        // The first failure is kept and the rest still learned, so that every wrong key is
        // reported.
        let mut outcome = Ok(());
        for (found, spec) in discover(config, source, &tokens).await.into_iter().zip(specs) {
            outcome = outcome.and(learn(found.spec, spec, &mut self.problems));
        }
        let (contracts, specs) = open(&config.contracts, &mut self.contracts);
        let found = discover_contracts(config, source, &contracts).await;
        for (found, spec) in found.into_iter().zip(specs) {
            outcome = outcome.and(learn(found.spec, spec, &mut self.problems));
        }
        outcome
    }
}

/// What is not known yet, and where it goes once it is.
fn open<'a, C: Clone, S>(
    configured: &[C],
    specs: &'a mut [Option<S>],
) -> (Vec<C>, Vec<&'a mut Option<S>>) {
    let all = configured.iter().cloned().zip(specs);
    all.filter(|(_, spec)| spec.is_none()).unzip()
}

/// Keeps what was found, or what is wrong with it; an error may pass.
fn learn<S>(
    found: Result<S, SetupError>,
    spec: &mut Option<S>,
    problems: &mut Problems,
) -> Result<(), SetupError> {
    match found {
        Ok(found) => *spec = Some(found),
        Err(SetupError::Config(error)) => problems.extend(error),
        Err(other) => return Err(other),
    }
    Ok(())
}

/// Checks that `finality = "finalized"` can work: a node without a finalized block would never
/// confirm any.
async fn check_finality(
    config: &ChainConfig,
    source: &dyn Nodes,
    problems: &mut Problems,
) -> Result<(), ChainError> {
    if config.indexer.finality != Finality::Finalized {
        return Ok(());
    }
    if source.finalized().await?.is_some() {
        return Ok(());
    }
    let what = format!(
        "{} knows no finalized block, so nothing would be confirmed: use confirmations = N instead",
        source.endpoint()
    );
    problems.add(&config.key.child("finality"), what);
    Ok(())
}

/// Makes the chain, its tokens, their programmes and its contracts known to the store. Idempotent.
pub async fn register(chain: &InspectedChain, stores: &Stores) -> Result<(), SetupError> {
    let config = &chain.config;
    let ports = stores.ports();
    Registration::new(&ports).chain(config.id, &config.name).await?;
    let mut problems = Problems::default();
    for (token, spec) in config.tokens.iter().zip(&chain.specs) {
        match register_token(config, token, spec, stores).await {
            Err(SetupError::Config(error)) => problems.extend(error),
            other => other?,
        }
    }
    for (contract, spec) in config.contracts.iter().zip(&chain.contracts) {
        match register_contract(contract, spec, stores).await {
            Err(SetupError::Config(error)) => problems.extend(error),
            other => other?,
        }
    }
    problems.into_result()?;
    Ok(announce(&chain.config, stores).await?)
}

/// Makes one token of a chain, and its programme, known to the store. Idempotent.
pub async fn register_token(
    chain: &ChainConfig,
    token: &TokenConfig,
    spec: &TokenSpec,
    stores: &Stores,
) -> Result<(), SetupError> {
    let ports = stores.ports();
    let registration = Registration::new(&ports);
    registration.token(spec).await?;
    let Some(points) = &token.points else {
        return Ok(());
    };
    let is_new = registered::programme_main(spec.id, stores).await?.is_none();
    if let Some(wrong) = points.refuse_new().filter(|_| is_new) {
        return Err(chain.name_flags(wrong).into());
    }
    // Only what changes is recorded: each start puts the same programme again.
    let by = by_configuration(&points.key).map_err(|error| ConfigError::at(&points.key, error))?;
    match registration.programme(&points.programme(spec.id), &by).await {
        Err(RegistrationError::Refused { source, .. }) => {
            let wrong = ConfigError::at(&points.key, source.detail());
            Err(chain.name_flags(wrong).into())
        }
        other => Ok(other?),
    }
}

/// The configuration acts, by the key of what it changes.
fn by_configuration(key: &Key) -> Result<Attribution, OutOfRange> {
    let actor = Actor::new(ActorKind::Configuration, &key.to_string())?;
    Ok(Attribution::new(actor, Timestamp::of_clock(SystemTime::now())?))
}

/// Inspects and registers.
pub async fn prepare(config: &ChainConfig, stores: &Stores) -> Result<InspectedChain, SetupError> {
    let chain = inspect(config, stores).await?;
    register(&chain, stores).await?;
    Ok(chain)
}
