//! The seam over a PostgreSQL: as much of a backend as the laws need.

use std::borrow::Cow;
use std::num::NonZeroU16;

use async_trait::async_trait;
use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::{
    Access, Connection, Database, Dialect, Fault, Place, Row, Schema, SchemaVersion, Transaction,
    Value,
};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Row as _};

use crate::dialect::PostgresDialect;
use crate::values::{DbRow, arguments, fault, with_bounds};

const CONNECTIONS_MAX: u32 = 8;

#[derive(Debug, Clone)]
pub(crate) struct PostgresDatabase(PgPool);

/// What one call does, in a transaction or by one statement.
#[derive(Debug)]
struct Unit {
    connection: PoolConnection<Postgres>,
    is_transaction: bool,
    is_ended: bool,
}

impl Unit {
    const fn statement(connection: PoolConnection<Postgres>) -> Self {
        Self { connection, is_transaction: false, is_ended: false }
    }

    fn db(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    async fn end(&mut self, word: &'static str) -> Result<(), Fault> {
        if self.is_transaction {
            sqlx::raw_sql(word).execute(self.db()).await.map_err(fault)?;
        }
        self.is_ended = true;
        Ok(())
    }
}

impl Drop for Unit {
    /// A connection whose call did not end may have half an answer, and an open transaction.
    fn drop(&mut self) {
        if !self.is_ended {
            self.connection.close_on_drop();
        }
    }
}

impl PostgresDatabase {
    async fn connect(url: &str) -> Result<Self, Fault> {
        let options: PgConnectOptions = url.parse().map_err(fault)?;
        let options = options.options([("lock_timeout", "5s")]);
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX);
        Ok(Self(pool.connect_with(options).await.map_err(fault)?))
    }

    async fn transaction(&self, begin: &'static str) -> Result<Unit, Fault> {
        let connection = self.0.acquire().await.map_err(fault)?;
        let mut unit = Unit::statement(connection);
        unit.is_transaction = true;
        sqlx::raw_sql(begin).execute(unit.db()).await.map_err(fault)?;
        Ok(unit)
    }
}

const fn place(url: &str) -> Place<'_> {
    Place { name: url, what: "database" }
}

#[async_trait]
impl Database for PostgresDatabase {
    /// Changes of the schema are of a transaction, which a lock keeps alone.
    async fn open(url: &str) -> Result<Self, Fault> {
        let database = Self::connect(url).await?;
        let mut unit = database.transaction("BEGIN").await?;
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))";
        sqlx::query(lock).execute(unit.db()).await.map_err(fault)?;
        let schema = Schema::look(&mut unit, place(url)).await?;
        schema.bring_up_to_date(&mut unit).await?;
        Box::new(unit).commit().await?;
        Ok(database)
    }

    async fn open_read_only(url: &str) -> Result<(Self, SchemaVersion), Fault> {
        let database = Self::connect(url).await?;
        let connection = database.0.acquire().await.map_err(fault)?;
        let schema = Schema::look(&mut Unit::statement(connection), place(url)).await?;
        let version = schema.version();
        Ok((database, version))
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        let options = (*self.0.connect_options()).clone();
        let pool = PgPoolOptions::new().max_connections(connections_max.get().into());
        Self(pool.connect_lazy_with(options))
    }

    async fn close(&self) {
        self.0.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        Ok(Box::new(match access {
            Access::Write => self.transaction("BEGIN ISOLATION LEVEL READ COMMITTED").await?,
            Access::Read => {
                self.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?
            }
            Access::ReadOnce => Unit::statement(self.0.acquire().await.map_err(fault)?),
        }))
    }
}

#[async_trait]
impl Connection for Unit {
    fn dialect(&self) -> &'static dyn Dialect {
        &PostgresDialect
    }

    async fn execute(&mut self, sql: Cow<'static, str>, values: Vec<Value>) -> Result<u64, Fault> {
        let sql = with_bounds(sql, &values);
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        Ok(query.execute(self.db()).await.map_err(fault)?.rows_affected())
    }

    async fn execute_for_key(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Option<u64>, Fault> {
        let sql = with_bounds(sql, &values);
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        let Some(row) = query.fetch_optional(self.db()).await.map_err(fault)? else {
            return Ok(None);
        };
        let key: i64 = row.try_get(0).map_err(fault)?;
        u64::try_from(key).map(Some).map_err(|error| Fault::malformed("key", error))
    }

    async fn fetch(
        &mut self,
        sql: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Vec<Box<dyn Row>>, Fault> {
        let sql = with_bounds(sql, &values);
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(values)?);
        let rows = query.fetch_all(self.db()).await.map_err(fault)?;
        Ok(rows.into_iter().map(|row| Box::new(DbRow(row)) as _).collect())
    }
}

#[async_trait]
impl Transaction for Unit {
    async fn commit(mut self: Box<Self>) -> Result<(), Fault> {
        self.end("COMMIT").await
    }

    async fn roll_back(mut self: Box<Self>, _after: StoreErrorKind) {
        // One that cannot be rolled back is closed, and so taken back.
        let _ = self.end("ROLLBACK").await;
    }
}
