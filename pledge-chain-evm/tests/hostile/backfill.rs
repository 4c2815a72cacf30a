//! What a backfill costs on a node that takes few blocks at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, U256};
use pledge_core::indexer::{Finality, Indexer, IndexerConfig, Poll};
use pledge_core::ports::{LedgerReads, Registry};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::hostile_node::{
    Failing, Hint, LIMIT_TEXTS, Limit, LimitText, Measure, Refusal, Struck, transfer,
};
use pledge_testing::world::{CHAIN, NOW, THREE_PM, account, spec, token};
use pledge_testing::{HostileChain, HostileNode};

use crate::stage::{TOKEN, connect, within};

const BLOCKS: u64 = 12_000;
const LIMIT: u64 = 10;
/// One block in this many has a transfer.
const EVERY: u64 = 500;

/// What a backfill took.
struct Cost {
    requests: usize,
    calls: usize,
    /// As many as the blocks make at the node's limit.
    ranges: usize,
}

async fn chain() -> (HostileChain, Arc<HostileNode>) {
    let chain = HostileChain::new(CHAIN.get(), THREE_PM);
    chain.deploy(TOKEN, "USDX", 18);
    for height in 1..=BLOCKS {
        let to = account(1 + height % 50).address();
        let mint = transfer(TOKEN, Address::ZERO, to, U256::from(height));
        let logs = if height % EVERY == 0 { vec![mint] } else { Vec::new() };
        chain.mine(THREE_PM + 12 * height, &logs);
    }
    let node = Arc::new(HostileNode::of(&chain).await);
    (chain, node)
}

/// An engine catches up with a chain that is there already.
async fn backfill(node: &HostileNode) -> Cost {
    let evm = Arc::new(connect(node, |config| config.retries_max = 14).await.unwrap());
    let store = Arc::new(MemoryStore::new());
    store.register_chain(CHAIN, "hostile").await.unwrap();
    store.register_token(&spec(token())).await.unwrap();
    let config = IndexerConfig {
        finality: Finality::Depth(6),
        retained_headers: 64,
        clock_slack: None,
        ..IndexerConfig::default()
    };
    let pending = Arc::new(MemoryPending::default());
    let mut indexer = Indexer::new(CHAIN, evm, store.clone(), pending, config);
    let before = node.requests().len();
    let far = BLOCKS - 64;
    loop {
        match within(indexer.poll(NOW)).await {
            // What is near the head is no backfill.
            Poll::Advanced(progress) if progress.to.get() + 1 >= far => break,
            Poll::Advanced(_) | Poll::Retry(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let requests = node.requests().split_off(before);
    let state = store.token(token()).await.unwrap().unwrap();
    let reached = state.cursor.unwrap().number.get();
    let minted: u64 = (1..=reached).filter(|height| height % EVERY == 0).sum();
    assert_eq!(state.totals.supply.get(), U256::from(minted), "at block {reached}");
    Cost {
        calls: requests.iter().map(Vec::len).sum(),
        requests: requests.len(),
        ranges: usize::try_from(reached.div_ceil(LIMIT)).unwrap(),
    }
}

fn limit(text: LimitText, max: u64) -> Refusal {
    Refusal::Limit(Limit { measure: Measure::Blocks, max, text, hint: Hint::Right })
}

/// Prints what a range of ten blocks costs: one call for its logs, and little else.
#[tokio::test]
async fn a_range_of_a_backfill_costs_little_more_than_its_question_for_logs() {
    let (_chain, node) = chain().await;
    node.on(limit(LIMIT_TEXTS[8], LIMIT));
    let Cost { requests, calls, ranges } = backfill(&node).await;
    let of_a_hundred = 100 * calls / ranges;
    println!(
        "{calls} calls in {requests} requests for {ranges} ranges of {LIMIT} blocks: {of_a_hundred} for a hundred"
    );
    assert!(calls * 100 <= ranges * 125, "{calls} calls for {ranges} ranges");
    assert!(requests * 5 <= ranges, "{requests} requests for {ranges} ranges");
    let most = node.requests().iter().map(Vec::len).max();
    assert!(most <= Some(100), "a batch is bounded");
}

/// No header is asked for twice, but that of the end before and after the logs below it.
#[tokio::test]
async fn no_header_of_a_backfill_is_asked_for_a_third_time() {
    let (_chain, node) = chain().await;
    node.on(limit(LIMIT_TEXTS[8], LIMIT));
    backfill(&node).await;
    let mut asked = BTreeMap::new();
    for params in node.asked("eth_getBlockByNumber") {
        *asked.entry(params[0].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    asked.remove("latest");
    // Those around the head are shown because it is a claim.
    let far = |block: &String| u64::from_str_radix(&block[2..], 16).unwrap() < BLOCKS - 64;
    let more: Vec<_> = asked.into_iter().filter(|(block, n)| far(block) && *n > 2).collect();
    assert!(more.len() <= 4, "{more:?}");
}

/// Words that no list has, and random failures on top of the limit: the ledger is exact all the
/// same.
#[tokio::test]
async fn a_backfill_in_small_ranges_over_a_node_that_fails_is_exact() {
    for failing in [Failing::ServerError, Failing::Null, Failing::UnknownWords] {
        let (_chain, node) = chain().await;
        let text = LimitText { node: "any", status: 200, code: -31_998, text: "no" };
        node.on(limit(text, LIMIT));
        node.on(failing.switch(Struck::Request, 20, 3));
        let Cost { calls, ranges, .. } = backfill(&node).await;
        assert!(calls <= 4 * ranges, "{failing:?}: {calls} calls for {ranges} ranges");
    }
}
