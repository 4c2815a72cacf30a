//! What readers ask of the ledger.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::ChainState;
use crate::error::StoreError;
use crate::ledger::{BlockEdge, Change, Checkpoint, Leg, TokenState, UnreadableLog};
use crate::types::{
    Account, Amount, BlockNumber, BlockRef, ChainId, Epoch, LogIndex, Timestamp, TokenId,
};

/// A value that was read, with the token's ledger position at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen<T> {
    /// The token's cursor; `None` before its first block.
    pub cursor: Option<BlockRef>,
    /// The token's epoch: how many rewinds it has had.
    pub epoch: Epoch,
    /// What the read returned.
    pub value: T,
}

/// A page of one account's changes, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ChangesQuery {
    /// The token of the changes.
    pub token: TokenId,
    /// The account whose changes are listed.
    pub account: Account,
    /// Only changes before this position; `None` starts at the newest.
    pub before: Option<(BlockNumber, LogIndex, Leg)>,
    /// The maximum number of changes.
    pub limit: usize,
}

/// A page of the histories that a settlement reads.
#[derive(Debug, Clone, Copy)]
pub struct HistoriesQuery {
    /// The token of the histories.
    pub token: TokenId,
    /// First account that may be in the page (inclusive), by address.
    pub first: alloy_primitives::Address,
    /// Last account that may be in the page (inclusive), by address.
    pub last: alloy_primitives::Address,
    /// Continues inside the first account after this change. That account must exist.
    pub after: Option<(BlockNumber, LogIndex, Leg)>,
    /// The maximum number of accounts.
    pub limit: usize,
    /// The maximum number of changes, at least one.
    pub changes_max: usize,
    /// Changes from this time on are listed; earlier ones are summed up in `opening`.
    pub from: Timestamp,
    /// Changes from this time on are left out.
    pub to: Timestamp,
}

/// Histories ascending by address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoriesPage {
    /// Histories of the page. Only the last may be partial.
    pub histories: Vec<AccountHistory>,
    /// Where the next page begins; `None` if this page ends the range.
    pub next: Option<HistoriesPlace>,
}

/// Where a page of histories begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoriesPlace {
    /// First account that may be in the page.
    pub first: alloy_primitives::Address,
    /// The last change already returned for this account.
    pub after: Option<(BlockNumber, LogIndex, Leg)>,
}

/// One account over `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountHistory {
    /// The account that the states belong to.
    pub account: Account,
    /// State at the last change before `from`, or where a page continues inside the account; `None`
    /// if there was none.
    pub opening: Option<Checkpoint>,
    /// State after each change in `[from, to)`, in chain order.
    pub changes: Vec<Checkpoint>,
}

/// Reads chains, tokens and the ledger up to their cursors: the reading half of a
/// [`BalanceStore`](super::BalanceStore), which states the contract.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait LedgerReads: Debug + Send + Sync + 'static {
    /// Every chain, ascending by id.
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError>;

    /// One chain; `None` if unknown.
    async fn chain(&self, chain: ChainId) -> Result<Option<ChainState>, StoreError>;

    /// Every token of a chain, ascending by address.
    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError>;

    /// One token; `None` if unknown.
    async fn token(&self, token: TokenId) -> Result<Option<TokenState>, StoreError>;

    /// Held headers of a chain at or below `at_most`, newest first, at most `limit`.
    async fn headers(
        &self,
        chain: ChainId,
        at_most: BlockNumber,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError>;

    /// The edge of a chain at each instant, in the order asked; `None` for one that is not recorded.
    async fn edges(
        &self,
        chain: ChainId,
        instants: &[Timestamp],
    ) -> Result<Vec<Option<BlockEdge>>, StoreError>;

    /// The newest state of each account, in the order asked; `None` for an account never seen.
    async fn states(
        &self,
        token: TokenId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError>;

    /// An account's state at each instant: after its last change at or before that instant.
    async fn history(
        &self,
        token: TokenId,
        account: Account,
        times: &[Timestamp],
    ) -> Result<Seen<Vec<Option<Checkpoint>>>, StoreError>;

    /// The block of the token's last change at or before an instant.
    async fn last_change_block(
        &self,
        token: TokenId,
        at: Timestamp,
    ) -> Result<Seen<Option<BlockNumber>>, StoreError>;

    /// One account's changes, newest first.
    async fn changes(&self, query: &ChangesQuery) -> Result<Seen<Vec<Change>>, StoreError>;

    /// A token's unreadable logs in chain order, after the given position.
    async fn unreadable_logs(
        &self,
        token: TokenId,
        after: Option<(BlockNumber, LogIndex)>,
        limit: usize,
    ) -> Result<Seen<Vec<UnreadableLog>>, StoreError>;

    /// The time of the `number`th change of a token, counted from one, at or after an instant.
    async fn change_time(
        &self,
        token: TokenId,
        from: Timestamp,
        number: usize,
    ) -> Result<Seen<Option<Timestamp>>, StoreError>;

    /// The histories of accounts in an address range, ascending by address. Every account of the
    /// ledger in the range counts towards `limit`. A page ends at `limit`, or before the first
    /// change beyond `changes_max`; an account of which not one change fits is left to the next
    /// page.
    async fn histories(&self, query: &HistoriesQuery) -> Result<Seen<HistoriesPage>, StoreError>;

    /// Accounts by balance descending, then address ascending, zero balances included, after the
    /// given position.
    async fn holders(
        &self,
        token: TokenId,
        after: Option<(Amount, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<(Account, Checkpoint)>>, StoreError>;
}
