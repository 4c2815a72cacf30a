//! Statements on a connection of no pool.

use std::borrow::Cow;

use async_trait::async_trait;
use pledge_storage_sql::{Connection, Dialect, Fault, Row, Value};
use sqlx::mysql::MySqlQueryResult;
use sqlx::{AssertSqlSafe, MySqlConnection};

use crate::dialect::MySqlDialect;
use crate::error::fault;
use crate::values::{DbRow, arguments};

/// A connection whose answers take the time that they take: changes of the schema may be long.
#[derive(Debug)]
pub(crate) struct Direct<'a>(pub(crate) &'a mut MySqlConnection);

impl Direct<'_> {
    /// The schema's statements have few bytes, whatever the server takes.
    async fn run(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<MySqlQueryResult, Fault> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values, usize::MAX)?);
        query.execute(&mut *self.0).await.map_err(fault)
    }
}

#[async_trait]
impl Connection for Direct<'_> {
    fn dialect(&self) -> &'static dyn Dialect {
        &MySqlDialect
    }

    async fn execute(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, Fault> {
        Ok(self.run(sql, values).await?.rows_affected())
    }

    async fn execute_for_key(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Option<u64>, Fault> {
        let done = self.run(sql, values).await?;
        Ok((done.rows_affected() > 0).then_some(done.last_insert_id()))
    }

    async fn fetch(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Vec<Box<dyn Row>>, Fault> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values, usize::MAX)?);
        let rows = query.fetch_all(&mut *self.0).await.map_err(fault)?;
        Ok(rows.into_iter().map(|row| Box::new(DbRow(row)) as _).collect())
    }
}
