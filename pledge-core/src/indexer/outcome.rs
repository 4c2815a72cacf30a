//! What one poll did, and why a step failed.

use super::ChainStatus;
use super::blocks::Applied;
use crate::error::{ChainError, ChainErrorKind, StoreError, StoreErrorKind};
use crate::event::ReorgRecord;
use crate::types::{BlockNumber, BlockRef, Timestamp};

/// Why a step of the indexer failed. The step wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    /// The chain source failed or has no answer.
    #[error("the chain source failed")]
    Chain(#[from] ChainError),
    /// The store refused or failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The chain cannot go on without an operator.
    #[error("{0}")]
    Halt(String),
    /// Everything else is done, and something is at a block that the node's chain does not have,
    /// with what is ahead of it on that chain. It was read from another one, and is set aside.
    #[error("{0}")]
    Stranded(String),
}

impl IndexerError {
    /// Whether another writer was first, or a block vanished while it was read: no incident, poll
    /// again.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error.kind(), StoreErrorKind::Conflict),
            Self::Chain(error) => matches!(error.kind(), ChainErrorKind::BlockGone),
            Self::Halt(_) | Self::Stranded(_) => false,
        }
    }
}

/// What one poll did.
#[derive(Debug)]
pub enum Poll {
    /// The ledger moved on; poll again at once.
    Advanced(Progress),
    /// The ledger went back to an ancestor; poll again at once.
    Rewound(ReorgRecord),
    /// Nothing to do until there are new blocks.
    Idle,
    /// The poll failed. Wait, then poll again: whatever failed is retried.
    Retry(IndexerError),
    /// Paused or halted: polling is pointless until an operator resumes the chain.
    Stopped(ChainStatus),
}

/// How far a slice brought the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// First block of the slice.
    pub from: BlockNumber,
    /// Newest block of the slice.
    pub to: BlockNumber,
    /// Block time of `to`.
    pub time: Timestamp,
    /// Newest confirmed block: where the chain's ledger is going.
    pub target: BlockNumber,
    /// The number of transfers folded into the ledger.
    pub transfers: u64,
    /// The number of logs that look like transfers and cannot be read.
    pub unreadable: u64,
    /// The number of contracts' logs kept.
    pub logs: u64,
}

impl Progress {
    /// What a group came to, from its first block to where it is now.
    pub(super) fn of(
        applied: &[Applied],
        first: BlockNumber,
        tip: &BlockRef,
        target: BlockNumber,
    ) -> Self {
        Self {
            from: first,
            to: tip.number,
            time: tip.time,
            target,
            transfers: applied.iter().map(|applied| applied.transfers).sum(),
            unreadable: applied.iter().map(|applied| applied.unreadable).sum(),
            logs: applied.iter().map(|applied| applied.logs).sum(),
        }
    }
}

/// The error for a head too far below the ledger to compare: the node is syncing, so we wait.
pub(super) fn await_node(head: &BlockRef) -> ChainError {
    ChainError::transient(
        "compare the head",
        format!(
            "the node's head {head} is below every header held: it is syncing, was reset, \
             or serves another chain. We wait until it has caught up; if it never will, \
             use another node; for a chain that began again from its first block, delete the \
             database or name a new one"
        ),
    )
}
