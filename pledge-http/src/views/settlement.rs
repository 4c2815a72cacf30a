//! The view of a settlement: one per programme and window.

use pledge_core::ports::BatchFailure;
use pledge_core::query::{self, SettlementId, SettlementStatus};
use pledge_core::types::{Account, BlockNumber, ChainId, RawPoints, ShardId, Timestamp, TokenId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Eip55, ReasonCode};

/// The settlement of one programme and window.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settlement)]
pub struct SettlementView {
    /// Its id in paths: `chain_id:token:programme:window_start`.
    #[schema(value_type = crate::schema::SettlementIdSchema)]
    pub id: String,
    /// The chain of the token.
    pub chain_id: ChainId,
    /// The contract of the token.
    pub token: Eip55,
    /// The name of the programme.
    #[schema(value_type = crate::schema::ProgrammeNameSchema)]
    pub programme: String,
    /// The window's first second.
    pub window_start: Timestamp,
    /// The first second after the window.
    pub window_end: Timestamp,
    /// The first block of the chain inside the window: null until it is found, and for a window
    /// without a block.
    pub from_block: Option<BlockNumber>,
    /// The last block inside the window, likewise.
    pub to_block: Option<BlockNumber>,
    /// How far it is.
    pub status: SettlementStatus,
    /// The most attempts at one of its batches.
    pub attempts: u32,
    /// Why the last failed batch failed, for programs.
    pub reason_code: Option<ReasonCode>,
    /// The reason of the last failed batch, in the order of shards.
    pub reason: Option<String>,
    /// The number of accounts that earned something.
    pub accounts: u64,
    /// What they earned, to 18 places.
    #[schema(value_type = crate::schema::PointsSchema)]
    pub points: String,
    /// What they earned, not divided.
    pub points_raw: RawPoints,
    /// What failed in it.
    pub failures: Vec<FailureView>,
}

/// A batch that waits for another attempt: the accounts after `after`, up to and including
/// `through`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchFailure)]
pub struct FailureView {
    /// The shard of its accounts.
    pub shard: ShardId,
    /// Null for a batch from the shard's first account on.
    pub after: Option<Eip55>,
    /// Null for a batch up to the shard's last account.
    pub through: Option<Eip55>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub reason: String,
}

impl SettlementView {
    /// A settlement as it is shown.
    pub fn of(read: query::SettlementView) -> Self {
        let query::SettlementView { settlement: row, scale, blocks } = read;
        let status = SettlementStatus::of(&row);
        let tried = row.failures.iter().map(|failure| failure.attempts).max();
        // Attempts are counted only for batches that failed; a settled window took one.
        let once = u32::from(status == SettlementStatus::Settled);
        let id = SettlementId::of(&row).to_string();
        let TokenId { chain, address } = row.programme.token;
        Self {
            id,
            chain_id: chain,
            token: Eip55(address),
            programme: row.programme.name().to_owned(),
            window_start: row.window.start,
            window_end: row.window.end,
            from_block: blocks.map(|(first, _)| first),
            to_block: blocks.map(|(_, last)| last),
            status,
            attempts: tried.unwrap_or(once),
            reason_code: row.failures.last().map(|_| ReasonCode::BatchFails),
            reason: row.failures.last().map(|failure| failure.reason.clone()),
            accounts: row.total.accounts,
            points: scale.points(row.total.raw),
            points_raw: row.total.raw,
            failures: row.failures.into_iter().map(FailureView::new).collect(),
        }
    }

    /// A settlement for the public: why a batch failed may name hosts of the store.
    pub(crate) fn public(read: query::SettlementView) -> Self {
        let full = Self::of(read);
        let because = ReasonCode::BatchFails.text();
        let failures = full.failures.into_iter();
        Self {
            reason: full.reason.map(|_| because.clone()),
            failures: failures
                .map(|failure| FailureView { reason: because.clone(), ..failure })
                .collect(),
            ..full
        }
    }
}

impl FailureView {
    fn new(failure: BatchFailure) -> Self {
        let address = |account: Account| Eip55(account.address());
        Self {
            shard: failure.shard,
            after: failure.span.after.map(address),
            through: failure.span.through.map(address),
            attempts: failure.attempts,
            reason: failure.reason,
        }
    }
}
