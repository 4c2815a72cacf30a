//! What the driver's errors mean.

use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::Fault;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

/// What the caller does about an error of the driver.
pub(crate) fn fault(error: sqlx::Error) -> Fault {
    let (kind, detail) = match &error {
        sqlx::Error::Database(database) => of_server(database.as_ref()),
        sqlx::Error::Encode(_) => return Fault::too_large(error),
        sqlx::Error::ColumnDecode { index, .. } => {
            return Fault::malformed(&index.clone(), error);
        }
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => {
            (StoreErrorKind::Unavailable, "no connection to the database".to_owned())
        }
        _ => (
            StoreErrorKind::Corrupt,
            "the database answers something else than was asked".to_owned(),
        ),
    };
    Fault::new(kind, detail).caused_by(error)
}

/// What the caller does about an error that the server answers.
fn of_server(error: &dyn DatabaseError) -> (StoreErrorKind, String) {
    use StoreErrorKind::{Corrupt, Invalid, Unavailable};
    let (kind, detail) = match number(error) {
        // 1020 is MariaDB's since 11.6, where a row has changed after the snapshot: it passes like
        // a deadlock.
        Some(codes::DEADLOCK | codes::LOCK_WAIT | codes::CHANGED_SINCE_READ) => {
            (Unavailable, "another write was in the way, and this one was taken back")
        }
        Some(
            // After a failover the name may lead to the old primary for a while, so this passes.
            codes::READ_ONLY_OPTION
            | codes::READ_ONLY_TABLE
            | codes::READ_ONLY_TRANSACTION
            | codes::READ_ONLY_MODE,
        ) => (Unavailable, "the server takes no writes: is it a replica?"),
        Some(codes::DISK_FULL | codes::TABLE_FULL | codes::NO_MEMORY) => {
            (Unavailable, "the server has no room")
        }
        Some(
            codes::CONNECTIONS
            | codes::CONNECTIONS_OF_USER
            | codes::RESOURCES_OF_USER
            | codes::SHUTDOWN
            | codes::INTERRUPTED
            | codes::KILLED
            | codes::IDLE
            | codes::TIMEOUT
            | codes::TIMEOUT_OF_MARIADB,
        ) => (Unavailable, "the server cannot go on now"),
        Some(
            codes::ACCESS_DENIED
            | codes::NOT_THIS_DATABASE
            | codes::UNKNOWN_DATABASE
            | codes::NOT_THIS_TABLE
            | codes::NOT_THIS_STATEMENT,
        ) => (Invalid, "the server refuses this user"),
        Some(codes::STATEMENT_LOG) => (Invalid, STATEMENT_LOG),
        Some(
            codes::DUPLICATE
            | codes::TOO_LONG
            | codes::OUT_OF_RANGE
            | codes::WRONG_VALUE
            | codes::NULL
            | codes::PACKET,
        ) => (Invalid, "the write contradicts the schema"),
        // MySQL's groups and MariaDB's clusters have more numbers for a transaction that they end.
        _ if error.code().is_some_and(|state| state.starts_with("40")) => {
            (Unavailable, "the server took this write back")
        }
        _ if error.code().is_some_and(|state| state.starts_with("08")) => {
            (Unavailable, "no connection to the database")
        }
        _ => (Corrupt, "the database is damaged or of another schema"),
    };
    (kind, detail.to_owned())
}

/// What is wrong with a server whose log refuses our writes, which are `READ COMMITTED`.
pub(crate) const STATEMENT_LOG: &str = "the server's binary log takes statements (binlog_format = STATEMENT), and refuses our \
     writes: SET GLOBAL binlog_format = 'ROW', and in its configuration";

/// The server's error number.
pub(crate) fn number(error: &dyn DatabaseError) -> Option<u16> {
    Some(error.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// As in <https://dev.mysql.com/doc/mysql-errors/en/server-error-reference.html> and
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
pub(crate) mod codes {
    pub(crate) const CHANGED_SINCE_READ: u16 = 1020;
    pub(crate) const DISK_FULL: u16 = 1021;
    pub(crate) const READ_ONLY_TABLE: u16 = 1036;
    pub(crate) const NO_MEMORY: u16 = 1037;
    pub(crate) const CONNECTIONS: u16 = 1040;
    pub(crate) const NOT_THIS_DATABASE: u16 = 1044;
    pub(crate) const ACCESS_DENIED: u16 = 1045;
    pub(crate) const NULL: u16 = 1048;
    pub(crate) const UNKNOWN_DATABASE: u16 = 1049;
    pub(crate) const SHUTDOWN: u16 = 1053;
    pub(crate) const DUPLICATE: u16 = 1062;
    pub(crate) const TABLE_FULL: u16 = 1114;
    pub(crate) const NOT_THIS_TABLE: u16 = 1142;
    pub(crate) const PACKET: u16 = 1153;
    pub(crate) const CONNECTIONS_OF_USER: u16 = 1203;
    pub(crate) const LOCK_WAIT: u16 = 1205;
    pub(crate) const DEADLOCK: u16 = 1213;
    pub(crate) const RESOURCES_OF_USER: u16 = 1226;
    pub(crate) const NOT_THIS_STATEMENT: u16 = 1227;
    pub(crate) const OUT_OF_RANGE: u16 = 1264;
    pub(crate) const READ_ONLY_OPTION: u16 = 1290;
    pub(crate) const INTERRUPTED: u16 = 1317;
    pub(crate) const WRONG_VALUE: u16 = 1366;
    pub(crate) const TOO_LONG: u16 = 1406;
    pub(crate) const STATEMENT_LOG: u16 = 1665;
    pub(crate) const READ_ONLY_TRANSACTION: u16 = 1792;
    pub(crate) const READ_ONLY_MODE: u16 = 1836;
    pub(crate) const KILLED: u16 = 1927;
    pub(crate) const TIMEOUT_OF_MARIADB: u16 = 1969;
    pub(crate) const TIMEOUT: u16 = 3024;
    pub(crate) const IDLE: u16 = 4031;
}
