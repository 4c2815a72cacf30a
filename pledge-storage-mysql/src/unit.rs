//! What one call of a port does with the database.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{Connection, Dialect, Done, Fault, Row, Unit, Value};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor, MySql, MySqlPool};

use crate::dialect::MySqlDialect;
use crate::error::fault;
use crate::patience::Listener;
use crate::values::{Found, arguments};

/// A connection, and a transaction in it.
///
/// The transaction is begun and ended by statements of our own. Where the driver counts them, a call
/// that is dropped while it begins leaves one open that nobody knows of; and a call that is dropped
/// at any time may leave half an answer to be read. So a connection is used again only if its call
/// came to an end, and is closed else: the server rolls back what a closed connection began.
#[derive(Debug)]
pub(crate) struct MySqlUnit {
    connection: PoolConnection<MySql>,
    listener: Listener,
    is_transaction: bool,
    is_reusable: bool,
}

impl Drop for MySqlUnit {
    fn drop(&mut self) {
        if !self.is_reusable {
            self.connection.close_on_drop();
        }
    }
}

impl MySqlUnit {
    /// Begins on a connection of the pool; `answer` is how long each of its statements may take.
    pub(crate) async fn begin(
        pool: &MySqlPool,
        is_transaction: bool,
        answer: Duration,
    ) -> Result<Self, Fault> {
        let connection = pool.acquire().await.map_err(fault)?;
        let listener = Listener::new(answer);
        let mut unit = Self { connection, listener, is_transaction, is_reusable: false };
        if is_transaction {
            unit.say("START TRANSACTION").await.map_err(fault)?;
        }
        Ok(unit)
    }

    async fn say(&mut self, words: &'static str) -> Result<(), sqlx::Error> {
        self.listener.hear(self.connection.execute(words)).await.map(|_| ())
    }

    async fn try_commit(&mut self) -> Result<(), Fault> {
        let Err(error) = self.say("COMMIT").await else {
            return Ok(());
        };
        if error.as_database_error().is_some() {
            return Err(fault(error));
        }
        let detail = "the connection was lost during the commit: the write may be there or not";
        Err(Fault::unavailable(detail).caused_by(error))
    }
}

#[async_trait]
impl Connection for MySqlUnit {
    fn dialect(&self) -> &'static dyn Dialect {
        &MySqlDialect
    }

    async fn execute(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<Done, Fault> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        let done = self.listener.hear(query.execute(&mut *self.connection)).await.map_err(fault)?;
        Ok(Done { rows_affected: done.rows_affected(), last_insert_id: done.last_insert_id() })
    }

    async fn fetch(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Vec<Box<dyn Row>>, Fault> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        let rows =
            self.listener.hear(query.fetch_all(&mut *self.connection)).await.map_err(fault)?;
        Ok(rows.into_iter().map(|row| Box::new(Found(row)) as _).collect())
    }
}

#[async_trait]
impl Unit for MySqlUnit {
    async fn commit(mut self: Box<Self>) -> Result<(), Fault> {
        let committed = if self.is_transaction { self.try_commit().await } else { Ok(()) };
        match committed {
            Ok(()) => self.is_reusable = true,
            Err(fault) => {
                self.roll_back(fault.kind()).await;
                return Err(fault);
            }
        }
        Ok(())
    }

    /// One that the server has ended already is no error to it. One that says nothing is not asked:
    /// it rolls back what a closed connection began.
    async fn roll_back(mut self: Box<Self>, after: StoreErrorKind) {
        if self.listener.has_given_up() {
            return;
        }
        match self.say("ROLLBACK").await {
            Ok(()) => self.is_reusable = after != StoreErrorKind::Unavailable,
            Err(error) => tracing::debug!(%error, "the connection is given up"),
        }
    }
}
