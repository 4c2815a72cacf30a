//! The database: connections that write, and others that read.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_storage_sql::{Access, Database, Fault, SchemaVersion, Unit};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection, MySqlConnection, MySqlPool};

use crate::error::{codes, fault, number};
use crate::migrate::{migrate, schema_version};
use crate::patience::{Patience, silence, within};
use crate::session::{Role, set_up};
use crate::unit::MySqlUnit;

const WRITERS_MAX: u32 = 8;
const READERS_MAX: u32 = 8;
/// Statements that a connection keeps prepared: every text of ours in each of its sizes.
const STATEMENTS_CACHED_MAX: usize = 256;

/// The connections to one database of a server.
#[derive(Debug, Clone)]
pub struct MySqlDatabase {
    writers: MySqlPool,
    readers: MySqlPool,
    patience: Patience,
}

impl MySqlDatabase {
    /// As [`MySqlStore::open`](crate::MySqlStore::open), with a patience of one's own. Changes of the
    /// schema take the time that they take.
    pub async fn open_with(url: &str, patience: Patience) -> Result<Self, StoreError> {
        let opened = Self::migrated(url, patience).await;
        opened.map_err(|fault| fault.during("open the database"))
    }

    async fn migrated(url: &str, patience: Patience) -> Result<Self, Fault> {
        let (mut db, name) = Self::connect(url, Role::Writer, patience).await?;
        within(patience.answer, warn_of_lost_commits(&mut db)).await?;
        migrate(&mut db, &name).await?;
        Self::leave(db, patience).await?;
        Self::pools(url, Role::Writer, patience)
    }

    /// A connection of its own, and the name of its database.
    async fn connect(
        url: &str,
        role: Role,
        patience: Patience,
    ) -> Result<(MySqlConnection, String), Fault> {
        let options = options_of(url)?;
        let name = options.get_database().unwrap_or_default().to_owned();
        let connected = within(patience.connection, async {
            let mut db = options.connect().await.map_err(|error| explain_open(&name, error))?;
            set_up(&mut db, role).await?;
            Ok(db)
        });
        Ok((connected.await?, name))
    }

    async fn leave(db: MySqlConnection, patience: Patience) -> Result<(), Fault> {
        within(patience.answer, async { db.close().await.map_err(fault) }).await
    }

    /// Every writer is of this role. Nothing is connected yet.
    fn pools(url: &str, writers: Role, patience: Patience) -> Result<Self, Fault> {
        let options = options_of(url)?;
        let pool = |role, connections_max| {
            pool_options(role, connections_max, patience).connect_lazy_with(options.clone())
        };
        let (writers, readers) = (pool(writers, WRITERS_MAX), pool(Role::Reader, READERS_MAX));
        Ok(Self { writers, readers, patience })
    }
}

#[async_trait]
impl Database for MySqlDatabase {
    async fn open(url: &str) -> Result<Self, Fault> {
        Self::migrated(url, Patience::DEFAULT).await
    }

    async fn open_read_only(url: &str) -> Result<(Self, SchemaVersion), Fault> {
        let patience = Patience::DEFAULT;
        let (mut db, name) = Self::connect(url, Role::Reader, patience).await?;
        let version = within(patience.answer, schema_version(&mut db, &name)).await?;
        Self::leave(db, patience).await?;
        Ok((Self::pools(url, Role::Reader, patience)?, version))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    async fn begin(&self, access: Access) -> Result<Box<dyn Unit>, Fault> {
        let pool = if access == Access::Write { &self.writers } else { &self.readers };
        let is_transaction = access != Access::ReadOnce;
        let unit = MySqlUnit::begin(pool, is_transaction, self.patience.answer).await?;
        Ok(Box::new(unit))
    }
}

fn options_of(url: &str) -> Result<MySqlConnectOptions, Fault> {
    // The URL may hold a password: it is never shown.
    let options: MySqlConnectOptions = url.parse().map_err(|error: sqlx::Error| {
        let detail = "the URL is not of the form mysql://user:password@host:3306/database";
        Fault::invalid(detail).caused_by(error)
    })?;
    if options.get_database().is_none_or(str::is_empty) {
        let detail = "the URL names no database: mysql://user:password@host:3306/database";
        return Err(Fault::invalid(detail));
    }
    Ok(options
        .charset("utf8mb4")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .statement_cache_capacity(STATEMENTS_CACHED_MAX)
        .disable_statement_logging())
}

fn pool_options(role: Role, connections_max: u32, patience: Patience) -> MySqlPoolOptions {
    // Several that have died in their sleep are found within the time for one.
    let for_a_sleeper = patience.connection / (2 * connections_max);
    MySqlPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(patience.connection)
        .test_before_acquire(false)
        .before_acquire(move |connection, _| {
            Box::pin(async move {
                let alive = tokio::time::timeout(for_a_sleeper, connection.ping()).await;
                alive.unwrap_or_else(|_| Err(silence(for_a_sleeper))).map(|()| true)
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                let refuse = |fault: Fault| fault.during("set up a connection").into();
                set_up(connection, role).await.map_err(|f| sqlx::Error::Configuration(refuse(f)))
            })
        })
}

/// What is wrong with the URL, where that is what an error means while opening.
fn explain_open(name: &str, error: sqlx::Error) -> Fault {
    let detail = match error.as_database_error().and_then(number) {
        Some(codes::UNKNOWN_DATABASE) => format!(
            "there is no database `{name}`: CREATE DATABASE `{name}` CHARACTER SET utf8mb4 \
             COLLATE utf8mb4_bin"
        ),
        Some(codes::ACCESS_DENIED) => "the server refuses the user or the password".to_owned(),
        Some(codes::NOT_THIS_DATABASE) => format!("the user may not use the database `{name}`"),
        _ if matches!(error, sqlx::Error::Configuration(_)) => {
            "the user cannot log in as the URL says: leave `ssl-mode` out of it, so that the connection \
             is encrypted"
                .to_owned()
        }
        _ => return fault(error),
    };
    Fault::invalid(detail).caused_by(error)
}

/// `Ok` promises that a write is durable; a server can be told to promise less.
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
