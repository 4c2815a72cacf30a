//! Commits and look-ups by store. Throughput is balance changes, or answers, a second.

#![allow(missing_docs, reason = "the macros of criterion generate public items")]

use std::cell::Cell;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pledge_benches::{TOKEN, address, mints, time_of, transfers};
use pledge_core::ledger::{AccountStates, TokenMetadata, TokenSpec, Transfer, fold};
use pledge_core::ports::{BalanceStore, LedgerCommit, TokenCommit};
use pledge_core::primitives::{B256, U256};
use pledge_core::types::{Account, BlockNumber, BlockRef, ChainId, Decimals, TokenId};
use pledge_storage_memory::MemoryStore;
use pledge_storage_sqlite::SqliteStore;
use tokio::runtime::Runtime;

const ACCOUNTS: u64 = 20_000;
const BATCH: u64 = 5_000;
const TOKEN_ID: TokenId = TokenId { chain: ChainId::new(1), address: TOKEN };

fn block(number: u64, like: &Transfer) -> BlockRef {
    let hash = |number: u64| B256::from(U256::from(number));
    BlockRef {
        number: BlockNumber::new(number),
        hash: hash(number),
        parent_hash: hash(number - 1),
        time: time_of(like),
    }
}

/// Reads balances, folds and commits: what the indexer does with each slice.
async fn commit(store: &dyn BalanceStore, transfers: &[Transfer]) {
    let state = store.token(TOKEN_ID).await.expect("read").expect("registered");
    let mut accounts: Vec<_> =
        transfers.iter().flat_map(|t| [t.from, t.to]).filter_map(Account::new).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let seen = store.states(TOKEN_ID, &accounts).await.expect("read").value;
    let known = accounts.into_iter().zip(seen);
    let mut states: AccountStates = known.filter_map(|(a, state)| Some((a, state?))).collect();
    let folded = fold(state.totals, &mut states, transfers, time_of).expect("valid transfers");
    let (first, last) = (&transfers[0], &transfers[transfers.len() - 1]);
    let message = LedgerCommit {
        chain: TOKEN_ID.chain,
        base: state.cursor.map(|cursor| cursor.id()),
        first: block(first.block.get(), first),
        tip: block(last.block.get(), last),
        headers: Vec::new(),
        retain_from: BlockNumber::new(0),
        tokens: vec![TokenCommit {
            token: TOKEN_ID,
            changes: folded.changes,
            totals: folded.totals,
        }],
    };
    store.commit(&message).await.expect("commit");
}

fn bench_store(c: &mut Criterion, runtime: &Runtime, name: &str, store: &dyn BalanceStore) {
    runtime.block_on(async {
        store.register_chain(TOKEN_ID.chain, "bench").await.expect("register");
        let decimals = Decimals::new(18).expect("in range");
        let metadata = TokenMetadata { symbol: "BENCH".to_owned(), decimals };
        let spec = TokenSpec { id: TOKEN_ID, metadata, start_block: BlockNumber::new(1) };
        store.register_token(&spec).await.expect("register");
        commit(store, &mints(ACCOUNTS)).await;
    });
    let next = Cell::new(ACCOUNTS);
    let mut group = c.benchmark_group(name);
    group.sample_size(10).throughput(Throughput::Elements(2 * BATCH));
    group.bench_function("commit of 10,000 changes", |b| {
        b.iter(|| {
            let batch = transfers(ACCOUNTS, BATCH, next.get());
            next.set(next.get() + BATCH);
            runtime.block_on(commit(store, &batch));
        });
    });
    let account = Account::new(address(7)).expect("not zero");
    let now = runtime.block_on(store.token(TOKEN_ID)).expect("read").and_then(|s| s.cursor);
    let times = [now.expect("there are commits").time];
    group.throughput(Throughput::Elements(1));
    group.bench_function("balance as of an instant", |b| {
        b.iter(|| runtime.block_on(store.history(TOKEN_ID, account, &times)).expect("read"));
    });
    group.finish();
}

fn bench_stores(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let memory: Arc<dyn BalanceStore> = Arc::new(MemoryStore::new());
    bench_store(c, &runtime, "memory", &memory);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bench.db");
    let sqlite = runtime
        .block_on(SqliteStore::open(path.to_str().expect("a path in UTF-8")))
        .expect("open a fresh database");
    bench_store(c, &runtime, "sqlite", &sqlite);
}

criterion_group!(benches, bench_stores);
criterion_main!(benches);
