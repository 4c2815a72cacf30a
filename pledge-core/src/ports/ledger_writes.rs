//! What moves the ledger.

use std::fmt::Debug;

use async_trait::async_trait;

use super::NewBlocks;
use crate::error::StoreError;
use crate::event::{ReorgRecord, RewindCause};
use crate::ledger::{BlockEdge, Change, TokenTotals, UnreadableLog};
use crate::types::{BlockId, BlockRef, ChainId, ContractId, Epoch, TokenId};

/// Blocks to add to the ledger of one or more tokens at the same cursor.
#[derive(Debug, Clone)]
pub struct LedgerCommit {
    /// The blocks, on the chain of every token. The time of the first is the start time of tokens
    /// that begin here.
    pub blocks: NewBlocks,
    /// One entry per token.
    pub tokens: Vec<TokenCommit>,
}

/// What the blocks did to one token.
#[derive(Debug, Clone)]
pub struct TokenCommit {
    /// On the chain of the commit.
    pub token: TokenId,
    /// Its changes, in chain order.
    pub changes: Vec<Change>,
    /// Its logs that look like transfers but cannot be read, in chain order.
    pub unreadable_logs: Vec<UnreadableLog>,
    /// Its sums after the blocks.
    pub totals: TokenTotals,
}

/// Takes a chain back to an ancestor of the cursors of its tokens and contracts.
#[derive(Debug, Clone)]
pub struct Rewind {
    /// The chain of every token and contract in it.
    pub chain: ChainId,
    /// The common ancestor: the new cursor of everything that began at or below it.
    pub to: BlockRef,
    /// Every token whose cursor is above `to`, with that cursor.
    pub tokens: Vec<(TokenId, BlockId)>,
    /// Every contract whose cursor is above `to`, with that cursor.
    pub contracts: Vec<(ContractId, BlockId)>,
    /// Why the ledger is rewound. For an operator's rewind no held header has to prove `to`: the
    /// operator answers for the ledger up to it.
    pub cause: RewindCause,
}

/// Adds blocks to the ledger and takes them back: the part of a
/// [`BalanceStore`](super::BalanceStore) that moves its cursors.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait LedgerWrites: Debug + Send + Sync + 'static {
    /// Adds blocks: changes, balances, sums, unreadable logs and their number, headers, cursor and
    /// event, in one write.
    ///
    /// `Conflict` if the chain or a token is paused or halted, a token is not at `base`, a held header
    /// contradicts one of these, or the block that confirms them is not held any more
    /// ([`NewBlocks::check_held`]).
    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError>;

    /// Goes back to an ancestor: afterwards the ledger is exactly what it was there. A token that
    /// begins above it has no cursor afterwards. Bumps the epoch of each token, takes back by added
    /// rows what was settled after the ancestor's time, restates totals, writes the reorg record. A
    /// comparison of supplies above the ancestor is forgotten, and so is each edge of the chain
    /// whose next block is above it. A halt of a token is over, because the block that halted it is
    /// above; a pause stays.
    ///
    /// An operator's rewind leaves its record, as [`AuditReads`](super::AuditReads) states.
    ///
    /// The logs of contracts go back in the same write: those above the ancestor are removed, and
    /// the epoch of each contract is bumped. So does the chain's state, as [`ChainState::rewound`](super::ChainState::rewound)
    /// defines.
    ///
    /// - `Invalid` if a token or contract is named twice or the ancestor is above its cursor.
    /// - `Conflict` if the chain is paused or halted, unless the rewind is an operator's; if a token or
    ///   contract is not at the cursor named; if one of the chain is above the ancestor and is not named;
    ///   if the ancestor's time is not that of the held header or does not divide the changes as its
    ///   height does; or if an operator's ancestor is not the block held at its height.
    /// - `BeyondRetention` if the ancestor is neither a held header nor the parent of one, unless
    ///   it is the operator's.
    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError>;

    /// Records edges of the chain, ascending, found while a token had this epoch. An edge that is
    /// recorded already stays.
    ///
    /// `Invalid` if they do not ascend, or are not below the token's cursor; `Conflict` if the token
    /// has another epoch, or another block is recorded for one of the instants.
    async fn record_edges(
        &self,
        token: TokenId,
        epoch: Epoch,
        edges: &[BlockEdge],
    ) -> Result<(), StoreError>;
}
