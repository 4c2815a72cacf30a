//! A database whose answers pass through a test.

use std::borrow::Cow;
use std::fmt::Debug;
use std::num::NonZeroU16;

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{
    Access, Connection, Database, Dialect, Fault, Row, SchemaVersion, Transaction, Value,
};

pub(crate) type Rows = Vec<Box<dyn Row>>;

/// What a test does with the rows that answer a statement.
pub(crate) trait Watch: Debug + Clone + Default + Send + Sync + 'static {
    /// Returns the rows, or others. `is_clock` is whether they answer what time it is.
    fn rows(&self, is_clock: bool, rows: Rows) -> Result<Rows, Fault>;
}

/// A database that is watched.
#[derive(Debug, Clone)]
pub(crate) struct Watched<D, W> {
    pub(crate) inner: D,
    pub(crate) watch: W,
}

#[derive(Debug)]
struct WatchedUnit<W> {
    inner: Box<dyn Transaction>,
    watch: W,
}

#[async_trait]
impl<D: Database, W: Watch> Database for Watched<D, W> {
    async fn open(location: &str) -> Result<Self, Fault> {
        Ok(Self { inner: D::open(location).await?, watch: W::default() })
    }

    async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        let (inner, version) = D::open_read_only(location).await?;
        Ok((Self { inner, watch: W::default() }, version))
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        Self { inner: self.inner.for_readers(connections_max), watch: self.watch.clone() }
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        let inner = self.inner.begin(access).await?;
        Ok(Box::new(WatchedUnit { inner, watch: self.watch.clone() }))
    }
}

#[async_trait]
impl<W: Watch> Connection for WatchedUnit<W> {
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

    async fn fetch(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Rows, Fault> {
        let is_clock = sql == self.dialect().clock();
        let rows = self.inner.fetch(sql, values).await?;
        self.watch.rows(is_clock, rows)
    }
}

#[async_trait]
impl<W: Watch> Transaction for WatchedUnit<W> {
    async fn commit(self: Box<Self>) -> Result<(), Fault> {
        self.inner.commit().await
    }

    async fn roll_back(self: Box<Self>, after: StoreErrorKind) {
        self.inner.roll_back(after).await;
    }
}
