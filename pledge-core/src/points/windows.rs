//! Sums by window: a row where a balance changed, and the windows between, derived from it.

use serde::{Deserialize, Serialize};

use super::{Holding, Programme};
use crate::ports::{Settlement, SettlementsQuery, ShardProgress, WindowTotal};
use crate::types::{Overflow, ShardId, Timestamp, Window};

/// One shard's sums of a window in which a balance or a weight changed, or of the first window of a
/// settlement under way. The windows up to the next row are derived from its closing holding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRow {
    /// What the shard's accounts earned in the window.
    #[serde(flatten)]
    pub total: WindowTotal,
    /// Whether a weight changed in the window: then the row stays, also where it is what the row before
    /// would give.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reweighted: bool,
    /// What the shard's accounts hold from the end of the window on.
    pub closing: Holding,
}

impl WindowRow {
    /// Whether the row before it in its shard gives the same row, once the settlement is complete.
    pub fn is_derived_from(&self, programme: &Programme, before: Option<&Self>) -> bool {
        let opening = before.map(|before| before.closing).unwrap_or_default();
        *self == Self::derived(programme, opening, self.total.start)
    }

    /// The row of a window in which nothing changes, from what the accounts hold where it begins.
    fn derived(programme: &Programme, opening: Holding, start: Timestamp) -> Self {
        Self { total: opening.earn(programme, start), reweighted: false, closing: opening }
    }
}

/// Adds up the rows of two sets of accounts over the same windows. Both ascend and begin with the
/// same window, or one is empty.
pub fn sum_windows(
    programme: &Programme,
    one: &[WindowRow],
    other: &[WindowRow],
) -> Result<Vec<WindowRow>, Overflow> {
    let starts = |rows: &[WindowRow]| rows.iter().map(|row| row.total.start).collect::<Vec<_>>();
    let mut union = [starts(one), starts(other)].concat();
    union.sort_unstable();
    union.dedup();
    let sum = |start| {
        let (mut total, mut closing) = (WindowTotal::empty(start), Holding::default());
        let mut reweighted = false;
        for rows in [one, other] {
            if let Some(row) = at(programme, rows, start) {
                total.add(&row.total)?;
                closing.add(row.closing)?;
                reweighted |= row.reweighted;
            }
        }
        Ok(WindowRow { total, reweighted, closing })
    };
    union.into_iter().map(sum).collect()
}

/// The row of a window, stored or derived from the last one before it; `None` before the first.
fn at(programme: &Programme, rows: &[WindowRow], start: Timestamp) -> Option<WindowRow> {
    let passed = rows.partition_point(|row| row.total.start <= start);
    let last = rows[..passed].last()?;
    if last.total.start == start {
        return Some(last.clone());
    }
    Some(WindowRow::derived(programme, last.closing, start))
}

/// The interval of the windows of a page of settlements; `None` if there are none.
///
/// `first_edge` is the start of the programme's first window. A window is listed once one shard has
/// settled it or has begun to.
pub fn settlement_windows(
    programme: &Programme,
    shards: &[ShardProgress],
    first_edge: Timestamp,
    query: &SettlementsQuery,
) -> Option<Window> {
    let length = programme.window.get();
    let reached = shards.iter().filter_map(ShardProgress::reached).max()?;
    let before = query.before.map_or(reached, |before| {
        let floor = programme.window.floor(before);
        let edge = if floor < before { floor.checked_add(length) } else { Some(floor) };
        edge.unwrap_or(Timestamp::MAX)
    });
    let to = reached.min(before);
    let span = length.saturating_mul(query.limit as u64);
    let from = Timestamp::new(to.get().saturating_sub(span)).unwrap_or(Timestamp::ZERO);
    let from = from.max(first_edge);
    (from < to).then_some(Window { start: from, end: to })
}

/// The settlements of the windows of an interval, newest first. `rows` returns for each shard,
/// ascending, its last row before the interval and those inside.
pub fn settlements_of(
    programme: &Programme,
    shards: &[ShardProgress],
    over: Window,
    rows: impl Fn(ShardId) -> Vec<WindowRow>,
) -> Result<Vec<Settlement>, Overflow> {
    let starts: Vec<_> = programme.window_starts(over.start, over.end).collect();
    let mut totals: Vec<_> = starts.iter().map(|start| WindowTotal::empty(*start)).collect();
    for shard in shards {
        let rows = rows(shard.shard);
        let run = shard.run.as_ref();
        // A run's sums cover only the accounts that it reached, so they begin with a row of its
        // own.
        let of_run = rows.partition_point(|row| run.is_some_and(|run| row.total.start < run.from));
        for total in &mut totals {
            let settled = shard.settled > Some(total.start);
            let under_way = run.is_some_and(|run| (run.from..run.to).contains(&total.start));
            let known = match (settled, under_way) {
                (true, _) => &rows[..],
                (false, true) => &rows[of_run..],
                (false, false) => &[],
            };
            if let Some(row) = at(programme, known, total.start) {
                total.add(&row.total)?;
            }
        }
    }
    let settlements = totals.into_iter().rev();
    Ok(settlements.map(|total| Settlement::begin(programme, shards, total)).collect())
}
