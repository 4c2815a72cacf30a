//! Errors of the ports: a kind (what the caller does next), an operation, a source.

use std::error::Error as StdError;
use std::fmt;

pub use crate::ports::{NotifyError, NotifyErrorKind, PriceError, PriceErrorKind};

type Source = Box<dyn StdError + Send + Sync>;

/// What the caller of a port does next.
pub trait ErrorKind: fmt::Debug + Copy + Send + Sync + 'static {
    /// The kind in a few words, where an operation and a detail alone would leave it open.
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

    /// With the error below it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error to somebody who knows more of it, its source included.
    #[must_use]
    pub fn told_as(self, kind: K, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), ..self }
    }

    /// What to do next.
    pub const fn kind(&self) -> K {
        self.kind
    }

    /// What is wrong, without the operation and the kind: for people who asked for neither.
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

/// What the caller of a store does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached now. Retry with backoff: nothing was written or, if the connection
    /// was lost during the commit itself, all of it, and then the retry is a `Conflict`.
    Unavailable,
    /// The store stands elsewhere than the write assumed. Read again and plan again.
    Conflict,
    /// The rewind goes below what is held. The chain halts until a person takes it back: see `Indexer::rewind_to`.
    BeyondRetention,
    /// What is stored contradicts itself. Stop this chain and look.
    Corrupt,
    /// The request itself is wrong: a bug or a wrong configuration.
    Invalid,
}

impl ErrorKind for StoreErrorKind {
    fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Unavailable => "store unavailable",
            Self::Conflict => "store stands elsewhere",
            Self::BeyondRetention => "beyond retention",
            Self::Corrupt => "store corrupt",
            Self::Invalid => "invalid request",
        })
    }
}

/// Why a store refused or failed. Nothing of the refused write is in the store.
pub type StoreError = PortError<StoreErrorKind>;

impl StoreError {
    /// The store stands elsewhere.
    pub fn conflict(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Conflict, operation, detail)
    }

    /// The request is wrong.
    pub fn invalid(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Invalid, operation, detail)
    }

    /// What is stored contradicts itself.
    pub fn corrupt(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Corrupt, operation, detail)
    }

    /// Whether the same call may succeed later, unchanged.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable)
    }
}

/// What the caller of a chain source does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChainErrorKind {
    /// Retry with backoff.
    Transient,
    /// Retrying the same call is pointless: the node, the address or the configuration is wrong.
    Persistent,
    /// A block vanished while it was being read. Look at the head and plan again.
    BlockGone,
}

impl ErrorKind for ChainErrorKind {}

/// Why a chain source has no answer.
pub type ChainError = PortError<ChainErrorKind>;

impl ChainError {
    /// Retry with backoff.
    pub fn transient(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ChainErrorKind::Transient, operation, detail)
    }

    /// Retrying is pointless.
    pub fn persistent(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ChainErrorKind::Persistent, operation, detail)
    }

    /// A block vanished.
    pub fn block_gone(operation: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ChainErrorKind::BlockGone, operation, detail)
    }

    /// Whether a block vanished.
    pub const fn is_block_gone(&self) -> bool {
        matches!(self.kind, ChainErrorKind::BlockGone)
    }
}
