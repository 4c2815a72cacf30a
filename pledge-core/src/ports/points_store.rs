//! Where points are kept.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Seen, Settlement, SettlementsQuery};
use crate::audit::Attribution;
use crate::error::StoreError;
use crate::points::{
    AccountEntry, BatchSpan, Decided, Decision, DecisionRecord, Programme, WindowRow,
};
use crate::types::{
    Account, Amount, EntryNumber, Epoch, ProgrammeId, RateSchedule, RawPoints, ShardId, Step,
    Timestamp, TokenId, Window,
};

/// A programme, and how far it is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammeState {
    /// The rule it settles by.
    pub programme: Programme,
    /// The epoch of its token, seen in the same snapshot.
    pub epoch: Epoch,
    /// The highest number of a decision that reaches it. A batch names it.
    #[serde(default, skip_serializing_if = "EntryNumber::is_start")]
    pub version: EntryNumber,
    /// The decisions that changed its rates, by number: from when on each holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Step<EntryNumber>>,
    /// One entry per shard, in order.
    pub shards: Vec<ShardProgress>,
}

impl ProgrammeState {
    /// A programme that no decision reaches.
    pub fn undecided(programme: Programme, epoch: Epoch, shards: Vec<ShardProgress>) -> Self {
        let (version, versions) = (EntryNumber::START, Vec::new());
        Self { programme, epoch, version, versions, shards }
    }

    /// End of the newest window settled in every shard; `None` before the first.
    pub fn settled(&self) -> Option<Timestamp> {
        self.shards.iter().map(|shard| shard.settled).min().flatten()
    }

    /// How far one account is settled; `None` before its first window.
    pub fn settled_of(&self, account: Account) -> Option<Timestamp> {
        let own = self.programme.shards.shard_of(account);
        self.shards.iter().find(|progress| progress.shard == own)?.settled_of(account)
    }
}

/// How far one shard is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardProgress {
    /// Its place among the programme's shards.
    pub shard: ShardId,
    /// End of the newest window settled in it; `None` before the first.
    pub settled: Option<Timestamp>,
    /// The settlement under way; `None` between two.
    pub run: Option<ShardRun>,
    /// End of what was published in it before a rewind; `None` once it is settled as far again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
}

/// A settlement of one shard that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRun {
    /// Start of the first window it settles.
    pub from: Timestamp,
    /// End of the last window it settles.
    pub to: Timestamp,
    /// Accounts up to this one are done or failed; `None` before the first batch.
    pub through: Option<Account>,
    /// Whether every account was visited.
    pub scanned: bool,
    /// Failed batches that wait for another attempt.
    pub failures: Vec<BatchFailure>,
}

/// A batch that could not be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchFailure {
    /// Programme of the batch.
    pub programme: ProgrammeId,
    /// The epoch of the ledger it read.
    pub epoch: Epoch,
    /// Shard of the batch.
    pub shard: ShardId,
    /// Start of the first window.
    pub from: Timestamp,
    /// End of the last window.
    pub to: Timestamp,
    /// Accounts of the batch.
    pub span: BatchSpan,
    /// The number of attempts, counted by the store.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub reason: String,
}

/// A batch of accounts settled over some windows: one atomic write with its progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementBatch {
    /// Programme of the batch.
    pub programme: ProgrammeId,
    /// The epoch of the ledger it was computed from.
    pub epoch: Epoch,
    /// The rates it was computed with.
    pub rates: RateSchedule,
    /// The programme's version that it read. Entries of accounts may be newer.
    pub version: EntryNumber,
    /// Shard of the batch.
    pub shard: ShardId,
    /// Start of the first window: the shard's `settled`, or the programme's first window edge.
    pub from: Timestamp,
    /// End of the last window.
    pub to: Timestamp,
    /// Accounts of the batch.
    pub span: BatchSpan,
    /// What each account earned over all the windows; only amounts above zero.
    pub earned: Vec<(Account, RawPoints)>,
    /// A row for each window in which an account's balance changed.
    pub statements: Vec<Statement>,
    /// Sums over the batch, ascending: for the first window, and for every other in which a balance
    /// changed.
    pub windows: Vec<WindowRow>,
}

impl SettlementBatch {
    /// Why the batch was not computed with the rates of `programme`; `None` if it was.
    pub fn refuse_rates(&self, programme: &Programme) -> Option<String> {
        if self.rates.agrees_before(&programme.rates, self.to) {
            return None;
        }
        Some(format!(
            "the rate of programme {} before {} was changed meanwhile",
            self.programme, self.to
        ))
    }
}

/// What one account earned in one window, or all that one rewind took back from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The account that earned or lost the points.
    pub account: Account,
    /// One window; for a reversal, from the first window that a rewind opened again to the last
    /// published.
    pub window: Window,
    /// The epoch it was computed in; for a reversal, the last one before the rewind.
    pub epoch: Epoch,
    /// The amount, without a sign: `kind` gives the direction.
    pub raw: RawPoints,
    /// Whether it adds or takes back.
    pub kind: StatementKind,
    /// The balance at the start of the next window: at the end of an earned window, or where a
    /// reversal begins. Windows up to the next row are derived from it.
    pub balance: Amount,
    /// The highest number of a decision about the account or its programme that holds from before the
    /// window's end on; the start where there is none.
    #[serde(default, skip_serializing_if = "EntryNumber::is_start")]
    pub entry: EntryNumber,
}

/// Whether a statement adds or takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// Adds what was earned.
    Earned,
    /// Takes back, after a reorg, everything published from the start of its window on.
    Reversed,
}

/// A statement's position among those of its account, which are in the order of publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementPlace {
    /// The statement's epoch, compared first.
    pub epoch: Epoch,
    /// A reversal is the last statement of its epoch.
    pub kind: StatementKind,
    /// Start of the statement's window.
    pub window_start: Timestamp,
}

impl Statement {
    /// The statement's position in its account's list.
    pub const fn place(&self) -> StatementPlace {
        let Self { epoch, kind, window, .. } = self;
        StatementPlace { epoch: *epoch, kind: *kind, window_start: window.start }
    }
}

/// A page of the rows from which an account's statements are listed.
#[derive(Debug, Clone)]
pub struct StatementsQuery {
    /// Programme of the statements.
    pub programme: ProgrammeId,
    /// The account whose rows are listed.
    pub account: Account,
    /// Only rows after this position; `None` starts at the first.
    pub after: Option<StatementPlace>,
    /// The maximum number of rows.
    pub limit: usize,
}

/// Rows of an account, with what its other statements are derived from
/// ([`list_statements`](crate::points::list_statements)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatementRows {
    /// How far the account is settled; `None` before its first window.
    pub settled: Option<Timestamp>,
    /// The last row at or before the requested position.
    pub before: Option<Statement>,
    /// The rows after it, in order.
    pub rows: Vec<Statement>,
}

impl BatchFailure {
    /// Whether the failure affects the window that starts at this time.
    pub fn covers(&self, window_start: Timestamp) -> bool {
        (self.from..self.to).contains(&window_start)
    }
}

/// An account's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The account that earned the total.
    pub account: Account,
    /// Earned up to `settled`.
    pub raw: RawPoints,
    /// How far this account is settled.
    pub settled: Timestamp,
}

/// Reads programmes, settlements and points: the reading half of a [`PointsStore`], which states
/// the contract.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait PointsReads: Debug + Send + Sync + 'static {
    /// The programmes of a token, ascending by name.
    async fn programmes(&self, token: TokenId) -> Result<Vec<ProgrammeState>, StoreError>;

    /// One programme's settlements: every window that a shard has settled or has begun to settle.
    async fn settlements(&self, query: &SettlementsQuery) -> Result<Vec<Settlement>, StoreError>;

    /// The totals of some accounts, in the order asked; `None` for an account that has earned
    /// nothing.
    async fn totals(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Seen<Vec<Option<Standing>>>, StoreError>;

    /// Totals by points descending, then address ascending, after the given position.
    async fn standings(
        &self,
        programme: &ProgrammeId,
        after: Option<(RawPoints, Account)>,
        limit: usize,
    ) -> Result<Seen<Vec<Standing>>, StoreError>;

    /// Statement rows of an account, reversed rows and reversals included, in the order of their
    /// positions.
    async fn statements(&self, query: &StatementsQuery) -> Result<Seen<StatementRows>, StoreError>;

    /// The entries of some accounts that hold in a programme, or in a wider scope that reaches it, by
    /// account and number.
    async fn entries(
        &self,
        programme: &ProgrammeId,
        accounts: &[Account],
    ) -> Result<Vec<AccountEntry>, StoreError>;

    /// The decisions that reach a programme, the newest first, below a number.
    async fn decisions(
        &self,
        programme: &ProgrammeId,
        below: Option<EntryNumber>,
        limit: usize,
    ) -> Result<Vec<DecisionRecord>, StoreError>;
}

/// Settled points: statements, totals and progress, next to the ledger they come from.
///
/// # Contract
/// - A batch is written whole with its progress, once: the same batch again is `Conflict`.
/// - A batch that read another epoch or other rates, or does not continue its shard, is `Conflict`,
///   and nothing of it is written. So is one where a decision that it has not read changes time before
///   its end.
/// - A change of rates is a decision too: it gets a number, and holds from the first instant that has
///   another rate.
/// - A batch that writes outside its accounts, windows or epoch (`check`) is `Invalid`.
/// - A statement never changes once it is written. A rewind adds a reversal for each account whose
///   total changes or that has rows in the windows it opens again ([`Reopened`]), and restates
///   totals. So an account's statements, those derived between its rows included, sum to its total.
/// - A shard's `settled` moves once every account was visited and no failure is left.
/// - A total is kept for every account that earned; `standings` is an indexed leaderboard.
/// - The number of rows written and read depends on the changes, never on the number of windows.
/// - What an operator decides leaves its record, as [`AuditReads`](super::AuditReads) states.
///
/// [`Reopened`]: crate::points::Reopened
///
/// ```
/// use std::time::SystemTime;
///
/// use pledge_core::audit::Attribution;
/// use pledge_core::error::StoreErrorKind;
/// use pledge_core::ledger::{TokenMetadata, TokenSpec};
/// use pledge_core::points::Programme;
/// use pledge_core::ports::{PointsReads, PointsStore, Registry};
/// use pledge_core::primitives::Address;
/// use pledge_core::types::{BlockNumber, ChainId, Decimals, TokenId, WindowLength};
/// use pledge_storage_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let id = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
/// let metadata = TokenMetadata { symbol: "USDX".to_owned(), decimals: Decimals::new(6)? };
/// store.register_chain(id.chain, "mainnet").await?;
/// let spec = TokenSpec { id, metadata, start_block: BlockNumber::new(10) };
/// store.register_token(&spec).await?;
///
/// let programme = Programme::main(id, "0.05".parse()?);
/// let by = Attribution::program("example", SystemTime::now())?;
/// store.put_programme(&programme, &by).await?;
/// let programmes = store.programmes(id).await?;
/// assert_eq!(programmes[0].programme, programme);
/// assert_eq!(programmes[0].settled(), None);
///
/// // What is published stays true: a programme keeps its windows.
/// let daily = Programme { window: WindowLength::new(86_400)?, ..programme };
/// let refused = store.put_programme(&daily, &by).await.unwrap_err();
/// assert_eq!(refused.kind(), StoreErrorKind::Invalid);
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait PointsStore: PointsReads {
    /// Registers a programme. `Conflict` if the token has one of that name, by whatever rule: of two that
    /// are added at the same time one is.
    async fn add_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError>;

    /// Registers a programme, or changes its rates. It is `Invalid` to change the rate of a time
    /// that a shard has settled, also before a rewind, or to change the window or the number of
    /// shards.
    async fn put_programme(
        &self,
        programme: &Programme,
        by: &Attribution,
    ) -> Result<(), StoreError>;

    /// Gives a decision the next number and writes the entries of its accounts, whole or not at all. It
    /// holds from the instant that it names, or from the earliest that is both unsettled and confirmed in
    /// each programme that it reaches; programmes that are added later are reached too.
    ///
    /// A decision that contradicts itself is `Invalid`. One about settled time, or that ends a suspension
    /// that is not there or is under a wider one, is `Conflict` ([`Ground::enact`]). One that changes
    /// nothing is not written and gets no number.
    ///
    /// [`Ground::enact`]: crate::points::Ground::enact
    async fn decide(&self, decision: &Decision, by: &Attribution) -> Result<Decided, StoreError>;

    /// Writes a batch: the next of its shard, or another attempt at a failed one.
    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError>;

    /// Records that a batch failed, so that the rest of its shard goes on. Its windows are listed
    /// as settlements from then on, even if no batch of theirs succeeds. Another call for the same
    /// span counts one more attempt.
    async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError>;

    /// Sets the attempts of a window's failed batches to zero and returns the number of those
    /// batches.
    async fn reset_failures(
        &self,
        programme: &ProgrammeId,
        window_start: Timestamp,
        by: &Attribution,
    ) -> Result<usize, StoreError>;
}
