//! The states of an account at some instants.

use pledge_core::ledger::{AccountStates, Transfer, fold};
use pledge_core::ports::{
    LedgerCommit, LedgerReads, LedgerWrites, NewBlocks, Registry, TokenCommit,
};
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{BlockNumber, BlockRef, LogIndex, Timestamp};
use pledge_storage_memory::MemoryStore;
use pledge_testing::world::{CHAIN, account, at, spec, token, tokens};

use crate::counted::counted;

const HOUR: u64 = 3_600;

fn block(number: u64) -> BlockRef {
    let hash = |number: u64| B256::left_padding_from(&number.to_be_bytes());
    BlockRef {
        number: BlockNumber::new(number),
        hash: hash(number),
        parent_hash: hash(number - 1),
        time: at(number * HOUR),
    }
}

/// A hundred blocks an hour apart; each mints to the first account, every other to the second.
async fn fill(store: &(impl Registry + LedgerWrites)) {
    store.register_chain(CHAIN, "test").await.unwrap();
    let state = store.register_token(&spec(token())).await.unwrap();
    let blocks: Vec<_> = (1..=100).map(block).collect();
    let mint = |block: &BlockRef, to: u64, index: u64| Transfer {
        token: token().address,
        block: block.number,
        log_index: LogIndex::new(index),
        tx_hash: B256::ZERO,
        from: Address::ZERO,
        to: account(to).address(),
        amount: tokens(1),
    };
    let mut transfers = Vec::new();
    for block in &blocks {
        transfers.push(mint(block, 1, 0));
        if block.number.get().is_multiple_of(2) {
            transfers.push(mint(block, 2, 1));
        }
    }
    let time_of = |transfer: &Transfer| block(transfer.block.get()).time;
    let folded = fold(state.totals, &mut AccountStates::default(), &transfers, time_of).unwrap();
    let (first, tip) = (blocks[0], blocks[99]);
    let retain_from = first.number;
    let commit = LedgerCommit {
        blocks: NewBlocks {
            chain: CHAIN,
            base: None,
            confirmed_by: None,
            first,
            tip,
            headers: blocks,
            retain_from,
        },
        tokens: vec![TokenCommit {
            token: token(),
            changes: folded.changes,
            unreadable_logs: Vec::new(),
            totals: folded.totals,
        }],
    };
    store.commit(&commit).await.unwrap();
}

/// The edges of as many intervals of half an hour, the first before the first change.
fn edges(count: u64) -> Vec<Timestamp> {
    (0..=count).map(|edge| at(HOUR / 2 + edge * HOUR / 2)).collect()
}

#[tokio::test]
async fn a_history_of_a_day_takes_two_statements_for_all_its_edges() {
    let folder = tempfile::tempdir().unwrap();
    let (store, counter) = counted(&folder).await;
    fill(&store).await;
    // Before these comes a statement for the token, and one for the newest state.
    for (buckets, expected) in [(2, 2), (24, 2), (63, 2), (100, 4), (180, 6)] {
        counter.take();
        store.history(token(), account(1), &edges(buckets)).await.unwrap();
        assert_eq!(counter.take().statements, 2 + expected, "{buckets} buckets");
    }
}

#[tokio::test]
async fn a_history_read_in_few_statements_is_that_of_a_store_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = counted(&folder).await;
    fill(&store).await;
    let memory = MemoryStore::new();
    fill(&memory).await;
    for account in [1, 2, 3].map(account) {
        let mut edges = edges(240);
        edges.reverse();
        let read = store.history(token(), account, &edges).await.unwrap();
        assert_eq!(read, memory.history(token(), account, &edges).await.unwrap());
    }
}
