//! What one call of a port does with the database.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{Connection, Dialect, Fault, Row, Transaction, Value};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteQueryResult;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::dialect::SqliteDialect;
use crate::error::fault;
use crate::files::Files;
use crate::values::{DbRow, arguments};

#[derive(Debug)]
pub(crate) enum SqliteUnit {
    Write(sqlx::Transaction<'static, Sqlite>, Option<Arc<Files>>),
    Read(sqlx::Transaction<'static, Sqlite>),
    Statement(PoolConnection<Sqlite>),
}

impl SqliteUnit {
    pub(crate) fn db(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Write(tx, _) | Self::Read(tx) => tx,
            Self::Statement(connection) => connection,
        }
    }

    async fn run(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<SqliteQueryResult, Fault> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        query.execute(self.db()).await.map_err(fault)
    }
}

#[async_trait]
impl Connection for SqliteUnit {
    fn dialect(&self) -> &'static dyn Dialect {
        &SqliteDialect
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
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let key = u64::try_from(done.last_insert_rowid());
        key.map(Some).map_err(|error| Fault::corrupt("a key below zero").caused_by(error))
    }

    async fn fetch(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Vec<Box<dyn Row>>, Fault> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        let rows = query.fetch_all(self.db()).await.map_err(fault)?;
        Ok(rows.into_iter().map(|row| Box::new(DbRow(row)) as _).collect())
    }
}

#[async_trait]
impl Transaction for SqliteUnit {
    async fn commit(self: Box<Self>) -> Result<(), Fault> {
        match *self {
            Self::Write(tx, files) => {
                // One that is dropped here is taken back.
                files.map_or(Ok(()), |files| files.check())?;
                tx.commit().await.map_err(fault)
            }
            Self::Read(tx) => tx.commit().await.map_err(fault),
            Self::Statement(_) => Ok(()),
        }
    }

    async fn roll_back(self: Box<Self>, _after: StoreErrorKind) {
        // Most errors leave the transaction open; some have ended it already, and then there is
        // nothing to take back and the pool drops the connection.
        if let Self::Write(tx, _) | Self::Read(tx) = *self
            && let Err(error) = tx.rollback().await
        {
            tracing::debug!(%error, "rollback found no transaction");
        }
    }
}
