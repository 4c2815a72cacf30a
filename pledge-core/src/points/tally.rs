//! What the accounts of a settlement earn together, window by window.

use std::collections::BTreeMap;

use super::holding::{Earners, Share};
use super::{Programme, WindowRow};
use crate::ports::WindowTotal;
use crate::types::{Overflow, Timestamp};

/// Sums over the accounts that have been settled so far.
#[derive(Debug)]
pub(super) struct Tally {
    /// Start of the first window.
    from: Timestamp,
    /// What all accounts earn on at `from`.
    opening: Earners,
    /// The windows in which a balance or a weight changed, by start.
    changed: BTreeMap<Timestamp, Changed>,
}

/// The accounts whose balance or weight changes in one window.
#[derive(Debug)]
struct Changed {
    total: WindowTotal,
    /// Whether the weight of one of them changes.
    reweighted: bool,
    /// What they earn on at the window's start.
    before: Earners,
    /// What they earn on at its end.
    after: Earners,
}

impl Tally {
    pub(super) fn new(from: Timestamp) -> Self {
        Self { from, opening: Earners::default(), changed: BTreeMap::new() }
    }

    /// Adds an account, by what it earns on at the start of the first window.
    pub(super) fn open(&mut self, share: Share) -> Result<(), Overflow> {
        self.opening.add(share)
    }

    /// Adds one account's part in a window in which its balance or weight changes.
    pub(super) fn add(
        &mut self,
        part: &WindowTotal,
        reweighted: bool,
        before: Share,
        after: Share,
    ) -> Result<(), Overflow> {
        let changed = self.changed.entry(part.start).or_insert_with(|| Changed {
            total: WindowTotal::empty(part.start),
            reweighted: false,
            before: Earners::default(),
            after: Earners::default(),
        });
        changed.total.add(part)?;
        changed.reweighted |= reweighted;
        changed.before.add(before)?;
        changed.after.add(after)
    }

    /// A row for the first window and for every other in which something changed, ascending.
    pub(super) fn rows(self, programme: &Programme) -> Result<Vec<WindowRow>, Overflow> {
        let mut rows = Vec::with_capacity(self.changed.len() + 1);
        let mut held = self.opening;
        if !self.changed.contains_key(&self.from) {
            let total = held.earn(programme, self.from)?;
            rows.push(WindowRow { total, reweighted: false, closing: held.holding()? });
        }
        for (start, Changed { mut total, reweighted, before, after }) in self.changed {
            // Accounts that change are subtracted first, so that every sum is one of balances at
            // one instant.
            held.take_all(before)?;
            total.add(&held.earn(programme, start)?)?;
            held.add_all(after)?;
            rows.push(WindowRow { total, reweighted, closing: held.holding()? });
        }
        Ok(rows)
    }
}
