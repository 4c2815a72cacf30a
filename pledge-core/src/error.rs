//! Errors of the ports: a kind (what the caller should do next), an operation, a source.

use std::error::Error as StdError;
use std::fmt;

pub use crate::ports::{NotifyError, NotifyErrorKind, PriceError, PriceErrorKind};

type Source = Box<dyn StdError + Send + Sync>;

/// What the caller of a port should do next.
pub trait ErrorKind: fmt::Debug + Copy + Send + Sync + 'static {
    /// The kind in a few words, if operation and detail alone do not make it clear.
    fn words(self) -> Option<&'static str> {
        None
    }
}

/// Why a port refused or failed: [`StoreError`], [`ChainError`], [`NotifyError`], [`PriceError`].
#[derive(Debug)]
pub struct PortError<K> {
    kind: K,
    operation: &'static str,
    detail: String,
    source: Option<Source>,
}

impl<K: ErrorKind> PortError<K> {
    /// An error that explains itself.
    pub fn new(kind: K, operation: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, operation, detail: detail.into(), source: None }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with a kind and detail from a caller that knows more, keeping its source.
    #[must_use]
    pub fn reclassified(self, kind: K, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), ..self }
    }

    /// The same error during another operation, of which the one that failed is a part.
    #[must_use]
    pub fn during(self, operation: &'static str) -> Self {
        Self { operation, ..self }
    }

    /// What the caller should do next.
    pub const fn kind(&self) -> K {
        self.kind
    }

    /// What is wrong, without the operation and the kind: for readers who need neither.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl<K: ErrorKind> fmt::Display for PortError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if let Some(kind) = self.kind.words() {
            write!(f, "{kind}: ")?;
        }
        f.write_str(&self.detail)
    }
}

impl<K: ErrorKind> StdError for PortError<K> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What the caller of a store should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached now: retry with backoff. Nothing was written, unless the
    /// connection was lost during the commit: then all of it may be, and the retry is a `Conflict`.
    Unavailable,
    /// The store serves as many of its readers as it may, and it works. Nothing was done: answer those
    /// who asked that they may ask again shortly. It is no incident, and no sign that the store is broken.
    Busy,
    /// The store's state is not the one that the write builds on. Read again and plan again.
    Conflict,
    /// The rewind goes below the held headers. The chain halts until an operator rewinds it: see
    /// `Indexer::rewind_to`.
    BeyondRetention,
    /// The stored data contradicts itself. Stop this chain and investigate.
    Corrupt,
    /// The request itself is wrong: a bug or a wrong configuration.
    Invalid,
}

impl ErrorKind for StoreErrorKind {
    fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Unavailable => "store unavailable",
            Self::Busy => "store busy",
            Self::Conflict => "store conflict",
            Self::BeyondRetention => "beyond retention",
            Self::Corrupt => "store corrupt",
            Self::Invalid => "invalid request",
        })
    }
}

/// Why a store refused or failed. The refused write wrote nothing.
pub type StoreError = PortError<StoreErrorKind>;

impl StoreError {
    /// The store's state is not the one that the write builds on.
    pub fn conflict(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Conflict, operation, detail)
    }

    /// The request is wrong: retrying it is pointless.
    pub fn invalid(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Invalid, operation, detail)
    }

    /// The stored data contradicts itself.
    pub fn corrupt(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Corrupt, operation, detail)
    }

    /// Whether the same call may succeed later, unchanged.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable | StoreErrorKind::Busy)
    }
}

/// What the caller of a chain source should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChainErrorKind {
    /// The node failed for now: retry with backoff.
    Transient,
    /// Retrying the same call is pointless: the node, the address or the configuration is wrong.
    Persistent,
    /// A block vanished while it was read. Read the head and plan again.
    BlockGone,
}

impl ErrorKind for ChainErrorKind {}

/// Why a chain source has no answer.
pub type ChainError = PortError<ChainErrorKind>;

impl ChainError {
    /// The node failed for now: retry with backoff.
    pub fn transient(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ChainErrorKind::Transient, operation, detail)
    }

    /// The same call would fail again: retrying is pointless.
    pub fn persistent(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ChainErrorKind::Persistent, operation, detail)
    }

    /// A block vanished while it was read.
    pub fn block_gone(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ChainErrorKind::BlockGone, operation, detail)
    }

    /// Whether a block vanished while it was read.
    pub const fn is_block_gone(&self) -> bool {
        matches!(self.kind, ChainErrorKind::BlockGone)
    }
}

/// An error with the errors below it, as one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text = format!("{text}: {source}");
        below = source.source();
    }
    text
}
