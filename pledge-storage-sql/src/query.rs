//! A statement on its way, and the records that answer it.

use std::borrow::Cow;

use pledge_core::types::{BlockRef, ChainId};

use crate::column::Column;
use crate::connection::{Connection, Row, Value};
use crate::fault::Fault;
use crate::row::FromRow;

/// A statement with the values for its question marks.
#[derive(Debug)]
pub(crate) struct Query {
    sql: Cow<'static, str>,
    values: Vec<Value>,
}

/// A statement, to which values are bound in the order of its question marks.
pub(crate) fn query(sql: impl Into<Cow<'static, str>>) -> Query {
    query_with(sql, Vec::new())
}

/// A statement and all its values.
pub(crate) fn query_with(sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Query {
    Query { sql: sql.into(), values }
}

impl Query {
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// A chain to look for, which may be beyond all that are stored.
    pub(crate) fn key(self, chain: ChainId) -> Self {
        self.bind(Value::Key(chain.get()))
    }

    /// A number to compare with, which may be beyond all that are stored.
    pub(crate) fn bound(self, number: u64) -> Self {
        self.bind(Value::Bound(number))
    }

    /// A page's length.
    pub(crate) fn limit(self, rows_max: usize) -> Self {
        self.bind(Value::limit(rows_max))
    }

    /// The four columns of a cursor.
    pub(crate) fn cursor(self, cursor: Option<BlockRef>) -> Self {
        self.bind(cursor.map(|cursor| cursor.number))
            .bind(cursor.map(|cursor| cursor.hash))
            .bind(cursor.map(|cursor| cursor.parent_hash))
            .bind(cursor.map(|cursor| cursor.time))
    }

    /// How many rows it added, changed or removed.
    pub(crate) async fn execute(self, db: &mut dyn Connection) -> Result<u64, Fault> {
        let (sql, values) = self.whole()?;
        db.execute(db.dialect().marks().write(sql), values).await
    }

    /// The key of the row that it adds or changes, which the text answers where it must.
    pub(crate) async fn key_taken(self, db: &mut dyn Connection) -> Result<Option<u64>, Fault> {
        let (sql, values) = self.whole()?;
        db.execute_for_key(db.dialect().marks().write(sql), values).await
    }

    /// The key that the database gives to the row that it adds.
    pub(crate) async fn new_key(self, db: &mut dyn Connection, column: &str) -> Result<u64, Fault> {
        let sql = format!("{} {}", self.sql, db.dialect().returning(column));
        let key = query_with(sql, self.values).key_taken(db).await?;
        key.ok_or_else(|| Fault::corrupt("a new row has no key"))
    }

    pub(crate) async fn rows(self, db: &mut dyn Connection) -> Result<Vec<Box<dyn Row>>, Fault> {
        let (sql, values) = self.whole()?;
        db.fetch(db.dialect().marks().write(sql), values).await
    }

    /// Its text and values. `Invalid` unless there is one value for each mark: SQLite takes a mark without a
    /// value for `NULL`, and other databases describe it as damage of their own.
    fn whole(self) -> Result<(Cow<'static, str>, Vec<Value>), Fault> {
        let Self { sql, values } = self;
        let (marks, bound) = (sql.matches('?').count(), values.len());
        if marks == bound {
            return Ok((sql, values));
        }
        Err(Fault::invalid(format!("a statement has {marks} marks and {bound} values: {sql}")))
    }

    /// Every row, each as a record.
    pub(crate) async fn all<T: FromRow>(self, db: &mut dyn Connection) -> Result<Vec<T>, Fault> {
        self.rows(db).await?.iter().map(|row| T::from_row(&**row)).collect()
    }

    /// The record, if there is one.
    pub(crate) async fn one<T: FromRow>(self, db: &mut dyn Connection) -> Result<Option<T>, Fault> {
        let rows = self.rows(db).await?;
        rows.first().map(|row| T::from_row(&**row)).transpose()
    }

    /// A column of the row, if there is one and it has a value.
    pub(crate) async fn value<T: Column>(
        self,
        db: &mut dyn Connection,
        column: &str,
    ) -> Result<Option<T>, Fault> {
        match self.rows(db).await?.first() {
            Some(row) => T::read(&**row, column),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use pledge_core::error::StoreErrorKind;

    use super::*;
    use crate::dialect::Dialect;

    /// A connection that nothing may reach.
    #[derive(Debug)]
    struct Unreached;

    #[async_trait]
    impl Connection for Unreached {
        fn dialect(&self) -> &'static dyn Dialect {
            panic!("the statement is worded")
        }

        async fn execute(
            &mut self,
            sql: Cow<'static, str>,
            _values: Vec<Value>,
        ) -> Result<u64, Fault> {
            panic!("it runs: {sql}")
        }

        async fn execute_for_key(
            &mut self,
            sql: Cow<'static, str>,
            _values: Vec<Value>,
        ) -> Result<Option<u64>, Fault> {
            panic!("it runs: {sql}")
        }

        async fn fetch(
            &mut self,
            sql: Cow<'static, str>,
            _values: Vec<Value>,
        ) -> Result<Vec<Box<dyn Row>>, Fault> {
            panic!("it runs: {sql}")
        }
    }

    /// A statement of two marks with other values than two.
    fn uneven() -> [Query; 3] {
        let of = |values| query_with("UPDATE token SET epoch = ? WHERE id = ?", values);
        [of(vec![]), of(vec![Value::Number(1)]), of(vec![Value::Null; 3])]
    }

    #[tokio::test]
    async fn a_statement_without_one_value_for_each_mark_does_not_run() {
        let mut faults = Vec::new();
        for query in uneven() {
            faults.extend(query.execute(&mut Unreached).await.err());
        }
        for query in uneven() {
            faults.extend(query.key_taken(&mut Unreached).await.err());
        }
        for query in uneven() {
            faults.extend(query.rows(&mut Unreached).await.err());
        }
        let kinds: Vec<_> = faults.iter().map(Fault::kind).collect();
        assert_eq!(kinds, [StoreErrorKind::Invalid; 9]);
        let text = faults[1].explained();
        assert!(text.contains("2 marks and 1 values: UPDATE token"), "{text}");
    }

    #[test]
    fn a_statement_with_a_value_for_each_mark_is_whole() {
        let (sql, values) = query("SELECT ?, ?").bind(1_u64).bind("a").whole().unwrap();
        assert_eq!((&*sql, values.len()), ("SELECT ?, ?", 2));
    }
}
