//! What the driver's errors mean.

use pledge_core::error::StoreErrorKind;
use pledge_storage_sql::Fault;
use sqlx::error::DatabaseError;

/// What the caller does about an error of the driver.
pub(crate) fn fault(error: sqlx::Error) -> Fault {
    let (kind, detail) = match &error {
        sqlx::Error::Database(database) => of_result_code(primary_code(database.as_ref())),
        sqlx::Error::Encode(_) => return Fault::too_large(error),
        sqlx::Error::ColumnDecode { index, .. } => {
            return Fault::malformed(&index.clone(), error);
        }
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::InvalidSavePointStatement => {
            (StoreErrorKind::Unavailable, "no connection to the database".to_owned())
        }
        _ => (
            StoreErrorKind::Corrupt,
            "the database answers something else than was asked".to_owned(),
        ),
    };
    Fault::new(kind, detail).caused_by(error)
}

/// What the caller does about SQLite's primary result codes.
fn of_result_code(code: Option<i32>) -> (StoreErrorKind, String) {
    use StoreErrorKind::{Corrupt, Invalid, Unavailable};
    let (kind, detail) = match code {
        Some(codes::BUSY | codes::LOCKED) => (Unavailable, "another program holds the database"),
        Some(codes::FULL) => (
            Unavailable,
            "the disk is full; nothing was written, and it goes on once there is room",
        ),
        Some(codes::IOERR | codes::CANTOPEN) => (Unavailable, "the file cannot be read or written"),
        Some(codes::READONLY | codes::PERM) => {
            (Unavailable, "the file or its folder cannot be written to: give us the right")
        }
        Some(codes::NOMEM | codes::INTERRUPT | codes::PROTOCOL) => {
            (Unavailable, "the database cannot go on now")
        }
        Some(codes::NOTADB) => (Corrupt, "the file is not a database"),
        Some(codes::CONSTRAINT | codes::TOOBIG) => (Invalid, "the write contradicts the schema"),
        _ => (Corrupt, "the database is damaged or of another schema"),
    };
    (kind, detail.to_owned())
}

/// What is wrong with the location, where that is what an error means while opening.
pub(crate) fn explain_open(location: &str, error: sqlx::Error) -> Fault {
    let code = error.as_database_error().and_then(primary_code);
    let detail = match code {
        Some(codes::CANTOPEN) => "cannot be opened: does its folder exist, and may we write there?",
        Some(codes::NOTADB) => "is not an SQLite database: name another file",
        _ => return fault(error),
    };
    Fault::invalid(format!("`{location}` {detail}")).caused_by(error)
}

/// The result code without its extension, as in <https://www.sqlite.org/rescode.html>.
pub(crate) fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    let extended: i32 = error.code()?.parse().ok()?;
    Some(extended & 0xff)
}

pub(crate) mod codes {
    pub(crate) const PERM: i32 = 3;
    pub(crate) const BUSY: i32 = 5;
    pub(crate) const LOCKED: i32 = 6;
    pub(crate) const NOMEM: i32 = 7;
    pub(crate) const READONLY: i32 = 8;
    pub(crate) const INTERRUPT: i32 = 9;
    pub(crate) const IOERR: i32 = 10;
    pub(crate) const FULL: i32 = 13;
    pub(crate) const CANTOPEN: i32 = 14;
    pub(crate) const PROTOCOL: i32 = 15;
    pub(crate) const TOOBIG: i32 = 18;
    pub(crate) const CONSTRAINT: i32 = 19;
    pub(crate) const NOTADB: i32 = 26;
}
