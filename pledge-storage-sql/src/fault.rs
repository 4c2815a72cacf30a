//! Faults: what goes wrong below a port's method, before the method's name is known.

use std::error::Error as StdError;
use std::fmt;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::types::Overflow;

/// A store error that does not yet name its operation, or one of core's that does.
#[derive(Debug)]
pub struct Fault(Kind);

#[derive(Debug)]
enum Kind {
    Named(StoreError),
    Unnamed {
        kind: StoreErrorKind,
        detail: String,
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl Fault {
    /// A fault that explains itself.
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self(Kind::Unnamed { kind, detail: detail.into(), source: None })
    }

    /// The store is not where the caller assumed.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Conflict, detail)
    }

    /// The request is wrong.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Invalid, detail)
    }

    /// What is stored contradicts itself.
    pub fn corrupt(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Corrupt, detail)
    }

    /// The store cannot be reached now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Unavailable, detail)
    }

    /// The rewind goes below what is held.
    pub fn beyond_retention(detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::BeyondRetention, detail)
    }

    /// A value that its column should not hold.
    pub fn malformed(column: &str, why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::corrupt(format!("column {column} holds a malformed value")).caused_by(why)
    }

    /// A value that no column holds.
    pub fn too_large(why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::invalid("a value does not fit its column").caused_by(why)
    }

    /// What the caller does next.
    pub const fn kind(&self) -> StoreErrorKind {
        match &self.0 {
            Kind::Named(error) => error.kind(),
            Kind::Unnamed { kind, .. } => *kind,
        }
    }

    /// With the error below it.
    #[must_use]
    pub fn caused_by(self, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error = Whole(error.into());
        Self(match self.0 {
            Kind::Named(named) => Kind::Named(named.caused_by(error)),
            Kind::Unnamed { kind, detail, .. } => {
                Kind::Unnamed { kind, detail, source: Some(Box::new(error)) }
            }
        })
    }

    /// The same fault in other words.
    #[must_use]
    pub fn with_detail(self, word: impl FnOnce(&str) -> String) -> Self {
        Self(match self.0 {
            Kind::Named(error) => {
                let (kind, detail) = (error.kind(), word(error.detail()));
                Kind::Named(error.reclassified(kind, detail))
            }
            Kind::Unnamed { kind, detail, source } => {
                Kind::Unnamed { kind, detail: word(&detail), source }
            }
        })
    }

    /// What went wrong, and why, as one text.
    pub fn explained(&self) -> String {
        let (detail, mut below): (&str, Option<&dyn StdError>) = match &self.0 {
            Kind::Named(error) => (error.detail(), error.source()),
            Kind::Unnamed { detail, source, .. } => {
                (detail, source.as_deref().map(|source| source as _))
            }
        };
        let mut text = detail.to_owned();
        while let Some(cause) = below {
            text = format!("{text}: {cause}");
            below = cause.source();
        }
        text
    }

    /// The port's error, now that the operation is known.
    pub fn during(self, operation: &'static str) -> StoreError {
        match self.0 {
            Kind::Named(error) => error,
            Kind::Unnamed { kind, detail, source } => {
                let error = StoreError::new(kind, operation, detail);
                match source {
                    Some(source) => error.caused_by(source),
                    None => error,
                }
            }
        }
    }
}

/// The last error of a chain. Drivers' errors print their sources in their own texts, which would
/// be printed twice.
#[derive(Debug)]
struct Whole(Box<dyn StdError + Send + Sync>);

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Whole {}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(Kind::Named(error))
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
