//! The seam to a driver: a statement and its values go in, rows come out.

use std::borrow::Cow;
use std::fmt::Debug;

use async_trait::async_trait;

use crate::dialect::Dialect;
use crate::fault::Fault;

/// A value for a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The absence of a value, `NULL`.
    Null,
    /// A number to store, or one that is stored. `Invalid` where no column can hold it.
    Number(u64),
    /// A number to look for, which anybody may have made up: where it is beyond what columns hold, no
    /// row has it.
    Key(u64),
    /// A number that columns are compared with: where it is beyond what they hold, it is above all of
    /// them.
    Bound(u64),
    /// Bytes: hashes, addresses, and big-endian amounts.
    Bytes(Vec<u8>),
    /// A text in UTF-8.
    Text(String),
}

impl Value {
    /// The length of a page. No table has more rows than the largest that every database takes.
    pub(crate) fn limit(rows_max: usize) -> Self {
        Self::Number((rows_max as u64).min(i64::MAX.cast_unsigned()))
    }
}

/// A row of an answer. A column that is not there, or of another kind, is `Corrupt`, as is a number
/// below zero; null is `None`.
pub trait Row: Send + Sync {
    /// A column of numbers.
    fn number(&self, column: &str) -> Result<Option<u64>, Fault>;

    /// A column of bytes.
    fn bytes(&self, column: &str) -> Result<Option<&[u8]>, Fault>;

    /// A column of texts.
    fn text(&self, column: &str) -> Result<Option<&str>, Fault>;
}

/// A connection that runs statements, one after the other.
///
/// A text is made of this crate's own words and the dialect's, never of data, so a statement can be
/// kept prepared by its text. Its marks are the dialect's.
#[async_trait]
pub trait Connection: Debug + Send {
    /// The database's own way with words.
    fn dialect(&self) -> &'static dyn Dialect;

    /// Runs a statement that answers nothing, and returns how many rows it added, changed or removed.
    async fn execute(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, Fault>;

    /// Runs a statement that adds or changes one row, and returns the key that this row was given.
    /// `None` where there was no row. The text ends with [`Dialect::returning`], or is that of an
    /// [`EventCounter`](crate::EventCounter).
    async fn execute_for_key(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Option<u64>, Fault>;

    /// Runs a statement that answers rows.
    async fn fetch(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Vec<Box<dyn Row>>, Fault>;
}
