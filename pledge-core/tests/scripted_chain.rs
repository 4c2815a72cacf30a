//! The scripted chain keeps the contract of a chain source.

use std::sync::Arc;

use pledge_core::simulation::{ScriptedChain, ScriptedTransfer};
use pledge_core::types::Amount;
use pledge_testing::conformance::chain_source::SourceFixture;
use pledge_testing::world::{CHAIN, account, at, spec, token};

fn fixture() -> SourceFixture {
    let (id, metadata) = (token(), spec(token()).metadata);
    let chain = ScriptedChain::new(CHAIN, at(0)).with_token(id.address, metadata.clone());
    let transfer = |from: Option<u64>, to: Option<u64>, amount: u64| ScriptedTransfer {
        token: id.address,
        from: from.map(|number| account(number).address()).unwrap_or_default(),
        to: to.map(|number| account(number).address()).unwrap_or_default(),
        amount: Amount::from(amount),
    };
    for block in 1..=12 {
        let moves = match block {
            2 => vec![transfer(None, Some(1), 100), transfer(Some(1), Some(2), 30)],
            5 => vec![transfer(Some(2), Some(2), 10)],
            9 => vec![transfer(Some(2), None, 5), transfer(Some(1), Some(3), 0)],
            _ => Vec::new(),
        };
        chain.mine(at(block * 12), &moves);
    }
    let source = Arc::new(chain);
    let guard = Box::new(());
    SourceFixture { source, chain: CHAIN, token: id.address, metadata, transfers: 5, guard }
}

mod whole {
    pledge_testing::chain_source_conformance!(async { super::fixture() });
}

mod in_short_answers {
    use super::*;

    fn short() -> SourceFixture {
        let mut short = fixture();
        let chain = ScriptedChain::new(CHAIN, at(0))
            .with_token(short.token, short.metadata.clone())
            .with_height(12, 12)
            .expect("in range");
        chain.answer_at_most(2);
        (short.source, short.transfers) = (Arc::new(chain), 0);
        short
    }

    pledge_testing::chain_source_conformance!(async { short() });
}
