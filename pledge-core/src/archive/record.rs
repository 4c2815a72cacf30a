//! The records.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{Consumer, EventSeq, SequencedEvent};
use crate::ledger::{Change, Checkpoint, TokenState, UnreadableLog};
use crate::points::{Programme, WindowRow};
use crate::ports::{ChainState, ShardProgress, Statement};
use crate::types::{Account, BlockRef, ChainId, ProgrammeId, RawPoints, ShardId, TokenId};

/// One fact of a store, named by what it is about and never by a store's own keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum ArchiveRecord {
    /// A chain as last reported.
    Chain(ChainState),
    /// A held header.
    Header {
        /// Of which chain.
        chain: ChainId,
        /// Which block.
        #[serde(flatten)]
        block: BlockRef,
    },
    /// A token and where its ledger stands.
    Token(Box<TokenState>),
    /// A log that looks like a transfer and cannot be read.
    UnreadableLog {
        /// Of which token.
        token: TokenId,
        /// Which log.
        log: UnreadableLog,
    },
    /// What one transfer did to one account.
    Change {
        /// Of which token.
        token: TokenId,
        /// What it did.
        #[serde(flatten)]
        change: Change,
    },
    /// An account's newest state: that after the last of its changes, which come before it.
    Balance {
        /// Of which token.
        token: TokenId,
        /// Who.
        account: Account,
        /// The state.
        #[serde(flatten)]
        state: Checkpoint,
    },
    /// A programme and its rates.
    Programme(Programme),
    /// How far a shard is, with the settlement under way and its failed batches.
    Shard {
        /// Of which programme.
        programme: ProgrammeId,
        /// How far.
        #[serde(flatten)]
        progress: ShardProgress,
    },
    /// One shard's sums of a window in which a balance changed.
    Window {
        /// Of which programme.
        programme: ProgrammeId,
        /// Over which accounts.
        shard: ShardId,
        /// The sums.
        #[serde(flatten)]
        row: WindowRow,
    },
    /// What an account has earned.
    Total {
        /// In which programme.
        programme: ProgrammeId,
        /// Who.
        account: Account,
        /// How much.
        raw: RawPoints,
    },
    /// A statement, also one that was taken back or takes back.
    Statement {
        /// In which programme.
        programme: ProgrammeId,
        /// The row.
        #[serde(flatten)]
        statement: Statement,
    },
    /// Something that happened.
    Event(SequencedEvent),
    /// How far a consumer of events was told.
    Position {
        /// Who is told.
        consumer: Consumer,
        /// The last event that it was told.
        delivered: EventSeq,
    },
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// [`ArchiveRecord::Chain`].
    Chain,
    /// [`ArchiveRecord::Header`].
    Header,
    /// [`ArchiveRecord::Token`].
    Token,
    /// [`ArchiveRecord::UnreadableLog`].
    UnreadableLog,
    /// [`ArchiveRecord::Change`].
    Change,
    /// [`ArchiveRecord::Balance`].
    Balance,
    /// [`ArchiveRecord::Programme`].
    Programme,
    /// [`ArchiveRecord::Shard`].
    Shard,
    /// [`ArchiveRecord::Window`].
    Window,
    /// [`ArchiveRecord::Total`].
    Total,
    /// [`ArchiveRecord::Statement`].
    Statement,
    /// [`ArchiveRecord::Event`].
    Event,
    /// [`ArchiveRecord::Position`].
    Position,
}

impl ArchiveRecord {
    /// What it is about.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Chain(_) => RecordKind::Chain,
            Self::Header { .. } => RecordKind::Header,
            Self::Token(_) => RecordKind::Token,
            Self::UnreadableLog { .. } => RecordKind::UnreadableLog,
            Self::Change { .. } => RecordKind::Change,
            Self::Balance { .. } => RecordKind::Balance,
            Self::Programme(_) => RecordKind::Programme,
            Self::Shard { .. } => RecordKind::Shard,
            Self::Window { .. } => RecordKind::Window,
            Self::Total { .. } => RecordKind::Total,
            Self::Statement { .. } => RecordKind::Statement,
            Self::Event(_) => RecordKind::Event,
            Self::Position { .. } => RecordKind::Position,
        }
    }
}

impl RecordKind {
    /// The name that a record's JSON carries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Header => "header",
            Self::Token => "token",
            Self::UnreadableLog => "unreadable_log",
            Self::Change => "change",
            Self::Balance => "balance",
            Self::Programme => "programme",
            Self::Shard => "shard",
            Self::Window => "window",
            Self::Total => "total",
            Self::Statement => "statement",
            Self::Event => "event",
            Self::Position => "position",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
