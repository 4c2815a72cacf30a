//! `[settlement]`.

use std::time::Duration;

use pledge_core::points::SettlerConfig;

use super::durations::check_settlement_interval;
use super::raw::{RawSettlement, Whole};
use super::{Key, Problems};

/// The most that a batch may hold of accounts or of changes: a million of either is about a
/// gigabyte.
const BATCH_MAX: u64 = 1_000_000;

/// How points are settled, on every chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementConfig {
    /// The wait between two looks for closed windows. A move of the ledger triggers a look too.
    pub interval: Duration,
    /// The most accounts and changes in one atomic write.
    pub settler: SettlerConfig,
}

impl SettlementConfig {
    pub(super) fn check(raw: RawSettlement, key: &Key, problems: &mut Problems) -> Option<Self> {
        let interval = key.child("interval");
        let interval = check_settlement_interval(raw.interval.as_deref(), &interval, problems);
        let mut batch = |name, written: Option<Whole>, default| {
            let batch = written.map_or(Ok(default), check_batch);
            problems.take(&key.child(name), batch)
        };
        let default = SettlerConfig::default();
        let accounts = batch("batch_accounts", raw.batch_accounts, default.batch_accounts_max);
        let changes = batch("batch_changes", raw.batch_changes, default.batch_changes_max);
        let settler =
            SettlerConfig { batch_accounts_max: accounts?, batch_changes_max: changes?, ..default };
        Some(Self { interval: interval?, settler })
    }
}

fn check_batch(Whole(number): Whole) -> Result<usize, String> {
    let whole = usize::try_from(number).ok();
    let inside = whole.filter(|_| (1..=BATCH_MAX).contains(&number));
    inside.ok_or_else(|| format!("{number} is out of range: write 1 to {BATCH_MAX}"))
}
