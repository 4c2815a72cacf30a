//! The checks between configuration and work: nodes, contracts, start blocks, programmes.
//!
//! [`inspect`] only reads, so that a wrong key anywhere is found before anything is written;
//! [`register`] writes.

mod known;
mod probe;

use std::sync::Arc;

use pledge_chain_evm::EvmNodes;
use pledge_core::error::{ChainError, ChainErrorKind, StoreError, StoreErrorKind};
use pledge_core::indexer::{Finality, Indexer};
use pledge_core::ledger::{TokenMetadata, TokenSpec};
use pledge_core::ports::ChainSource;
use pledge_core::types::{BlockNumber, TokenId};

pub use known::keep_known_names;
pub use probe::{NodeFacts, probe};

use crate::config::{ChainConfig, ConfigError, Problems, TokenConfig};
use crate::sources::{self, Connected};
use crate::stores::Stores;

/// Why a chain cannot be followed now.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The configuration does not fit the chain or the store: a person has to change it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its nodes cannot be reached now: retry.
    #[error("no node answers")]
    Chain(#[from] ChainError),
    /// The store failed: retry if it is `Unavailable`.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl SetupError {
    /// With the name of the chain; a wrong key names it already.
    pub fn of(self, config: &ChainConfig) -> anyhow::Error {
        match self {
            Self::Config(error) => error.into(),
            other => anyhow::Error::from(other).context(format!("chain {}", config.name)),
        }
    }
}

/// A chain of which a node answered, and whose tokens fit.
#[derive(Debug, Clone)]
pub struct InspectedChain {
    /// How it is followed.
    pub config: ChainConfig,
    /// Its nodes.
    pub source: Arc<EvmNodes>,
    /// Its tokens, in the order of the configuration.
    specs: Vec<TokenSpec>,
}

impl InspectedChain {
    /// Its indexer.
    pub fn indexer(&self, stores: &Stores) -> Indexer {
        let indexer = Indexer::new(
            self.config.id,
            self.source.clone(),
            stores.balances.clone(),
            stores.pending.clone(),
            self.config.indexer,
        )
        .halting_on_unreadable(self.config.halting_on_unreadable());
        if self.config.audit {
            indexer.audited_by(Arc::new(self.source.standby()))
        } else {
            indexer
        }
    }
}

/// Connects to a chain and checks its tokens against store and node. Writes nothing. What the store
/// refuses is an error also while no node can be reached.
pub async fn inspect(config: &ChainConfig, stores: &Stores) -> Result<InspectedChain, SetupError> {
    let mut examined = Examined::by_store(config, stores).await?;
    let connected = sources::connect_each(config).await?;
    let asked = examined.ask(config, &connected).await;
    let Examined { tokens, problems } = examined;
    problems.into_result().map_err(|error| config.name_flags(error))?;
    asked?;
    let source = connected.nodes;
    let specs = tokens.into_iter().map(|spec| spec.expect("a token without problem is known"));
    Ok(InspectedChain { config: config.clone(), source, specs: specs.collect() })
}

/// What is known of a chain's tokens, and what is wrong with it.
#[derive(Debug)]
pub struct Examined {
    /// In the order of the configuration; `None` is unknown.
    pub tokens: Vec<Option<TokenSpec>>,
    /// Every wrong key.
    pub problems: Problems,
}

impl Examined {
    /// By the store alone.
    pub async fn by_store(config: &ChainConfig, stores: &Stores) -> Result<Self, StoreError> {
        let mut problems = Problems::default();
        let tokens = known::check_all(config, stores, &mut problems).await?;
        Ok(Self { tokens, problems })
    }

    /// Asks the nodes for what the store does not know. Every token is known then, or has a problem.
    pub async fn ask(
        &mut self,
        config: &ChainConfig,
        connected: &Connected,
    ) -> Result<(), SetupError> {
        sources::require_answer(config, connected, &mut self.problems)?;
        let source = &*connected.nodes;
        let head = source.head().await?.number;
        check_finality(config, source, &mut self.problems).await?;
        for (token, spec) in config.tokens.iter().zip(&mut self.tokens) {
            if spec.is_some() {
                continue;
            }
            let id = TokenId { chain: config.id, address: token.address };
            match inspect_new(token, id, source, head).await {
                Ok(found) => *spec = Some(found),
                Err(SetupError::Config(error)) => self.problems.extend(error),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

/// A node that knows no finalized block would confirm nothing for ever.
async fn check_finality(
    config: &ChainConfig,
    source: &EvmNodes,
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

async fn inspect_new(
    token: &TokenConfig,
    id: TokenId,
    source: &EvmNodes,
    head: BlockNumber,
) -> Result<TokenSpec, SetupError> {
    let metadata = source.token_metadata(token.address).await;
    let metadata: TokenMetadata = blame(token, "address", metadata)?;
    let start_block = match token.start_block {
        Some(configured) => configured,
        None => {
            tracing::info!("asking {} for the block of {id}'s deployment", source.endpoint());
            let found = source.find_deployment_block(token.address).await;
            blame(token, "start_block", found)?
        }
    };
    if start_block > head {
        let what = format!(
            "{start_block} is above the chain's newest block {head}: write the block of the \
             token's deployment, or leave it out to have that found"
        );
        return Err(ConfigError::at(&token.key.child("start_block"), what).into());
    }
    Ok(TokenSpec { id, metadata, start_block })
}

/// What a node refuses for good is a wrong key.
fn blame<T>(
    token: &TokenConfig,
    key: &str,
    answer: Result<T, ChainError>,
) -> Result<T, SetupError> {
    answer.map_err(|error| match error.kind() {
        ChainErrorKind::Persistent => ConfigError::at(&token.key.child(key), error.detail()).into(),
        _ => error.into(),
    })
}

/// Makes the chain, its tokens and their programmes known to the store. Idempotent.
pub async fn register(chain: &InspectedChain, stores: &Stores) -> Result<(), SetupError> {
    let config = &chain.config;
    stores.balances.register_chain(config.id, &config.name).await?;
    let mut problems = Problems::default();
    for (token, spec) in config.tokens.iter().zip(&chain.specs) {
        stores.balances.register_token(spec).await?;
        let Some(points) = &token.points else {
            continue;
        };
        match stores.points.put_programme(&points.programme(spec.id)).await {
            Err(error) if error.kind() == StoreErrorKind::Invalid => {
                problems.add(&points.key, error.detail());
            }
            other => other?,
        }
    }
    problems.into_result().map_err(|error| config.name_flags(error))?;
    Ok(known::tell_others(&chain.config, stores).await?)
}

/// Inspects and registers.
pub async fn prepare(config: &ChainConfig, stores: &Stores) -> Result<InspectedChain, SetupError> {
    let chain = inspect(config, stores).await?;
    register(&chain, stores).await?;
    Ok(chain)
}
