//! `[settlement]`.

use std::time::Duration;

use pledge_core::points::SettlerConfig;

use super::durations::{SETTLEMENT_INTERVAL, duration_text};
use super::raw::Whole;
use super::section::{Shown, preset, section};
use super::{Key, Problems};

section! {
    /// How points are settled, on every chain.
    RawSettlement shown as SettlementShown {
        /// The wait between two looks for closed windows. A move of the ledger triggers a look too.
        interval: String = preset("2s"),
        /// The most accounts in one write.
        batch_accounts: Whole = preset(Whole(SettlerConfig::default().batch_accounts_max as u64)),
        /// The most changes in one write, and in memory at a time.
        batch_changes: Whole = preset(Whole(SettlerConfig::default().batch_changes_max as u64)),
    }
}

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
        let RawSettlement { interval, batch_accounts, batch_changes } = raw;
        let interval = SETTLEMENT_INTERVAL.check(&interval, &key.child("interval"), problems);
        let mut batch = |name, batch| problems.take(&key.child(name), check_batch(batch));
        let accounts = batch("batch_accounts", batch_accounts);
        let changes = batch("batch_changes", batch_changes);
        let settler = SettlerConfig {
            batch_accounts_max: accounts?,
            batch_changes_max: changes?,
            ..SettlerConfig::default()
        };
        Some(Self { interval: interval?, settler })
    }

    pub(super) fn shown(&self) -> SettlementShown {
        let Self { interval, settler } = self;
        let SettlerConfig {
            batch_accounts_max,
            batch_changes_max,
            windows_max: _,
            attempts_max: _,
        } = settler;
        SettlementShown {
            interval: Shown::text(duration_text(*interval)),
            batch_accounts: Shown::whole(*batch_accounts_max as u64),
            batch_changes: Shown::whole(*batch_changes_max as u64),
        }
    }
}

fn check_batch(Whole(number): Whole) -> Result<usize, String> {
    let whole = usize::try_from(number).ok();
    let inside = whole.filter(|_| (1..=BATCH_MAX).contains(&number));
    inside.ok_or_else(|| format!("{number} is out of range: write 1 to {BATCH_MAX}"))
}
