//! A scripted chain with one token that earns, for the tests of this crate.

use std::sync::Arc;
use std::time::SystemTime;

use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ledger::{TokenMetadata, TokenSpec, TokenState};
use pledge_core::points::Programme;
use pledge_core::primitives::Address;
use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::{Account, BlockNumber, ChainId, Decimals, Timestamp, TokenId};
use pledge_testing::world::operator;

use crate::stores::Stores;

pub(crate) const TOKEN: TokenId =
    TokenId { chain: ChainId::new(1), address: Address::repeat_byte(7) };

pub(crate) struct TestChain {
    pub(crate) chain: ScriptedChain,
    indexer: Indexer,
}

pub(crate) fn time(seconds: u64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

pub(crate) fn account(number: u8) -> Account {
    Account::new(Address::repeat_byte(number)).unwrap()
}

impl TestChain {
    /// With genesis at 0, its token registered in the stores. Every block is confirmed at once.
    pub(crate) async fn open(stores: &Stores) -> Self {
        let metadata =
            TokenMetadata { symbol: "T".to_owned(), decimals: Decimals::new(0).unwrap() };
        let chain = ScriptedChain::new(TOKEN.chain, time(0));
        let chain = chain.with_token(TOKEN.address, metadata.clone());
        let start_block = BlockNumber::new(0);
        stores.balances.register_chain(TOKEN.chain, "test").await.unwrap();
        let spec = TokenSpec { id: TOKEN, metadata, start_block };
        stores.balances.register_token(&spec).await.unwrap();
        let programme = Programme::main(TOKEN, "1".parse().unwrap());
        stores.points.put_programme(&programme, &operator()).await.unwrap();
        let config = IndexerConfig {
            finality: Finality::Depth(0),
            clock_slack: None,
            ..IndexerConfig::default()
        };
        let (source, balances) = (Arc::new(chain.clone()), stores.balances.clone());
        let indexer = Indexer::new(TOKEN.chain, source, balances, stores.pending.clone(), config);
        Self { chain, indexer }
    }

    /// Mines one block with a mint, or an empty one, and indexes it.
    pub(crate) async fn mine(&mut self, at: u64, mint: Option<(Account, u64)>) {
        let transfer = mint.map(|(to, amount)| ScriptedTransfer {
            token: TOKEN.address,
            from: Address::ZERO,
            to: to.address(),
            amount: amount.into(),
        });
        self.chain.mine(time(at), transfer.as_slice());
        while !matches!(self.indexer.poll(SystemTime::now()).await, Poll::Idle) {}
    }
}

/// The token's current state.
pub(crate) async fn token(stores: &Stores) -> TokenState {
    stores.balances.token(TOKEN).await.unwrap().unwrap()
}
