//! The laws of chain sources over a real node.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::sync::Arc;

use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::ledger::TokenMetadata;
use pledge_core::testing::conformance::chain_source::SourceFixture;
use pledge_core::types::{ChainId, Decimals};
use pledge_examples::{Anvil, Token, Traffic};

const CHAIN: ChainId = ChainId::new(31_337);

async fn fixture() -> SourceFixture {
    let anvil = Anvil::start(CHAIN.get(), &[]).await.unwrap();
    anvil.mine(3, 12).await.unwrap();
    let owner = anvil.accounts().await.unwrap()[0];
    let token = Token::deploy(anvil.provider(), owner, "Example Dollar", "USDX").await.unwrap();
    let traffic = Traffic { accounts: 9, blocks: 5, transfers_per_block: 7, ..Traffic::default() };
    let played = traffic.play(&anvil, &token).await.unwrap();
    anvil.mine(4, 12).await.unwrap();
    let source = EvmChain::connect(EvmConfig::new(CHAIN, anvil.url().parse().unwrap())).await;
    let decimals = Decimals::new(18).unwrap();
    SourceFixture {
        source: Arc::new(source.unwrap()),
        chain: CHAIN,
        token: token.address(),
        metadata: TokenMetadata { symbol: "USDX".to_owned(), decimals },
        transfers: usize::try_from(played.transfers).unwrap(),
        guard: Box::new(anvil),
    }
}

pledge_core::chain_source_conformance!(fixture());
