//! A database whose clock a test sets.

#![allow(dead_code, reason = "each test file uses its part")]

use std::any::Any;
use std::borrow::Cow;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{
    Access, Connection, Database, Dialect, Fault, Row, SchemaVersion, SqlStore, Transaction, Value,
};
use pledge_testing::OfficeFixture;

/// A database whose clock is ahead of its own by some milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct ShiftedClock<D> {
    pub(crate) inner: D,
    pub(crate) ahead: Arc<AtomicI64>,
}

#[derive(Debug)]
struct ShiftedUnit {
    inner: Box<dyn Transaction>,
    ahead: Arc<AtomicI64>,
}

/// A store of the office in an empty database, whose clock a test sets. `guard` is dropped with it.
pub(crate) async fn office<D: Database>(
    location: &str,
    guard: impl Any + Send + Sync,
) -> OfficeFixture {
    let inner = D::open(location).await.expect("a place of a test");
    let ahead = Arc::default();
    let store = SqlStore::over(ShiftedClock { inner, ahead: Arc::clone(&ahead) });
    OfficeFixture::new(Arc::new(store), ahead, guard)
}

/// A row whose only column is a number.
struct Number(u64);

impl Row for Number {
    fn number(&self, _column: &str) -> Result<Option<u64>, Fault> {
        Ok(Some(self.0))
    }

    fn bytes(&self, column: &str) -> Result<Option<&[u8]>, Fault> {
        Err(Fault::malformed(column, "a number"))
    }

    fn text(&self, column: &str) -> Result<Option<&str>, Fault> {
        Err(Fault::malformed(column, "a number"))
    }
}

#[async_trait]
impl<D: Database> Database for ShiftedClock<D> {
    async fn open(location: &str) -> Result<Self, Fault> {
        Ok(Self { inner: D::open(location).await?, ahead: Arc::default() })
    }

    async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), Fault> {
        let (inner, version) = D::open_read_only(location).await?;
        Ok((Self { inner, ahead: Arc::default() }, version))
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        let (inner, ahead) = (self.inner.for_readers(connections_max), self.ahead.clone());
        Self { inner, ahead }
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        let (inner, ahead) = (self.inner.begin(access).await?, self.ahead.clone());
        Ok(Box::new(ShiftedUnit { inner, ahead }))
    }
}

#[async_trait]
impl Connection for ShiftedUnit {
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
        let is_clock = sql == self.dialect().clock();
        let rows = self.inner.fetch(sql, values).await?;
        if !is_clock {
            return Ok(rows);
        }
        let now = rows[0].number("millis")?.ok_or_else(|| Fault::corrupt("no time"))?;
        let now = now.checked_add_signed(self.ahead.load(Ordering::SeqCst));
        let now = now.ok_or_else(|| Fault::corrupt("a time before 1970"))?;
        Ok(vec![Box::new(Number(now))])
    }
}

#[async_trait]
impl Transaction for ShiftedUnit {
    async fn commit(self: Box<Self>) -> Result<(), Fault> {
        self.inner.commit().await
    }

    async fn roll_back(self: Box<Self>, after: StoreErrorKind) {
        self.inner.roll_back(after).await;
    }
}
