//! The database: connections that write, and others that read.

use std::time::Duration;

use pledge_core::error::{StoreError, StoreErrorKind};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection, Executor, MySql, MySqlConnection, MySqlPool};

use crate::error::{Fault, codes, number};
use crate::migrate::{SchemaVersion, migrate, schema_version};
use crate::session::{Role, set_up};

const WRITERS_MAX: u32 = 8;
const READERS_MAX: u32 = 8;
/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared: every text of ours in each of its sizes.
const STATEMENTS_CACHED_MAX: usize = 256;

/// The ledger and the points of any number of chains, in one database of a server.
///
/// A clone is another handle to the same connections.
///
/// ```no_run
/// use pledge_core::ports::BalanceStore;
/// use pledge_core::types::ChainId;
/// use pledge_storage_mysql::MySqlStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MySqlStore::open("mysql://pledge:secret@127.0.0.1:3306/pledge").await?;
/// store.register_chain(ChainId::new(1), "ethereum").await?;
/// assert_eq!(store.chains().await?.len(), 1);
/// store.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MySqlStore {
    writers: MySqlPool,
    readers: MySqlPool,
}

impl MySqlStore {
    /// Opens the database that a URL names, which must exist, and brings its schema up to date.
    /// `?ssl-mode=` and the other parameters are those of the server's own clients; without one
    /// the connection is encrypted if the server can.
    ///
    /// `Invalid` for a URL that names no database, a user or a database that the server does not
    /// know, a database of another program, or one written by a newer version; `Unavailable` if the
    /// server cannot be reached.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let opened = Self::connect(url).await;
        opened.map_err(|fault| fault.during("open the database"))
    }

    async fn connect(url: &str) -> Result<Self, Fault> {
        let options = options_of(url)?;
        let (mut db, name) = dial(&options, Role::Writer).await?;
        warn_of_lost_commits(&mut db).await?;
        migrate(&mut db, &name).await?;
        db.close().await?;
        let writers = pool_options(Role::Writer, WRITERS_MAX).connect_lazy_with(options.clone());
        let readers = pool_options(Role::Reader, READERS_MAX).connect_lazy_with(options);
        Ok(Self { writers, readers })
    }

    /// Opens a database for reading alone and tells the version of its schema, which stays as it is:
    /// where it is not current, reads may fail. Writes fail.
    ///
    /// Errors are those of [`MySqlStore::open`].
    pub async fn open_read_only(url: &str) -> Result<(Self, SchemaVersion), StoreError> {
        let opened = Self::connect_read_only(url).await;
        opened.map_err(|fault| fault.during("look at the database"))
    }

    async fn connect_read_only(url: &str) -> Result<(Self, SchemaVersion), Fault> {
        let options = options_of(url)?;
        let (mut db, name) = dial(&options, Role::Reader).await?;
        let version = schema_version(&mut db, &name).await?;
        db.close().await?;
        let readers = pool_options(Role::Reader, READERS_MAX).connect_lazy_with(options);
        Ok((Self { writers: readers.clone(), readers }, version))
    }

    /// Waits for the calls under way and closes every connection.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    /// A write: whole, or rolled back when its outcome is an error or its future is dropped.
    pub(crate) async fn write(&self, operation: &'static str) -> Result<Unit, StoreError> {
        Unit::begin(&self.writers, operation).await
    }

    /// Several reads over one snapshot.
    pub(crate) async fn read(&self, operation: &'static str) -> Result<Unit, StoreError> {
        Unit::begin(&self.readers, operation).await
    }

    /// A read of one statement, which is a snapshot by itself.
    pub(crate) async fn read_once(&self, operation: &'static str) -> Result<Unit, StoreError> {
        let acquired = self.readers.acquire().await;
        let connection = acquired.map_err(|error| Fault::from(error).during(operation))?;
        Ok(Unit { connection, operation, is_transaction: false, is_reusable: false })
    }
}

/// What one call of a port does with the database.
///
/// The transaction is begun and ended by statements of our own. Where the driver counts them, a call
/// that is dropped while it begins leaves one open that nobody knows of; and a call that is dropped
/// at any time may leave half an answer to be read. So a connection is used again only if its call
/// came to an end, and is closed else: the server rolls back what a closed connection began.
#[derive(Debug)]
pub(crate) struct Unit {
    connection: PoolConnection<MySql>,
    operation: &'static str,
    is_transaction: bool,
    is_reusable: bool,
}

impl Drop for Unit {
    fn drop(&mut self) {
        if !self.is_reusable {
            self.connection.close_on_drop();
        }
    }
}

impl Unit {
    async fn begin(pool: &MySqlPool, operation: &'static str) -> Result<Self, StoreError> {
        let begun = async {
            let connection = pool.acquire().await?;
            let mut unit = Self { connection, operation, is_transaction: true, is_reusable: false };
            unit.connection.execute("START TRANSACTION").await?;
            Ok(unit)
        };
        begun.await.map_err(|error: sqlx::Error| Fault::from(error).during(operation))
    }

    pub(crate) fn db(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }

    /// Commits what succeeded; takes back what failed.
    pub(crate) async fn finish<T>(mut self, outcome: Result<T, Fault>) -> Result<T, StoreError> {
        let ended = match outcome {
            Ok(answer) if self.is_transaction => self.commit().await.map(|()| answer),
            outcome => outcome,
        };
        self.is_reusable = match &ended {
            Ok(_) => true,
            Err(fault) => self.roll_back().await && fault.kind() != StoreErrorKind::Unavailable,
        };
        ended.map_err(|fault| fault.during(self.operation))
    }

    async fn commit(&mut self) -> Result<(), Fault> {
        let Err(error) = self.connection.execute("COMMIT").await else {
            return Ok(());
        };
        if error.as_database_error().is_some() {
            return Err(error.into());
        }
        let detail = "the connection was lost during the commit: the write may be there or not";
        Err(Fault::unavailable(detail).caused_by(error))
    }

    /// Ends the transaction before the caller goes on, so that none of its locks is left, and answers
    /// whether the server did so. One that the server has ended already is no error to it.
    async fn roll_back(&mut self) -> bool {
        let ended = self.connection.execute("ROLLBACK").await;
        if let Err(error) = &ended {
            tracing::debug!(%error, operation = self.operation, "the connection is given up");
        }
        ended.is_ok()
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

fn pool_options(role: Role, connections_max: u32) -> MySqlPoolOptions {
    MySqlPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                let refuse = |fault: Fault| fault.during("set up a connection").into();
                set_up(connection, role).await.map_err(|f| sqlx::Error::Configuration(refuse(f)))
            })
        })
}

/// A connection outside the pools, and the name of its database.
async fn dial(
    options: &MySqlConnectOptions,
    role: Role,
) -> Result<(MySqlConnection, String), Fault> {
    let name = options.get_database().unwrap_or_default().to_owned();
    let mut db = options.connect().await.map_err(|error| explain_open(&name, error))?;
    set_up(&mut db, role).await?;
    Ok((db, name))
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
        _ => return Fault::from(error),
    };
    Fault::invalid(detail).caused_by(error)
}

/// `Ok` promises that a write is durable; a server can be told to promise less.
async fn warn_of_lost_commits(db: &mut MySqlConnection) -> Result<(), Fault> {
    let select = "SELECT CAST(@@GLOBAL.innodb_flush_log_at_trx_commit AS UNSIGNED)";
    let flush: u64 = sqlx::query_scalar(select).fetch_one(db).await?;
    if flush != 1 {
        tracing::warn!(
            "innodb_flush_log_at_trx_commit is {flush}: the newest writes are lost when the \
             server's machine fails; set it to 1"
        );
    }
    Ok(())
}
