//! The database: connections that write, and others that read.

use std::num::NonZeroU16;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_storage_sql::{Access, Database, Fault, SchemaVersion, Transaction};
use sqlx::{Connection, MySqlConnection};

use crate::endpoint::Endpoint;
use crate::error::fault;
use crate::migrate::{migrate, schema_version};
use crate::pool::Pool;
use crate::session::Role;
use crate::timeouts::{Timeouts, within};
use crate::transaction::MySqlUnit;

const WRITERS_MAX: u32 = 8;
const READERS_MAX: u32 = 8;

/// The connections to one database of a server.
#[derive(Debug, Clone)]
pub struct MySqlDatabase {
    writers: Pool,
    readers: Pool,
}

impl MySqlDatabase {
    /// As [`MySqlStore::open`](crate::MySqlStore::open), with a patience of one's own. Changes of the
    /// schema take the time that they take.
    pub async fn open_with(url: &str, patience: Timeouts) -> Result<Self, StoreError> {
        let opened = Self::migrated(url, patience).await;
        opened.map_err(|fault| fault.during("open the database"))
    }

    async fn migrated(url: &str, patience: Timeouts) -> Result<Self, Fault> {
        let place = Endpoint::of(url)?;
        let mut db = place.open(Role::Writer, patience).await?.connection;
        within(patience.answer, warn_of_lost_commits(&mut db)).await?;
        migrate(&mut db, place.name()).await?;
        leave(db, patience).await?;
        Ok(Self::over(place, Role::Writer, patience))
    }

    /// Every writer is of this role. Nothing is connected yet.
    fn over(place: Endpoint, writers: Role, patience: Timeouts) -> Self {
        Self {
            writers: Pool::new(place.clone(), writers, WRITERS_MAX, patience),
            readers: Pool::new(place, Role::Reader, READERS_MAX, patience),
        }
    }
}

#[async_trait]
impl Database for MySqlDatabase {
    async fn open(url: &str) -> Result<Self, Fault> {
        Self::migrated(url, Timeouts::DEFAULT).await
    }

    async fn open_read_only(url: &str) -> Result<(Self, SchemaVersion), Fault> {
        let (place, patience) = (Endpoint::of(url)?, Timeouts::DEFAULT);
        let mut db = place.open(Role::Reader, patience).await?.connection;
        let version = within(patience.answer, schema_version(&mut db, place.name())).await?;
        leave(db, patience).await?;
        Ok((Self::over(place, Role::Reader, patience), version))
    }

    fn for_readers(&self, connections_max: NonZeroU16) -> Self {
        let readers = self.readers.another(connections_max.get().into());
        // What writes through it is refused, since its connections only read.
        Self { writers: readers.clone(), readers }
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, Fault> {
        // Apart, so that a read does not wait while every writer waits for a lock.
        let pool = if access == Access::Write { &self.writers } else { &self.readers };
        let is_transaction = access != Access::ReadOnce;
        Ok(Box::new(MySqlUnit::begin(pool, is_transaction).await?))
    }
}

async fn leave(db: MySqlConnection, patience: Timeouts) -> Result<(), Fault> {
    within(patience.answer, async { db.close().await.map_err(fault) }).await
}

/// `Ok` promises that a write is durable; a server can be configured to promise less.
async fn warn_of_lost_commits(db: &mut MySqlConnection) -> Result<(), Fault> {
    let select = "SELECT CAST(@@GLOBAL.innodb_flush_log_at_trx_commit AS UNSIGNED)";
    let flush: u64 = sqlx::query_scalar(select).fetch_one(db).await.map_err(fault)?;
    if flush != 1 {
        tracing::warn!(
            "innodb_flush_log_at_trx_commit is {flush}: the newest writes are lost when the \
             server's machine fails; set it to 1"
        );
    }
    Ok(())
}
