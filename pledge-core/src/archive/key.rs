//! The order of records.

use super::ArchiveRecord;
use crate::audit::AuditNumber;
use crate::event::{Consumer, EventSeq};
use crate::ledger::Leg;
use crate::ports::StatementKind;
use crate::types::{
    Account, BlockNumber, ChainId, EntryNumber, Epoch, LogIndex, ProgrammeId, ShardId, Timestamp,
    TokenId,
};

/// A record's position: an archive's records have strictly ascending keys, so what a record refers
/// to comes before it, and no two records are about the same fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArchiveKey {
    /// A chain, by its id.
    Chain(ChainId),
    /// A held header, by its height.
    Header(ChainId, BlockNumber),
    /// A token, by its chain and contract.
    Token(TokenId),
    /// An unreadable log, by its place on the chain.
    UnreadableLog(TokenId, BlockNumber, LogIndex),
    /// An account's changes, then its balance.
    Account(TokenId, Account, Entry),
    /// A programme, by its token and name.
    Programme(ProgrammeId),
    /// A decision, by its number, then its entries, by their accounts.
    Decision(EntryNumber, Option<Account>),
    /// A shard, by its index.
    Shard(ProgrammeId, ShardId),
    /// A window's sums, by its start.
    Window(ProgrammeId, ShardId, Timestamp),
    /// A total, by its account.
    Total(ProgrammeId, Account),
    /// A statement: those of an account that earn, then those that take back.
    Statement(ProgrammeId, Account, StatementKind, Epoch, Timestamp),
    /// What a person did, by its number.
    Audit(AuditNumber),
    /// An event, by its sequence number.
    Event(EventSeq),
    /// A consumer's position.
    Position(Consumer),
}

/// A record of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A change at its place on the chain.
    Change(BlockNumber, LogIndex, Leg),
    /// The state after the account's last change.
    Balance,
}

impl ArchiveRecord {
    /// The record's position in an archive.
    pub fn key(&self) -> ArchiveKey {
        // The key names the fact, never a store's own row, so that every store exports the same
        // order.
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
            Self::Decision(record) => ArchiveKey::Decision(record.number, None),
            Self::Entry(entry) => ArchiveKey::Decision(entry.number, Some(entry.account)),
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
            Self::Audit(record) => ArchiveKey::Audit(record.number),
            Self::Event(event) => ArchiveKey::Event(event.sequence),
            Self::Position { consumer, .. } => ArchiveKey::Position(consumer.clone()),
        }
    }
}
