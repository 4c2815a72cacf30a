//! A scripted chain and the engine that follows it, driven step by step.

use std::time::SystemTime;

use anyhow::{Context, ensure};
use pledge_core::audit::Attribution;
use pledge_core::engine::{Engine, EngineBuilder, FollowedChain, FollowedToken};
use pledge_core::indexer::{Finality, IndexerConfig, Poll};
use pledge_core::ledger::TokenMetadata;
use pledge_core::points::{Programme, SettleReport};
use pledge_core::primitives::{Address, U256, keccak256};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::stop::Stop;
use pledge_core::types::{
    Account, Amount, BlockNumber, ChainId, Decimals, Rate, RateSchedule, Timestamp, TokenId,
};

use crate::output::Output;
use crate::progress::Progress;
use crate::stores::Stores;
use crate::verify::{TokenReport, verify_token};

/// What is played.
pub(super) struct Scene {
    pub(super) chain: ChainId,
    pub(super) name: &'static str,
    pub(super) symbol: &'static str,
    pub(super) decimals: u8,
    pub(super) rates: RateSchedule,
    pub(super) confirmations: u64,
    pub(super) genesis: Timestamp,
}

/// One chain of the demo.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) chain: ScriptedChain,
    pub(super) token: TokenId,
    pub(super) programme: Programme,
    pub(super) stores: Stores,
    pub(super) name: &'static str,
    decimals: u8,
    engine: Engine,
    progress: Progress,
}

impl Player {
    /// Sets the scene: a chain with its genesis block, and one registered token.
    pub(super) async fn open(
        scene: Scene,
        stores: &Stores,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let token = TokenId { chain: scene.chain, address: address_of(scene.symbol) };
        let metadata = TokenMetadata {
            symbol: scene.symbol.to_owned(),
            decimals: Decimals::new(scene.decimals)?,
        };
        let chain = ScriptedChain::new(scene.chain, scene.genesis);
        let chain = chain.with_token(token.address, metadata);
        let followed = FollowedToken::new(token.address, BlockNumber::new(0));
        let followed = FollowedChain::new(scene.name, chain.clone())
            .bounded_by(IndexerConfig {
                finality: Finality::Depth(scene.confirmations),
                // Chain time runs far ahead of the machine's clock here.
                clock_slack: None,
                ..IndexerConfig::default()
            })
            .token(followed.earning_by(scene.rates.clone()));
        let engine = EngineBuilder::new(stores.ports()).follow(followed);
        let programme = Programme { rates: scene.rates, ..Programme::main(token, Rate::ZERO) };
        Ok(Self {
            chain,
            token,
            programme,
            name: scene.name,
            decimals: scene.decimals,
            engine: engine.build(&Attribution::program("demo", SystemTime::now())?).await?,
            stores: stores.clone(),
            progress: progress.clone(),
        })
    }

    /// Stops showing progress.
    pub(super) fn hush(&mut self) {
        self.progress = Progress::new(Output::Json);
    }

    /// A number of whole tokens, in base units.
    pub(super) fn tokens(&self, whole: u64) -> Amount {
        let unit = U256::from(10).pow(U256::from(self.decimals));
        Amount::new(U256::from(whole) * unit)
    }

    /// A transfer of the scene's token; no sender mints, no receiver burns.
    pub(super) fn transfer(
        &self,
        from: Option<Account>,
        to: Option<Account>,
        amount: Amount,
    ) -> ScriptedTransfer {
        let address = |account: Option<Account>| account.map_or(Address::ZERO, Account::address);
        ScriptedTransfer { token: self.token.address, from: address(from), to: address(to), amount }
    }

    /// Indexes and settles everything that the chain has.
    pub(super) async fn catch_up(&mut self) -> anyhow::Result<SettleReport> {
        let mut progress = self.progress.chain(self.name);
        let report = |_, poll: &Poll| {
            if let Poll::Advanced(slice) = poll {
                progress.advanced(slice);
            }
        };
        let done = self.engine.catch_up(SystemTime::now, &Stop::never(), report).await;
        let done = done.context("the scripted chain failed")?;
        progress.reached();
        ensure!(done.halted.is_empty(), "the scripted token halted");
        Ok(done.settled)
    }

    /// Verifies the token against the scripted contract.
    pub(super) async fn verify(&self) -> anyhow::Result<TokenReport> {
        let mut progress = self.progress.work(self.name);
        verify_token(&self.chain, &self.stores, self.token, &mut progress).await
    }
}

/// An address derived from a name: always the same, and without a known key.
pub(super) fn address_of(name: &str) -> Address {
    let hash = keccak256(format!("pledge demo: {name}"));
    Address::from_slice(&hash[12..])
}

/// An account of the story.
pub(super) fn account_of(name: &str) -> Account {
    Account::new(address_of(name)).expect("a hash is not zero")
}
