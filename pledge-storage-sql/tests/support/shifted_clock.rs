//! A database whose clock a test sets.

#![allow(dead_code, reason = "each test file uses its part")]

#[path = "watched.rs"]
mod watched;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use pledge_storage_sql::{Database, Fault, Row, SqlStore};
use pledge_testing::OfficeFixture;
use watched::{Rows, Watch, Watched};

/// A database whose clock is ahead of its own by some milliseconds.
pub(crate) type ShiftedClock<D> = Watched<D, Ahead>;

/// By how many milliseconds a clock is ahead.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ahead(Arc<AtomicI64>);

impl Ahead {
    pub(crate) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Watch for Ahead {
    fn rows(&self, is_clock: bool, rows: Rows) -> Result<Rows, Fault> {
        if !is_clock {
            return Ok(rows);
        }
        let now = rows[0].number("millis")?.ok_or_else(|| Fault::corrupt("no time"))?;
        let now = now.checked_add_signed(self.0.load(Ordering::SeqCst));
        let now = now.ok_or_else(|| Fault::corrupt("a time before 1970"))?;
        Ok(vec![Box::new(Number(now))])
    }
}

/// A store of the office in an empty database, whose clock a test sets. `guard` is dropped with it.
pub(crate) async fn office<D: Database>(
    location: &str,
    guard: impl Any + Send + Sync,
) -> OfficeFixture {
    let database = ShiftedClock::<D>::open(location).await.expect("a place of a test");
    let ahead = database.watch.0.clone();
    OfficeFixture::new(Arc::new(SqlStore::over(database)), ahead, guard)
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
