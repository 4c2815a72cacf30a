//! Faults: what goes wrong below a port's method, before the method's name is known.

use std::error::Error as StdError;
use std::fmt;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::types::Overflow;
use sqlx::error::DatabaseError;

/// A store error that does not yet name its operation, or one of core's that does.
#[derive(Debug)]
pub(crate) enum Fault {
    Named(StoreError),
    Unnamed {
        kind: StoreErrorKind,
        detail: String,
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl Fault {
    fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self::Unnamed { kind, detail: detail.into(), source: None }
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Conflict, detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Invalid, detail)
    }

    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Corrupt, detail)
    }

    pub(crate) fn beyond_retention(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::BeyondRetention, detail)
    }

    pub(crate) fn caused_by(self, error: impl StdError + Send + Sync + 'static) -> Self {
        let error = Whole(error);
        match self {
            Self::Named(named) => Self::Named(named.caused_by(error)),
            Self::Unnamed { kind, detail, .. } => {
                Self::Unnamed { kind, detail, source: Some(Box::new(error)) }
            }
        }
    }

    /// The port's error, now that the operation is known.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        match self {
            Self::Named(error) => error,
            Self::Unnamed { kind, detail, source } => {
                let error = StoreError::new(kind, operation, detail);
                match source {
                    Some(source) => error.caused_by(source),
                    None => error,
                }
            }
        }
    }
}

/// The last error of a chain. The driver's errors print their sources in their own texts, which would
/// stand there twice.
#[derive(Debug)]
struct Whole<E>(E);

impl<E: fmt::Display> fmt::Display for Whole<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: fmt::Debug + fmt::Display> StdError for Whole<E> {}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Named(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        let (kind, detail) = match &error {
            sqlx::Error::Database(database) => of_result_code(primary_code(database.as_ref())),
            sqlx::Error::Encode(_) => {
                (StoreErrorKind::Invalid, "a value does not fit its column".to_owned())
            }
            sqlx::Error::ColumnDecode { index, .. } => {
                let detail = format!("column {index} holds a malformed value");
                (StoreErrorKind::Corrupt, detail)
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
        Self::new(kind, detail).caused_by(error)
    }
}

impl From<Overflow> for Fault {
    fn from(overflow: Overflow) -> Self {
        Self::corrupt("stored figures do not add up").caused_by(overflow)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::corrupt("a stored document is malformed").caused_by(error)
    }
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
