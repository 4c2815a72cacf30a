//! The view of a settlement: one per programme and window.

use pledge_core::ports::BatchFailure;
use pledge_core::query::{self, SettlementId, SettlementStatus};
use pledge_core::types::{Account, BlockNumber, ChainId, RawPoints, ShardId, Timestamp, TokenId};
use serde::Serialize;

use super::Eip55;

#[derive(Debug, Serialize)]
pub(crate) struct SettlementView {
    pub(crate) id: String,
    chain_id: ChainId,
    token: Eip55,
    programme: String,
    window_start: Timestamp,
    window_end: Timestamp,
    /// The first and last block of the chain inside the window: null until they are found, and for a
    /// window without a block.
    from_block: Option<BlockNumber>,
    to_block: Option<BlockNumber>,
    pub(crate) status: SettlementStatus,
    /// The most attempts at one of its batches.
    attempts: u32,
    /// The reason of the last failed batch, in the order of shards.
    reason: Option<String>,
    pub(crate) accounts: u64,
    pub(crate) points: String,
    points_raw: RawPoints,
    pub(crate) failures: Vec<FailureView>,
}

/// A batch that waits for another attempt: the accounts after `after`, up to and including
/// `through`.
#[derive(Debug, Serialize)]
pub(crate) struct FailureView {
    pub(crate) shard: ShardId,
    after: Option<Eip55>,
    through: Option<Eip55>,
    pub(crate) attempts: u32,
    pub(crate) reason: String,
}

impl SettlementView {
    pub(crate) fn of(read: query::SettlementView) -> Self {
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
            reason: row.failures.last().map(|failure| failure.reason.clone()),
            accounts: row.total.accounts,
            points: scale.points(row.total.raw),
            points_raw: row.total.raw,
            failures: row.failures.into_iter().map(FailureView::new).collect(),
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
