//! Settlements as they are listed: one window of a programme, over all shards.

use serde::{Deserialize, Serialize};

use super::{BatchFailure, ShardProgress};
use crate::points::Programme;
use crate::types::{BlockNumber, Overflow, ProgrammeId, RawPoints, Timestamp, Window};

/// Sums over some accounts in one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowTotal {
    /// Start of the window.
    pub start: Timestamp,
    /// Accounts that earned in it.
    pub accounts: u64,
    /// What they earned.
    pub raw: RawPoints,
    /// First and last block with a change of those accounts in it; `None` if there was none, so that
    /// the window can be derived. The blocks of the window itself are its edges'.
    pub blocks: Option<(BlockNumber, BlockNumber)>,
}

impl WindowTotal {
    /// A window in which no account has earned yet.
    pub const fn empty(start: Timestamp) -> Self {
        Self { start, accounts: 0, raw: RawPoints::ZERO, blocks: None }
    }

    /// Adds the sums over other accounts in the same window.
    pub fn add(&mut self, other: &Self) -> Result<(), Overflow> {
        self.accounts = self.accounts.checked_add(other.accounts).ok_or(Overflow("accounts"))?;
        self.raw = self.raw.try_add(other.raw)?;
        self.blocks = match (self.blocks, other.blocks) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Ok(())
    }
}

impl Settlement {
    /// A window's settlement with the sums of its first shard; add the other shards' to `total`.
    pub fn begin(programme: &Programme, shards: &[ShardProgress], total: WindowTotal) -> Self {
        let window = programme.window.window_of(total.start);
        let runs = shards.iter().filter_map(|shard| shard.run.as_ref());
        let failures = runs.flat_map(|run| &run.failures).filter(|f| f.covers(window.start));
        Self {
            programme: programme.id.clone(),
            window,
            settled: shards.iter().all(|shard| shard.settled >= Some(window.end)),
            total,
            failures: failures.cloned().collect(),
        }
    }
}

/// One window of one programme, over all shards: the same whether settled on time or after an
/// outage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Programme of the settlement.
    pub programme: ProgrammeId,
    /// The settled time, `[start, end)`.
    pub window: Window,
    /// Whether every shard has settled it.
    pub settled: bool,
    /// Sums over the accounts settled so far.
    pub total: WindowTotal,
    /// Failed batches of it that wait for another attempt.
    pub failures: Vec<BatchFailure>,
}

/// A page of settlements, newest window first.
#[derive(Debug, Clone)]
pub struct SettlementsQuery {
    /// Programme of the settlements.
    pub programme: ProgrammeId,
    /// Only windows that start before this time; `None` starts at the newest.
    pub before: Option<Timestamp>,
    /// The maximum number of settlements.
    pub limit: usize,
}
