//! Nodes that come, go, lag and fork at random, and an indexer that must see none of it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pledge_chain_evm::EvmNodes;
use pledge_core::error::ChainErrorKind;
use pledge_core::indexer::{ChainStatus, Finality, Indexer, IndexerConfig, IndexerError, Poll};
use pledge_core::ledger::TokenSpec;
use pledge_core::ports::{ChainSource, LedgerReads, Registry};
use pledge_core::types::{Amount, BlockNumber, TokenId};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_testing::HostileChain;

use crate::node::{CHAIN, Node, TOKEN, chain, fork, head, mine};
use crate::{group_with, nodes_of, pass};

/// `PLEDGE_SEED`, else another one each time.
fn seed() -> u64 {
    let seed = match std::env::var("PLEDGE_SEED") {
        Ok(text) => text.parse().expect("PLEDGE_SEED is a number that a failure printed"),
        Err(_) => RandomState::new().build_hasher().finish() | 1,
    };
    println!("replay with PLEDGE_SEED={seed}");
    seed
}

/// xorshift64*: enough to choose faults.
fn below(state: &mut u64, bound: u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
}

/// A group that takes a node back as soon as it can, so that it switches as often as it can.
fn hasty(nodes: &[Node]) -> EvmNodes {
    group_with(nodes, |config| {
        config.wait_min = Duration::from_millis(1);
        config.wait_max = Duration::from_millis(5);
        config.unfit_wait = Duration::from_millis(20);
        config.proof_answers = 1;
        config.proof_time = Duration::ZERO;
    })
}

async fn indexer(source: Arc<EvmNodes>, store: &Arc<MemoryStore>) -> Indexer {
    let metadata = pledge_core::ledger::TokenMetadata {
        symbol: "PLG".to_owned(),
        decimals: pledge_core::types::Decimals::new(18).unwrap(),
    };
    let id = TokenId { chain: CHAIN, address: TOKEN };
    store.register_chain(CHAIN, "test").await.unwrap();
    let spec = TokenSpec { id, metadata, start_block: BlockNumber::new(1) };
    store.register_token(&spec).await.unwrap();
    let config = IndexerConfig {
        finality: Finality::Depth(2),
        clock_slack: None,
        ..IndexerConfig::default()
    };
    let pending = Arc::new(MemoryPending::default());
    Indexer::new(CHAIN, source, store.clone(), pending, config)
}

/// Sets one node to a random fault; the others are well. A fork begins below a block that was
/// shown: of blocks that no node has shown yet, it is undecided which are right.
fn disturb(node: &Node, honest: &HostileChain, shown: u64, chance: &mut u64) -> &'static str {
    node.is_well();
    match below(chance, 5) {
        0 => "is well",
        1 => {
            node.is_away();
            "is away"
        }
        2 => {
            node.lags(1 + below(chance, 8));
            "lags"
        }
        3 => {
            let methods = ["eth_getLogs", "eth_getBlockByNumber"];
            let method = methods[usize::from(below(chance, 2) == 1)];
            node.fails_at(method, shown + below(chance, 4));
            "fails now and then"
        }
        _ => {
            let base = shown - 1 - below(chance, 8);
            let length = honest.head().number() - base + below(chance, 4);
            node.is_on(&fork(honest, base, length));
            "is on a fork"
        }
    }
}

/// Polls until there is nothing to do; whatever does not happen is tried again, a few times.
async fn settle(indexer: &mut Indexer, history: &mut Vec<String>) {
    let mut failures = 0;
    loop {
        match indexer.poll(SystemTime::now()).await {
            Poll::Advanced(_) => {}
            Poll::Idle => return,
            Poll::Retry(IndexerError::Chain(error))
                if error.kind() != ChainErrorKind::Persistent =>
            {
                failures += 1;
                history.push(format!("    {error}"));
                if failures > 3 {
                    return;
                }
                pass(Duration::from_millis(10)).await;
            }
            Poll::Rewound(record) => history.push(format!("    back to {}", record.to.number)),
            other => panic!("{other:?}\n{}", history.join("\n")),
        }
    }
}

/// The ledger is what one pass over the chain gives.
async fn expect_ledger_of(chain: &HostileChain, store: &MemoryStore, history: &[String]) {
    let state = &store.tokens(CHAIN).await.unwrap()[0];
    let confirmed = chain.block(chain.head().number() - 2);
    assert_eq!(state.cursor.unwrap().hash, confirmed.hash, "{}", history.join("\n"));
    assert_eq!(state.totals.supply, Amount::from(confirmed.number() / 10));
}

#[tokio::test]
async fn a_primary_that_flaps_a_hundred_times_never_looks_like_a_reorg() {
    let mut chance = seed();
    let honest = chain(50);
    let nodes = nodes_of(&honest, 3).await;
    let group = Arc::new(hasty(&nodes));
    let store = Arc::new(MemoryStore::new());
    let mut indexer = indexer(group.clone(), &store).await;
    let (mut history, mut switches, mut endpoint) = (Vec::new(), 0, String::new());
    settle(&mut indexer, &mut history).await;
    for round in 0..100 {
        // The nodes that are well have shown at least the confirmed block.
        let shown = store.tokens(CHAIN).await.unwrap()[0].cursor.unwrap().number.get();
        pass(Duration::from_secs(1)).await;
        mine(&honest, 1 + below(&mut chance, 3));
        let fault = disturb(&nodes[0], &honest, shown, &mut chance);
        history.push(format!("{round}: at {} the primary {fault}", honest.head().number()));
        settle(&mut indexer, &mut history).await;
        if endpoint != group.endpoint() {
            group.endpoint().clone_into(&mut endpoint);
            switches += 1;
        }
    }
    nodes.iter().for_each(Node::is_well);
    pass(Duration::from_secs(1)).await;
    settle(&mut indexer, &mut history).await;
    expect_ledger_of(&honest, &store, &history).await;
    let epoch = store.tokens(CHAIN).await.unwrap()[0].epoch;
    assert_eq!(epoch.get(), 0, "the ledger went back\n{}", history.join("\n"));
    println!("{switches} switches, no reorg");
    assert!(switches > 10, "{switches} switches do not test much");
}

#[tokio::test]
async fn whatever_ails_one_of_three_nodes_through_reorgs_the_ledger_ends_as_the_chain() {
    let mut chance = seed();
    let honest = chain(50);
    let nodes = nodes_of(&honest, 3).await;
    let store = Arc::new(MemoryStore::new());
    let mut indexer = indexer(Arc::new(hasty(&nodes)), &store).await;
    let mut history = Vec::new();
    settle(&mut indexer, &mut history).await;
    for round in 0..100 {
        let shown = store.tokens(CHAIN).await.unwrap()[0].cursor.unwrap().number.get();
        pass(Duration::from_secs(1)).await;
        if below(&mut chance, 4) == 0 {
            let depth = 1 + below(&mut chance, 6);
            honest.roll_back_to(honest.head().number() - depth);
            mine(&honest, depth);
            history.push(format!("{round}: a reorg of {depth} blocks"));
        }
        mine(&honest, 1 + below(&mut chance, 3));
        nodes.iter().for_each(Node::is_well);
        let ill = usize::try_from(below(&mut chance, 3)).unwrap();
        let fault = disturb(&nodes[ill], &honest, shown, &mut chance);
        history.push(format!("{round}: at {} node {ill} {fault}", honest.head().number()));
        settle(&mut indexer, &mut history).await;
    }
    nodes.iter().for_each(Node::is_well);
    for _ in 0..3 {
        pass(Duration::from_secs(1)).await;
        settle(&mut indexer, &mut history).await;
    }
    expect_ledger_of(&honest, &store, &history).await;
}

#[tokio::test]
async fn after_an_outage_of_all_nodes_no_block_is_missing() {
    let honest = chain(50);
    let nodes = nodes_of(&honest, 3).await;
    let group = Arc::new(hasty(&nodes));
    let store = Arc::new(MemoryStore::new());
    let mut indexer = indexer(group.clone(), &store).await;
    let mut history = Vec::new();
    settle(&mut indexer, &mut history).await;
    nodes.iter().for_each(|node| node.is_away());
    mine(&honest, 100);
    for _ in 0..10 {
        settle(&mut indexer, &mut history).await;
    }
    let status = store.chains().await.unwrap().remove(0).status;
    assert!(matches!(status, ChainStatus::Degraded(_)), "{status:?}");
    nodes.iter().for_each(Node::is_well);
    settle(&mut indexer, &mut history).await;
    expect_ledger_of(&honest, &store, &history).await;
    let status = store.chains().await.unwrap().remove(0).status;
    assert_eq!(status, ChainStatus::Live);
    assert_eq!(group.head().await.unwrap().id(), head(&honest));
}
