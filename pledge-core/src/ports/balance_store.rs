//! The port of the ledger.

use super::{LedgerReads, LedgerWrites, Registry};

/// The ledger: one cursor per token, and everything up to it. The sum of what is followed
/// ([`Registry`]), what is read ([`LedgerReads`]) and what moves it ([`LedgerWrites`]): a store
/// implements these three over one database, and a reader holds only the second.
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
/// use pledge_core::ports::{
///     LedgerCommit, LedgerReads, LedgerWrites, NewBlocks, Registry, TokenCommit,
/// };
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
///         confirmed_by: None,
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
pub trait BalanceStore: Registry + LedgerReads + LedgerWrites {}

impl<T: Registry + LedgerReads + LedgerWrites> BalanceStore for T {}
