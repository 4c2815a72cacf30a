//! The laws of chain sources over a real node: read alone, by its logs and by its receipts, and in a group.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::sync::Arc;

use pledge_chain_evm::{EvmChain, EvmConfig, EvmNodes, LogProof, NodesConfig};
use pledge_core::ledger::TokenMetadata;
use pledge_core::ports::ChainSource;
use pledge_core::types::{ChainId, Decimals};
use pledge_examples::{Anvil, Token, Traffic};
use pledge_testing::conformance::chain_source::SourceFixture;

const CHAIN: ChainId = ChainId::new(31_337);

async fn alone(url: String) -> Arc<dyn ChainSource> {
    Arc::new(EvmChain::connect(config(url)).await.unwrap())
}

/// All of its transfers are proven by receipts.
async fn proven(url: String) -> Arc<dyn ChainSource> {
    let config = EvmConfig { log_proof: LogProof::Receipts, ..config(url) };
    Arc::new(EvmChain::connect(config).await.unwrap())
}

/// One node under two names.
fn nodes(url: String) -> EvmNodes {
    let other = url.replace("127.0.0.1", "localhost");
    assert_ne!(url, other);
    EvmNodes::new(NodesConfig::new(vec![config(url), config(other)])).unwrap()
}

async fn group(url: String) -> Arc<dyn ChainSource> {
    Arc::new(nodes(url))
}

/// The standby nodes of such a group.
async fn standby(url: String) -> Arc<dyn ChainSource> {
    Arc::new(Arc::new(nodes(url)).standby())
}

fn config(url: String) -> EvmConfig {
    EvmConfig::new(CHAIN, url.parse().unwrap())
}

async fn fixture<F: Future<Output = Arc<dyn ChainSource>>>(
    source: impl FnOnce(String) -> F,
) -> SourceFixture {
    let anvil = Anvil::start(CHAIN.get(), &[]).await.unwrap();
    anvil.mine(3, 12).await.unwrap();
    let owner = anvil.accounts().await.unwrap()[0];
    let token = Token::deploy(anvil.provider(), owner, "Example Dollar", "USDX").await.unwrap();
    let traffic = Traffic { accounts: 9, blocks: 5, transfers_per_block: 7, ..Traffic::default() };
    let played = traffic.play(&anvil, &token).await.unwrap();
    anvil.mine(4, 12).await.unwrap();
    let decimals = Decimals::new(18).unwrap();
    SourceFixture {
        source: source(anvil.url().to_owned()).await,
        chain: CHAIN,
        token: token.address(),
        metadata: TokenMetadata { symbol: "USDX".to_owned(), decimals },
        transfers: usize::try_from(played.transfers).unwrap(),
        guard: Box::new(anvil),
    }
}

pledge_testing::chain_source_conformance!(fixture(alone));

mod by_receipts {
    use super::{fixture, proven};

    pledge_testing::chain_source_conformance!(fixture(proven));
}

mod several {
    use super::{fixture, group};

    pledge_testing::chain_source_conformance!(fixture(group));
}

mod others {
    use super::{fixture, standby};

    pledge_testing::chain_source_conformance!(fixture(standby));
}
