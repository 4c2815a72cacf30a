//! Many tokens: in parts, and none of them lost.

use alloy::primitives::{Address, U256};
use pledge_chain_evm::{EvmChain, LogProof};
use pledge_core::ledger::erc20::transfers_of;
use pledge_core::ports::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::BlockNumber;
use pledge_testing::hostile_node::{
    ADDRESSES_TEXT, Hint, Lie, Limit, Measure, Refusal, Switch, transfer,
};
use pledge_testing::world::CHAIN;
use pledge_testing::{HostileChain, HostileNode};

use crate::stage::{connect, within};

const TOKENS: u64 = 10_000;
const BLOCKS: u64 = 12;

fn token(number: u64) -> Address {
    let mut bytes = [0x7e; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Address::from(bytes)
}

/// Each block has a transfer of some tokens from all over the list, those last in it first, and of
/// tokens that are not followed.
fn chain() -> HostileChain {
    let chain = HostileChain::new(CHAIN.get(), 0);
    let [from, to] = [0xa1, 0xb0].map(Address::repeat_byte);
    for block in 1..=BLOCKS {
        let numbers = [9_999, 5_000 + block, 3_000, 1_000 + block, 999, 0, TOKENS + block];
        let pay = |number: u64| transfer(token(number), from, to, U256::from(number + block));
        chain.mine(block, &numbers.map(pay));
    }
    chain
}

async fn read_all(evm: &EvmChain, detail: HeaderDetail) -> LogsAnswer {
    let tokens: Vec<Address> = (0..TOKENS).map(token).collect();
    let (from, to) = (BlockNumber::new(1), BlockNumber::new(BLOCKS));
    let request = LogsRequest { from, to, filters: &[transfers_of(&tokens)], detail };
    within(evm.logs(request)).await.unwrap()
}

/// Geth takes a thousand addresses in a filter.
#[tokio::test]
async fn ten_thousand_tokens_are_asked_for_in_filters_that_nodes_take() {
    let chain = chain();
    let node = HostileNode::of(&chain).await;
    let (measure, text) = (Measure::Addresses, ADDRESSES_TEXT);
    node.on(Refusal::Limit(Limit { measure, max: 1_000, text, hint: Hint::Same }));
    for (detail, verify) in [
        (HeaderDetail::All, LogProof::Bloom),
        (HeaderDetail::Sparse, LogProof::Bloom),
        (HeaderDetail::All, LogProof::Receipts),
    ] {
        let evm = connect(&node, |config| config.log_proof = verify).await.unwrap();
        let answer = read_all(&evm, detail).await;
        let found: Vec<_> = answer.logs.iter().map(|log| (log.block.get(), log.address)).collect();
        let expected: Vec<_> = (1..=BLOCKS)
            .flat_map(|block| {
                let followed = [9_999, 5_000 + block, 3_000, 1_000 + block, 999, 0];
                followed.map(|number| (block, token(number)))
            })
            .collect();
        assert_eq!(found, expected, "{detail:?}, {verify:?}");
    }
}

/// One of the parts comes back empty.
#[tokio::test]
async fn a_part_of_the_tokens_that_is_left_out_is_noticed() {
    let chain = chain();
    let node = HostileNode::of(&chain).await;
    let evm = connect(&node, |_| {}).await.unwrap();
    let lie = node.on(Switch::of(Lie::NoLogs).only(&["eth_getLogs"]).times(1));
    let tokens: Vec<Address> = (0..TOKENS).map(token).collect();
    let (from, to) = (BlockNumber::new(1), BlockNumber::new(BLOCKS));
    let request =
        LogsRequest { from, to, filters: &[transfers_of(&tokens)], detail: HeaderDetail::All };
    assert!(within(evm.logs(request)).await.is_err());
    assert_eq!(node.met(lie), 1);
}
