//! What is followed, and in which state.

use std::fmt::Debug;

use async_trait::async_trait;

use super::ChainReport;
use crate::audit::Attribution;
use crate::error::StoreError;
use crate::indexer::ChainStatus;
use crate::ledger::{SupplyAnswer, TokenSpec, TokenState, TokenStatus};
use crate::types::{BlockId, ChainId, TokenId};

/// Registers chains and tokens, and writes their status and marks: the part of a
/// [`BalanceStore`](super::BalanceStore) that moves no cursor. What an operator decides takes an
/// [`Attribution`], and leaves its record as [`AuditReads`](super::AuditReads) states.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Registry: Debug + Send + Sync + 'static {
    /// Registers a chain, or renames it. Idempotent.
    async fn register_chain(&self, chain: ChainId, name: &str) -> Result<(), StoreError>;

    /// Applies an indexer's report, as [`ChainState::after`](super::ChainState::after) defines. Halting writes its event.
    /// `Invalid` for a report that pauses ([`ChainReport::check`]).
    async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError>;

    /// Pauses a chain until it is resumed, as [`ChainStatus::paused`](crate::indexer::ChainStatus::paused)
    /// defines: with the reason given, which replaces that of an earlier pause. `Conflict` if it is
    /// halted and not paused.
    ///
    /// A chain that is paused or halted takes no blocks, no logs and no reorg. All else is taken: the
    /// settlement of windows that are confirmed, new tokens, contracts and programmes, an operator's
    /// rewind, and what an indexer under way finds about tokens (a fault, its end, a supply).
    async fn pause_chain(&self, chain: ChainId, by: &Attribution) -> Result<(), StoreError>;

    /// Resumes a chain that the operator found paused, halted or both, as
    /// [`ChainStatus::resumed`](crate::indexer::ChainStatus::resumed) defines; does nothing to one that
    /// is not stopped. `Conflict` if it is stopped otherwise than it was found. Statuses are compared as values, not
    /// as they are shown. A stop has no number: one that came meanwhile with the reasons of the one that was found
    /// is the same one.
    async fn resume_chain(
        &self,
        chain: ChainId,
        found: &ChainStatus,
        by: &Attribution,
    ) -> Result<(), StoreError>;

    /// Registers a token. The same spec again returns the token's current state; another spec for
    /// the same token is `Invalid`, as is a token of an unknown chain.
    async fn register_token(&self, spec: &TokenSpec) -> Result<TokenState, StoreError>;

    /// Halts a token with a reason that its ledger gives; a paused one stays paused and is halted
    /// besides. `base` is the cursor it must have; else the answer is `Conflict`. Halting writes its
    /// event; a new reason for a token that is already halted does not.
    async fn halt_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        reason: &str,
    ) -> Result<(), StoreError>;

    /// Takes back the halt of a token whose fault is gone: it is active again, unless it is paused.
    /// `base` as for halting. Like a halt it is a finding and takes no block, so it is written on a
    /// stopped chain too.
    async fn heal_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError>;

    /// Pauses a token until it is resumed: it is not committed to, and neither a rewind nor an indexer
    /// makes it active. One that is halted stays halted besides. With the reason given, which replaces
    /// that of an earlier pause.
    async fn pause_token(&self, token: TokenId, by: &Attribution) -> Result<(), StoreError>;

    /// Makes a token active again that the operator found paused, halted or both, as
    /// [`TokenStatus::resumed`](crate::ledger::TokenStatus::resumed) defines; does nothing to one that
    /// is active. `Conflict` if it is stopped otherwise than it was found. `base` as for halting.
    async fn resume_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        found: &TokenStatus,
        by: &Attribution,
    ) -> Result<(), StoreError>;

    /// Records a node's answer for the token's `totalSupply` at its cursor, as
    /// [`TokenState::record_supply`] defines. `Conflict` if the token is not at `base`.
    async fn record_supply(
        &self,
        token: TokenId,
        base: BlockId,
        answer: &SupplyAnswer,
    ) -> Result<(), StoreError>;
}
