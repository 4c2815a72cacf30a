//! What one call of a port does with the database.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{Connection, Dialect, Fault, Row, Transaction, Value};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlArguments, MySqlQueryResult};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::dialect::MySqlDialect;
use crate::error::fault;
use crate::pool::{Pool, Slot};
use crate::values::{DbRow, arguments};

/// A connection, and a transaction in it.
///
/// The transaction is begun and ended by statements of our own. Where the driver counts them, a
/// call that is dropped while it begins leaves one open unnoticed.
///
/// Half an answer that is left unread makes a connection useless. So what is asked is held here, not by
/// the call that waits for it: a unit that is dropped finishes it, takes all of it back, and leaves
/// the connection to the next call.
pub(crate) struct MySqlUnit {
    pool: Pool,
    at: At,
    is_transaction: bool,
}

/// What a connection is asked, until it is free again; none if it was lost.
type Asked = Pin<Box<dyn Future<Output = Option<Slot>> + Send>>;

enum At {
    Free(Slot),
    Asked(Asked),
    Ended,
}

impl fmt::Debug for MySqlUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlUnit").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Drop for MySqlUnit {
    fn drop(&mut self) {
        let at = std::mem::replace(&mut self.at, At::Ended);
        let left: Asked = match at {
            At::Free(slot) => Box::pin(async { Some(slot) }),
            At::Asked(asked) => asked,
            At::Ended => return,
        };
        // Without a runtime nothing can be finished: the connection is closed.
        let Ok(runtime) = Handle::try_current() else { return };
        let pool = self.pool.clone();
        runtime.spawn(async move {
            let taking_back = async {
                if let Some(slot) = left.await {
                    slot.take_back().await;
                }
            };
            pool.finish(taking_back).await;
        });
    }
}

impl MySqlUnit {
    /// Begins on a connection of the pool.
    pub(crate) async fn begin(pool: &Pool, is_transaction: bool) -> Result<Self, Fault> {
        let room = pool.room().await?;
        let mut unit = Self { pool: pool.clone(), at: At::Ended, is_transaction };
        let connecting = async move {
            match room.connection().await {
                Ok(slot) => (Some(slot), Ok(())),
                Err(fault) => (None, Err(fault)),
            }
        };
        unit.wait_for(connecting).await?;
        if is_transaction {
            unit.send("START TRANSACTION").await.map_err(fault)?;
        }
        Ok(unit)
    }

    /// What comes of `work`, which goes on if the call is dropped meanwhile.
    async fn wait_for<T: Send + 'static>(
        &mut self,
        work: impl Future<Output = (Option<Slot>, T)> + Send + 'static,
    ) -> T {
        let (sender, mut receiver) = oneshot::channel();
        self.at = At::Asked(Box::pin(async move {
            let (slot, answer) = work.await;
            // The call may have been dropped.
            let _ = sender.send(answer);
            slot
        }));
        let At::Asked(asked) = &mut self.at else { unreachable!("set above") };
        let slot = asked.await;
        self.at = slot.map_or(At::Ended, At::Free);
        receiver.try_recv().expect("sent before the work ended")
    }

    /// Asks the connection something.
    async fn ask<T, W>(&mut self, question: impl FnOnce(Slot) -> W) -> Result<T, sqlx::Error>
    where
        T: Send + 'static,
        W: Future<Output = (Slot, Result<T, sqlx::Error>)> + Send + 'static,
    {
        let At::Free(slot) = std::mem::replace(&mut self.at, At::Ended) else {
            return Err(lost());
        };
        let asked = question(slot);
        self.wait_for(async move {
            let (slot, answer) = asked.await;
            (Some(slot), answer)
        })
        .await
    }

    fn arguments(&self, values: Vec<Value>) -> Result<MySqlArguments, Fault> {
        match &self.at {
            At::Free(slot) => arguments(values, slot.session.values_bytes_max),
            At::Asked(_) | At::Ended => Err(fault(lost())),
        }
    }

    async fn run(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<MySqlQueryResult, Fault> {
        let query = sqlx::query_with(AssertSqlSafe(sql), self.arguments(values)?);
        let done = self.ask(|mut slot| async move {
            let Slot { session, listener, .. } = &mut slot;
            let done = listener.wait_for(query.execute(&mut session.connection)).await;
            (slot, done)
        });
        done.await.map_err(fault)
    }

    async fn send(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.ask(|mut slot| async move {
            let done = slot.send(statement).await;
            (slot, done)
        })
        .await
    }

    async fn try_commit(&mut self) -> Result<(), Fault> {
        let Err(error) = self.send("COMMIT").await else {
            return Ok(());
        };
        // The server answers that it did not commit. Any other error may have lost the answer
        // alone.
        if error.as_database_error().is_some() {
            return Err(fault(error));
        }
        let detail = "the connection was lost during the commit: the write may be there or not";
        Err(Fault::unavailable(detail).caused_by(error))
    }

    /// Ends with the connection.
    fn end(&mut self) -> Option<Slot> {
        match std::mem::replace(&mut self.at, At::Ended) {
            At::Free(slot) => Some(slot),
            At::Asked(_) | At::Ended => None,
        }
    }
}

fn lost() -> sqlx::Error {
    sqlx::Error::Protocol("the connection is lost".to_owned())
}

#[async_trait]
impl Connection for MySqlUnit {
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
        let query = sqlx::query_with(AssertSqlSafe(sql), self.arguments(values)?);
        let rows = self.ask(|mut slot| async move {
            let Slot { session, listener, .. } = &mut slot;
            let rows = listener.wait_for(query.fetch_all(&mut session.connection)).await;
            (slot, rows)
        });
        Ok(rows.await.map_err(fault)?.into_iter().map(|row| Box::new(DbRow(row)) as _).collect())
    }
}

#[async_trait]
impl Transaction for MySqlUnit {
    async fn commit(mut self: Box<Self>) -> Result<(), Fault> {
        let committed = if self.is_transaction { self.try_commit().await } else { Ok(()) };
        if let Err(fault) = committed {
            self.roll_back(fault.kind()).await;
            return Err(fault);
        }
        if let Some(slot) = self.end() {
            slot.give_back();
        }
        Ok(())
    }

    /// One that the server has ended already is no error to it. One that does not answer is not
    /// asked: it rolls back what a closed connection began.
    async fn roll_back(mut self: Box<Self>, after: StoreErrorKind) {
        if matches!(&self.at, At::Free(slot) if slot.listener.has_given_up()) {
            drop(self.end());
            return;
        }
        let taken_back = self.send("ROLLBACK").await;
        let slot = self.end();
        match taken_back {
            // The server may be read only since a failover: the next call connects again, perhaps
            // to another.
            Ok(()) if after == StoreErrorKind::Unavailable => drop(slot),
            Ok(()) => slot.into_iter().for_each(Slot::give_back),
            Err(error) => tracing::debug!(%error, "the connection is given up"),
        }
    }
}
