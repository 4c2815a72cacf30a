//! A scripted chain with its indexer and settler, moved by hand.

use std::sync::Arc;

use anyhow::{Context, bail};
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenMetadata, TokenSpec};
use pledge_core::points::{Programme, SettleReport};
use pledge_core::ports::{BalanceStore, PointsStore};
use pledge_core::primitives::{Address, U256, keccak256};
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{
    Account, Amount, BlockNumber, ChainId, Decimals, RateSchedule, ShardCount, Timestamp, TokenId,
    WindowLength,
};
use tokio_util::sync::CancellationToken;

use crate::output::Output;
use crate::progress::Progress;
use crate::stores::Stores;
use crate::tasks;
use crate::verify::{TokenReport, verify_token};

/// Polls of one chain without an end: more than any story needs.
const POLLS_MAX: usize = 10_000;

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
    indexer: Indexer,
    progress: Progress,
    never: CancellationToken,
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
        let chain = chain.with_token(token.address, metadata.clone());
        let programme = Programme {
            rates: scene.rates,
            window: WindowLength::HOUR,
            shards: ShardCount::default(),
            id: pledge_core::types::ProgrammeId::main(token),
        };
        stores.balances.register_chain(scene.chain, scene.name).await?;
        let spec = TokenSpec { id: token, metadata, start_block: BlockNumber::new(0) };
        stores.balances.register_token(&spec).await?;
        stores.points.put_programme(&programme).await?;
        let config = IndexerConfig {
            finality: Finality::Depth(scene.confirmations),
            ..IndexerConfig::default()
        };
        let indexer = Indexer::new(
            scene.chain,
            Arc::new(chain.clone()),
            stores.balances.clone(),
            stores.pending.clone(),
            config,
        );
        Ok(Self {
            chain,
            token,
            programme,
            name: scene.name,
            decimals: scene.decimals,
            indexer,
            stores: stores.clone(),
            progress: progress.clone(),
            never: CancellationToken::new(),
        })
    }

    /// Shows no progress from now on.
    pub(super) fn hush(&mut self) {
        self.progress = Progress::new(Output::Json);
    }

    /// So many whole tokens.
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
        for _ in 0..POLLS_MAX {
            match self.indexer.poll().await {
                Poll::Advanced(slice) => progress.advanced(&slice),
                Poll::Rewound(_) => {}
                Poll::Idle => {
                    progress.reached();
                    let chain = self.token.chain;
                    let settled = tasks::settle_chain(&self.stores, chain, &self.never, |_| {});
                    return Ok(settled.await?);
                }
                Poll::Retry(error) => return Err(error).context("the scripted chain failed"),
                Poll::Stopped(status) => bail!("the scripted chain is {status}"),
            }
        }
        bail!("the scripted chain did not settle down in {POLLS_MAX} polls")
    }

    /// Audits the token against the scripted contract.
    pub(super) async fn verify(&self) -> anyhow::Result<TokenReport> {
        let mut progress = self.progress.work(self.name);
        verify_token(&self.chain, &self.stores, self.token, &mut progress).await
    }
}

/// The address of a thing of the story: always the same, and of nobody.
pub(super) fn address_of(name: &str) -> Address {
    let hash = keccak256(format!("pledge demo: {name}"));
    Address::from_slice(&hash[12..])
}

/// An account of the story.
pub(super) fn account_of(name: &str) -> Account {
    Account::new(address_of(name)).expect("a hash is not zero")
}
