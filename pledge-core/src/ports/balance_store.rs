//! Where balances and their changes are kept.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{ChainReport, ChainState, NewBlocks};
use crate::error::StoreError;
use crate::event::{ReorgRecord, RewindCause};
use crate::ledger::{
    BlockEdge, Change, Checkpoint, Leg, SupplyAnswer, TokenSpec, TokenState, TokenTotals,
    UnreadableLog,
};
use crate::types::{
    Account, Amount, BlockId, BlockNumber, BlockRef, ChainId, ContractId, Epoch, LogIndex,
    Timestamp, TokenId,
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

/// The ledger: one cursor per token, and everything up to it.
///
/// # Contract
/// - A write happens whole or not at all, and is durable once it returns `Ok`.
/// - A write names the block it builds on. If the store is at another block, it returns `Conflict`
///   and writes nothing. So two writers are safe without a lock.
/// - A message that contradicts itself (`check`) is `Invalid`, and nothing is written.
/// - The reads of one call see one snapshot and return its cursor and epoch.
/// - Chains and tokens are independent of each other.
/// - Data before the cursor's time changes only by `rewind`, which bumps the epoch: reads with
///   equal epochs fit together. At the cursor's time itself the next block may add changes.
///
/// A block that mints 500, written by hand (normally the [`Indexer`](crate::indexer::Indexer) does
/// this):
///
/// ```
/// use pledge_core::error::StoreErrorKind;
/// use pledge_core::ledger::{AccountStates, TokenMetadata, TokenSpec, Transfer, fold};
/// use pledge_core::ports::{BalanceStore, LedgerCommit, NewBlocks, TokenCommit};
/// use pledge_core::primitives::{Address, B256};
/// use pledge_core::types::{
///     Account, Amount, BlockNumber, BlockRef, ChainId, Decimals, LogIndex, Timestamp, TokenId,
/// };
/// use pledge_storage_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let id = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
/// let metadata = TokenMetadata { symbol: "USDX".to_owned(), decimals: Decimals::new(6)? };
/// store.register_chain(id.chain, "mainnet").await?;
/// let spec = TokenSpec { id, metadata, start_block: BlockNumber::new(10) };
/// let token = store.register_token(&spec).await?;
///
/// let holder = Account::try_from(Address::repeat_byte(0xa1))?;
/// let block = BlockRef {
///     number: BlockNumber::new(10),
///     hash: B256::repeat_byte(10),
///     parent_hash: B256::repeat_byte(9),
///     time: Timestamp::new(1_767_279_600)?,
/// };
/// let mint = Transfer {
///     token: id.address,
///     block: block.number,
///     log_index: LogIndex::new(0),
///     tx_hash: B256::repeat_byte(0xee),
///     from: Address::ZERO,
///     to: holder.address(),
///     amount: Amount::from(500),
/// };
/// let folded = fold(token.totals, &mut AccountStates::default(), &[mint], |_| block.time)?;
/// let commit = LedgerCommit {
///     blocks: NewBlocks {
///         chain: id.chain,
///         base: None,
///         first: block,
///         tip: block,
///         headers: vec![block],
///         retain_from: block.number,
///     },
///     tokens: vec![TokenCommit {
///         token: id,
///         changes: folded.changes,
///         unreadable_logs: Vec::new(),
///         totals: folded.totals,
///     }],
/// };
/// store.commit(&commit).await?;
///
/// let seen = store.states(id, &[holder]).await?;
/// assert_eq!(seen.cursor, Some(block));
/// assert_eq!(seen.value[0].map(|state| state.balance), Some(Amount::from(500)));
/// // The ledger has moved on, so the same write now builds on a state that is gone.
/// assert_eq!(store.commit(&commit).await.unwrap_err().kind(), StoreErrorKind::Conflict);
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait BalanceStore: Debug + Send + Sync + 'static {
    /// Registers a chain, or renames it. Idempotent.
    async fn register_chain(&self, chain: ChainId, name: &str) -> Result<(), StoreError>;

    /// Every chain, ascending by id.
    async fn chains(&self) -> Result<Vec<ChainState>, StoreError>;

    /// Applies an indexer's report, as [`ChainState::after`] defines. Halting writes its event.
    async fn report_chain(&self, report: &ChainReport) -> Result<(), StoreError>;

    /// Resumes a paused or halted chain; does nothing to another.
    async fn resume_chain(&self, chain: ChainId) -> Result<(), StoreError>;

    /// Registers a token. The same spec again returns the token's current state; another spec for
    /// the same token is `Invalid`, as is a token of an unknown chain.
    async fn register_token(&self, spec: &TokenSpec) -> Result<TokenState, StoreError>;

    /// Every token of a chain, ascending by address.
    async fn tokens(&self, chain: ChainId) -> Result<Vec<TokenState>, StoreError>;

    /// One token; `None` if unknown.
    async fn token(&self, token: TokenId) -> Result<Option<TokenState>, StoreError>;

    /// Halts a token with a reason. `base` is the cursor it must have; else the answer is `Conflict`.
    /// Halting writes its event; a new reason for a token that is already halted does not.
    async fn halt_token(
        &self,
        token: TokenId,
        base: Option<BlockId>,
        reason: &str,
    ) -> Result<(), StoreError>;

    /// Makes a halted token active again; one that is active stays so. `base` as for halting.
    async fn resume_token(&self, token: TokenId, base: Option<BlockId>) -> Result<(), StoreError>;

    /// Held headers of a chain at or below `at_most`, newest first, at most `limit`.
    async fn headers(
        &self,
        chain: ChainId,
        at_most: BlockNumber,
        limit: usize,
    ) -> Result<Vec<BlockRef>, StoreError>;

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

    /// Records a node's answer for the token's `totalSupply` at its cursor, as
    /// [`TokenState::record_supply`] defines. `Conflict` if the token is not at `base`.
    async fn record_supply(
        &self,
        token: TokenId,
        base: BlockId,
        answer: &SupplyAnswer,
    ) -> Result<(), StoreError>;

    /// Adds blocks: changes, balances, sums, unreadable logs and their number, headers, cursor and
    /// event, in one write.
    ///
    /// `Conflict` if a token is not at `base`, is halted, or a held header contradicts one of these
    /// ([`NewBlocks::check_held`]).
    async fn commit(&self, commit: &LedgerCommit) -> Result<(), StoreError>;

    /// Goes back to an ancestor: afterwards the ledger is exactly what it was there. A token that
    /// begins above it has no cursor afterwards. Bumps the epoch of each token, takes back by added
    /// rows what was settled after the ancestor's time, restates totals, writes the reorg record. A
    /// comparison of supplies above the ancestor is forgotten, and so is each edge of the chain
    /// whose next block is above it. A halted token is active again, because the block that halted
    /// it is above.
    ///
    /// The logs of contracts go back in the same write: those above the ancestor are removed, and
    /// the epoch of each contract is bumped. So does the chain's state, as [`ChainState::rewound`]
    /// defines.
    ///
    /// - `Invalid` if a token or contract is named twice or the ancestor is above its cursor.
    /// - `Conflict` if a token or contract is not at the cursor named; if one of the chain is above
    ///   the ancestor and is not named; if the ancestor's time is not that of the held header or does
    ///   not divide the changes as its height does; or if an operator's ancestor is not the block
    ///   held at its height.
    /// - `BeyondRetention` if the ancestor is neither a held header nor the parent of one, unless
    ///   it is the operator's.
    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError>;

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
