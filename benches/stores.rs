//! Commits, rewinds and as-of queries by store. README.md defines an element.

#![allow(missing_docs, reason = "the macros of criterion generate public items")]

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pledge_benches::{
    TOKEN, account, at, commit, mints, pick, programme, register, token, transfers, transfers_from,
};
use pledge_core::event::RewindCause;
use pledge_core::ledger::Transfer;
use pledge_core::ports::{BalanceStore, LogStore, PointsStore, Rewind};
use pledge_core::query::{AccountView, Queries};
use pledge_core::types::{Account, Timestamp};
use pledge_storage_memory::{MemoryPending, MemoryStore};
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::world::operator;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Transfers in a commit: each makes two changes.
const BATCH: u64 = 5_000;

fn sqlite(runtime: &Runtime) -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bench.db");
    let store = SqliteStore::open(path.to_str().expect("a path in UTF-8"));
    (folder, runtime.block_on(store).expect("open a fresh database"))
}

fn bench_writes(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    bench_writes_of(c, &runtime, "memory", &MemoryStore::new());
    let (_folder, store) = sqlite(&runtime);
    bench_writes_of(c, &runtime, "SQLite", &store);
}

fn bench_writes_of(c: &mut Criterion, runtime: &Runtime, name: &str, store: &dyn BalanceStore) {
    const ACCOUNTS: u64 = 20_000;
    runtime.block_on(async {
        register(store).await;
        commit(store, &mints(0..ACCOUNTS)).await;
    });
    let next = Cell::new(ACCOUNTS);
    let batch = || transfers(ACCOUNTS, BATCH, next.replace(next.get() + BATCH));
    let mut group = c.benchmark_group(name);
    group.sample_size(10).throughput(Throughput::Elements(2 * BATCH));
    group.bench_function("changes read, folded and committed", |b| {
        let commit = |batch: &mut Vec<_>| runtime.block_on(commit(store, batch));
        b.iter_batched_ref(batch, commit, BatchSize::PerIteration);
    });
    group.bench_function("changes rewound", |b| {
        b.iter_custom(|rewinds| {
            let one = |_| runtime.block_on(time_rewind(store, &batch()));
            (0..rewinds).map(one).sum()
        });
    });
    group.finish();
}

/// Commits the transfers and takes them back; only the way back is timed.
async fn time_rewind(store: &dyn BalanceStore, batch: &[Transfer]) -> Duration {
    let to = token(store).await.cursor.expect("there are commits");
    commit(store, batch).await;
    let above = token(store).await.cursor.expect("there are commits");
    let rewind = Rewind {
        chain: TOKEN.chain,
        to,
        tokens: vec![(TOKEN, above.id())],
        contracts: Vec::new(),
        cause: RewindCause::Reorg,
    };
    let begun = Instant::now();
    store.rewind(&rewind).await.expect("rewind");
    begun.elapsed()
}

fn bench_queries(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    bench_queries_of(c, &runtime, "memory", Arc::new(MemoryStore::new()));
    let (_folder, store) = sqlite(&runtime);
    bench_queries_of(c, &runtime, "SQLite", Arc::new(store));
}

/// Queries a ledger in which the first account has 10,000 changes and 100,000 have a few each.
fn bench_queries_of<S>(c: &mut Criterion, runtime: &Runtime, name: &str, store: Arc<S>)
where
    S: BalanceStore + PointsStore + LogStore,
{
    const ACCOUNTS: u64 = 100_000;
    const CHANGES: u64 = 10_000;
    runtime.block_on(async {
        register(&store).await;
        store.put_programme(&programme(), &operator()).await.expect("put a programme");
        commit(&store, &mints(0..ACCOUNTS)).await;
        commit(&store, &transfers_from(account(0), ACCOUNTS, CHANGES, ACCOUNTS)).await;
    });
    let (first, now) = (at(12), runtime.block_on(token(&store)).cursor.expect("committed").time);
    let seconds = now.seconds_since(first).expect("later");
    let queries =
        Queries::new(store.clone(), store.clone(), store, Arc::new(MemoryPending::default()));
    let mut group = c.benchmark_group(format!("as-of query, {name}"));
    group.throughput(Throughput::Elements(1));
    for (name, accounts) in
        [("an account with 10,000 changes", 1), ("one of 100,000 accounts", ACCOUNTS)]
    {
        let mut asked = 0;
        group.bench_function(format!("balance and points of {name} at a past instant"), |b| {
            b.iter(|| {
                asked += 1;
                let past = first.checked_add(pick(asked, seconds)).expect("before now");
                runtime.block_on(view(&queries, account(pick(asked + 7, accounts)), past))
            });
        });
    }
    group.finish();
}

async fn view(queries: &Queries, account: Account, at: Timestamp) -> AccountView {
    let programme = programme().id;
    queries.account(TOKEN, account, Some(&programme), Some(at)).await.expect("an answer")
}

criterion_group!(benches, bench_writes, bench_queries);
criterion_main!(benches);
