//! The scripted chain keeps the contract of a chain source.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use pledge_core::ports::{ChainSource, HeaderDetail, LogsRequest};
use pledge_core::simulation::{ScriptedChain, ScriptedLog, ScriptedTransfer};
use pledge_core::types::{Amount, BlockNumber, LogFilter, LogIndex, Topics};
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

fn log(topic: u8, data: &'static [u8]) -> ScriptedLog {
    let topics = Topics::new(&[B256::repeat_byte(topic)]).expect("one is not too many");
    ScriptedLog { address: Address::repeat_byte(0x90), topics, data: Bytes::from_static(data) }
}

#[tokio::test]
async fn a_log_that_is_no_transfer_comes_as_it_was_mined() {
    let chain = ScriptedChain::new(CHAIN, at(0));
    let mined = [log(1, b"a"), log(2, b"")];
    let block = chain.mine_logs(at(12), &mined);
    let addresses = [mined[0].address];
    let filters = [LogFilter { addresses: &addresses, topic0s: None }];
    let (from, detail) = (BlockNumber::new(0), HeaderDetail::Sparse);
    let request = LogsRequest { from, to: block.number, filters: &filters, detail };
    let answer = chain.logs(request).await.expect("the blocks are there");
    answer.verify(&request).expect("an answer keeps the contract");
    let given = answer.logs.iter().map(|log| (log.address, log.topics, log.data.clone()));
    assert!(given.eq(mined.map(|log| (log.address, log.topics, log.data))));
    let places: Vec<_> = answer.logs.iter().map(|log| (log.block_id(), log.log_index)).collect();
    assert_eq!(places, [0, 1].map(|index| (block.id(), LogIndex::new(index))));
}

#[test]
fn the_hash_of_a_block_covers_its_logs() {
    let chain = ScriptedChain::new(CHAIN, at(0));
    let hash = |logs: &[ScriptedLog]| chain.copy().mine_logs(at(12), logs).hash;
    assert_eq!(hash(&[log(1, b"a")]), hash(&[log(1, b"a")]));
    for other in [&[log(2, b"a")][..], &[log(1, b"b")], &[]] {
        assert_ne!(hash(&[log(1, b"a")]), hash(other));
    }
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
