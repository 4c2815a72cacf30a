//! A store that counts what it asks of its database.

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{
    Access, Connection, Database, Dialect, Fault, Row, SchemaVersion, SqlStore, Transaction, Value,
};
use pledge_storage_sqlite::SqliteDatabase;
use tempfile::TempDir;

/// Statements that answer rows, and the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) statements: usize,
    pub(crate) rows: usize,
}

/// What was asked since it was read last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    statements: AtomicUsize,
    rows: AtomicUsize,
}

impl Counter {
    fn add(&self, rows: usize) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> Cost {
        let Counts { statements, rows } = &*self.0;
        Cost {
            statements: statements.swap(0, Ordering::Relaxed),
            rows: rows.swap(0, Ordering::Relaxed),
        }
    }
}

/// An empty store, and what it asks.
pub(crate) async fn counted(folder: &TempDir) -> (SqlStore<Counted>, Counter) {
    let file = folder.path().join("pledge.db");
    let database = Counted::open(file.to_str().unwrap()).await.unwrap();
    let counter = database.counter.clone();
    (SqlStore::over(database), counter)
}

/// A database that counts.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    inner: SqliteDatabase,
    counter: Counter,
}

#[derive(Debug)]
struct CountedTransaction {
    inner: Box<dyn Transaction>,
    counter: Counter,
}

#[async_trait]
impl Database for Counted {
    async fn open(location: &str) -> Result<Self, Fault> {
        Ok(Self { inner: SqliteDatabase::open(location).await?, counter: Counter::default() })
    }

    async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        let (inner, version) = SqliteDatabase::open_read_only(location).await?;
        Ok((Self { inner, counter: Counter::default() }, version))
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        let inner = self.inner.for_readers(connections_max);
        Self { inner, counter: self.counter.clone() }
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        let (inner, counter) = (self.inner.begin(access).await?, self.counter.clone());
        Ok(Box::new(CountedTransaction { inner, counter }))
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
        let rows = self.inner.fetch(sql, values).await?;
        self.counter.add(rows.len());
        Ok(rows)
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
