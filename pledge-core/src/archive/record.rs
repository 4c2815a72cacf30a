//! The records of an archive.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audit::AuditRecord;
use crate::event::{Consumer, EventSeq, SequencedEvent};
use crate::ledger::{Change, Checkpoint, TokenState, UnreadableLog};
use crate::points::{AccountEntry, DecisionRecord, Programme, WindowRow};
use crate::ports::{ChainState, ShardProgress, Statement};
use crate::types::{Account, BlockRef, ChainId, ProgrammeId, RawPoints, ShardId, TokenId};

/// One fact of a store, named by its subject and never by a store's own keys.
///
/// Its text is read by [`LineReader`](super::LineReader): an event keeps its JSON to the byte, which
/// serde loses on the way to a tagged enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum ArchiveRecord {
    /// A chain as last reported.
    Chain(ChainState),
    /// A held header.
    Header {
        /// The chain that the header is on.
        chain: ChainId,
        /// The header itself.
        #[serde(flatten)]
        block: BlockRef,
    },
    /// A token, with its ledger's cursor and sums.
    Token(Box<TokenState>),
    /// A log that looks like a transfer and cannot be read.
    UnreadableLog {
        /// The token that emitted the log.
        token: TokenId,
        /// The log itself.
        log: UnreadableLog,
    },
    /// What one transfer did to one account.
    Change {
        /// The token of the change.
        token: TokenId,
        /// The change itself.
        #[serde(flatten)]
        change: Change,
    },
    /// An account's newest state: after the last of its changes, which come before it.
    Balance {
        /// The token of the balance.
        token: TokenId,
        /// The account that holds the balance.
        account: Account,
        /// The state after the account's last change.
        #[serde(flatten)]
        state: Checkpoint,
    },
    /// A programme and its rates.
    Programme(Programme),
    /// What a person decided about points; the entries of its accounts come next.
    Decision(DecisionRecord),
    /// What the decision before it states about one account.
    Entry(AccountEntry),
    /// How far a shard is, with the settlement under way and its failed batches.
    Shard {
        /// The programme of the shard.
        programme: ProgrammeId,
        /// How far the shard is settled.
        #[serde(flatten)]
        progress: ShardProgress,
    },
    /// One shard's sums of a window in which a balance changed.
    Window {
        /// The programme of the window.
        programme: ProgrammeId,
        /// The shard whose accounts are summed.
        shard: ShardId,
        /// The sums of the window.
        #[serde(flatten)]
        row: WindowRow,
    },
    /// What an account has earned.
    Total {
        /// The programme that the account earned in.
        programme: ProgrammeId,
        /// The account that earned it.
        account: Account,
        /// Raw points earned up to the account's settled time.
        raw: RawPoints,
    },
    /// A statement, including reversed ones and reversals.
    Statement {
        /// The programme of the statement.
        programme: ProgrammeId,
        /// The stored row.
        #[serde(flatten)]
        statement: Statement,
    },
    /// What a person did, with its number.
    Audit(Box<AuditRecord>),
    /// An event with its sequence number.
    #[serde(skip_deserializing)]
    Event(SequencedEvent),
    /// A consumer's position in the events.
    Position {
        /// The consumer's name.
        consumer: Consumer,
        /// The last event delivered to it.
        delivered: EventSeq,
    },
}

/// The subject of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A chain, as last reported: [`ArchiveRecord::Chain`].
    Chain,
    /// A held header: [`ArchiveRecord::Header`].
    Header,
    /// A token's state: [`ArchiveRecord::Token`].
    Token,
    /// A log that cannot be read: [`ArchiveRecord::UnreadableLog`].
    UnreadableLog,
    /// One balance change: [`ArchiveRecord::Change`].
    Change,
    /// An account's newest balance: [`ArchiveRecord::Balance`].
    Balance,
    /// A programme's rule: [`ArchiveRecord::Programme`].
    Programme,
    /// A decision: [`ArchiveRecord::Decision`].
    Decision,
    /// An account's entry in a decision: [`ArchiveRecord::Entry`].
    Entry,
    /// A shard's progress: [`ArchiveRecord::Shard`].
    Shard,
    /// A window's sums: [`ArchiveRecord::Window`].
    Window,
    /// An account's total: [`ArchiveRecord::Total`].
    Total,
    /// A statement row: [`ArchiveRecord::Statement`].
    Statement,
    /// What a person did: [`ArchiveRecord::Audit`].
    Audit,
    /// An event: [`ArchiveRecord::Event`].
    Event,
    /// A consumer's position: [`ArchiveRecord::Position`].
    Position,
}

impl ArchiveRecord {
    /// The kind of the record.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Chain(_) => RecordKind::Chain,
            Self::Header { .. } => RecordKind::Header,
            Self::Token(_) => RecordKind::Token,
            Self::UnreadableLog { .. } => RecordKind::UnreadableLog,
            Self::Change { .. } => RecordKind::Change,
            Self::Balance { .. } => RecordKind::Balance,
            Self::Programme(_) => RecordKind::Programme,
            Self::Decision(_) => RecordKind::Decision,
            Self::Entry(_) => RecordKind::Entry,
            Self::Shard { .. } => RecordKind::Shard,
            Self::Window { .. } => RecordKind::Window,
            Self::Total { .. } => RecordKind::Total,
            Self::Statement { .. } => RecordKind::Statement,
            Self::Audit(_) => RecordKind::Audit,
            Self::Event(_) => RecordKind::Event,
            Self::Position { .. } => RecordKind::Position,
        }
    }
}

impl RecordKind {
    /// The name in a record's JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Header => "header",
            Self::Token => "token",
            Self::UnreadableLog => "unreadable_log",
            Self::Change => "change",
            Self::Balance => "balance",
            Self::Programme => "programme",
            Self::Decision => "decision",
            Self::Entry => "entry",
            Self::Shard => "shard",
            Self::Window => "window",
            Self::Total => "total",
            Self::Statement => "statement",
            Self::Audit => "audit",
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
