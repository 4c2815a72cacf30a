//! What happened: written in the transaction that it describes, with a sequence number.

use serde::{Deserialize, Serialize};

use crate::types::{
    BlockId, BlockNumber, BlockRef, ChainId, Epoch, ProgrammeId, Timestamp, TokenId,
};

/// An event and its place among all events of its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequencedEvent {
    /// Ascending, unique, not necessarily without gaps.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// Something that a store's readers may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Blocks entered the ledger of some tokens.
    Confirmed {
        /// Where.
        chain: ChainId,
        /// First block.
        from: BlockNumber,
        /// The new cursor.
        to: BlockId,
        /// Balance changes written.
        changes: u64,
    },
    /// The ledger went back.
    Reorged(ReorgRecord),
    /// A programme's windows were settled in every shard.
    Settled {
        /// Which programme.
        programme: ProgrammeId,
        /// End of the newest settled window.
        settled: Timestamp,
    },
    /// A token stopped and needs a person.
    TokenHalted {
        /// Which token.
        token: TokenId,
        /// Why.
        reason: String,
    },
    /// A chain stopped and needs a person.
    ChainHalted {
        /// Which chain.
        chain: ChainId,
        /// Why.
        reason: String,
    },
}

/// One reorg that reached the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReorgRecord {
    /// Where.
    pub chain: ChainId,
    /// The common ancestor: where the ledger stands afterwards.
    pub to: BlockRef,
    /// What it meant for each token that had gone further.
    pub tokens: Vec<RewoundToken>,
}

/// What a reorg took from one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewoundToken {
    /// Which token.
    pub token: TokenId,
    /// Its cursor before.
    pub from: BlockId,
    /// Its epoch afterwards.
    pub epoch: Epoch,
    /// Balance changes removed.
    pub changes_removed: u64,
    /// Statements reversed by added rows, over all programmes.
    pub statements_reversed: u64,
}
