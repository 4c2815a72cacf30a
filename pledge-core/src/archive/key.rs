//! The order of records.

use super::ArchiveRecord;
use crate::event::{Consumer, EventSeq};
use crate::ledger::Leg;
use crate::ports::StatementKind;
use crate::types::{
    Account, BlockNumber, ChainId, Epoch, LogIndex, ProgrammeId, ShardId, Timestamp, TokenId,
};

/// A record's place: an archive's records have strictly ascending keys, so what a record refers to
/// comes before it, and no two are about the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArchiveKey {
    /// A chain.
    Chain(ChainId),
    /// A header.
    Header(ChainId, BlockNumber),
    /// A token.
    Token(TokenId),
    /// A log that cannot be read.
    UnreadableLog(TokenId, BlockNumber, LogIndex),
    /// An account's changes, then its balance.
    Account(TokenId, Account, Entry),
    /// A programme.
    Programme(ProgrammeId),
    /// A shard.
    Shard(ProgrammeId, ShardId),
    /// A window's sums.
    Window(ProgrammeId, ShardId, Timestamp),
    /// A total.
    Total(ProgrammeId, Account),
    /// A statement: those of an account that earn, then those that take back.
    Statement(ProgrammeId, Account, StatementKind, Epoch, Timestamp),
    /// An event.
    Event(EventSeq),
    /// A consumer's position.
    Position(Consumer),
}

/// A record of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A change at its place on the chain.
    Change(BlockNumber, LogIndex, Leg),
    /// The state after the last.
    Balance,
}

impl ArchiveRecord {
    /// Its place among the others.
    pub fn key(&self) -> ArchiveKey {
        match self {
            Self::Chain(state) => ArchiveKey::Chain(state.chain),
            Self::Header { chain, block } => ArchiveKey::Header(*chain, block.number),
            Self::Token(state) => ArchiveKey::Token(state.spec.id),
            Self::UnreadableLog { token, log } => {
                ArchiveKey::UnreadableLog(*token, log.block, log.log_index)
            }
            Self::Change { token, change } => {
                let (block, log_index, leg) = change.place();
                let entry = Entry::Change(block, log_index, leg);
                ArchiveKey::Account(*token, change.account, entry)
            }
            Self::Balance { token, account, .. } => {
                ArchiveKey::Account(*token, *account, Entry::Balance)
            }
            Self::Programme(programme) => ArchiveKey::Programme(programme.id.clone()),
            Self::Shard { programme, progress } => {
                ArchiveKey::Shard(programme.clone(), progress.shard)
            }
            Self::Window { programme, shard, row } => {
                ArchiveKey::Window(programme.clone(), *shard, row.total.start)
            }
            Self::Total { programme, account, .. } => {
                ArchiveKey::Total(programme.clone(), *account)
            }
            Self::Statement { programme, statement: row } => {
                let (epoch, start) = (row.epoch, row.window.start);
                ArchiveKey::Statement(programme.clone(), row.account, row.kind, epoch, start)
            }
            Self::Event(event) => ArchiveKey::Event(event.sequence),
            Self::Position { consumer, .. } => ArchiveKey::Position(consumer.clone()),
        }
    }
}
