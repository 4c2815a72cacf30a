//! How many statements a read takes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_core::ledger::{AccountStates, Transfer, fold};
use pledge_core::ports::{
    LedgerCommit, LedgerReads, LedgerWrites, NewBlocks, Registry, TokenCommit,
};
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{BlockNumber, BlockRef, LogIndex, Timestamp};
use pledge_storage_memory::MemoryStore;
use pledge_storage_sql::{
    Access, Connection, Database, Dialect, Fault, Row, SchemaVersion, SqlStore, Transaction, Value,
};
use pledge_storage_sqlite::SqliteDatabase;
use pledge_testing::world::{CHAIN, account, at, spec, token, tokens};
use tempfile::TempDir;

/// A database that counts the statements that answer rows.
#[derive(Debug, Clone)]
struct Counted {
    inner: SqliteDatabase,
    statements: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct CountedTransaction {
    inner: Box<dyn Transaction>,
    statements: Arc<AtomicUsize>,
}

#[async_trait]
impl Database for Counted {
    async fn open(location: &str) -> Result<Self, Fault> {
        Ok(Self { inner: SqliteDatabase::open(location).await?, statements: Arc::default() })
    }

    async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        let (inner, version) = SqliteDatabase::open_read_only(location).await?;
        Ok((Self { inner, statements: Arc::default() }, version))
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        let inner = self.inner.for_readers(connections_max);
        Self { inner, statements: self.statements.clone() }
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        let (inner, statements) = (self.inner.begin(access).await?, self.statements.clone());
        Ok(Box::new(CountedTransaction { inner, statements }))
    }
}

#[async_trait]
impl Connection for CountedTransaction {
    fn dialect(&self) -> &'static dyn Dialect {
        self.inner.dialect()
    }

    async fn execute(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, Fault> {
        self.inner.execute(sql, values).await
    }

    async fn execute_for_key(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Option<u64>, Fault> {
        self.inner.execute_for_key(sql, values).await
    }

    async fn fetch(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Vec<Box<dyn Row>>, Fault> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.inner.fetch(sql, values).await
    }
}

#[async_trait]
impl Transaction for CountedTransaction {
    async fn commit(self: Box<Self>) -> Result<(), Fault> {
        self.inner.commit().await
    }

    async fn roll_back(self: Box<Self>, after: StoreErrorKind) {
        self.inner.roll_back(after).await;
    }
}

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

async fn counted(folder: &TempDir) -> (SqlStore<Counted>, Arc<AtomicUsize>) {
    let file = folder.path().join("pledge.db");
    let inner = SqliteDatabase::open(file.to_str().unwrap()).await.unwrap();
    let statements = Arc::new(AtomicUsize::new(0));
    let store = SqlStore::over(Counted { inner, statements: statements.clone() });
    fill(&store).await;
    (store, statements)
}

/// The edges of as many intervals of half an hour, the first before the first change.
fn edges(count: u64) -> Vec<Timestamp> {
    (0..=count).map(|edge| at(HOUR / 2 + edge * HOUR / 2)).collect()
}

#[tokio::test]
async fn a_history_of_a_day_takes_two_statements_for_all_its_edges() {
    let folder = tempfile::tempdir().unwrap();
    let (store, statements) = counted(&folder).await;
    // Before these comes a statement for the token, and one for the newest state.
    for (buckets, expected) in [(2, 2), (24, 2), (63, 2), (100, 4), (180, 6)] {
        statements.store(0, Ordering::Relaxed);
        store.history(token(), account(1), &edges(buckets)).await.unwrap();
        assert_eq!(statements.load(Ordering::Relaxed), 2 + expected, "{buckets} buckets");
    }
}

#[tokio::test]
async fn a_history_read_in_few_statements_is_that_of_a_store_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = counted(&folder).await;
    let memory = MemoryStore::new();
    fill(&memory).await;
    for account in [1, 2, 3].map(account) {
        let mut edges = edges(240);
        edges.reverse();
        let read = store.history(token(), account, &edges).await.unwrap();
        assert_eq!(read, memory.history(token(), account, &edges).await.unwrap());
    }
}
