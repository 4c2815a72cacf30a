//! The newest settlements of several programmes, read no further than they are shown.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::{SettlementId, SettlementStatus, Source};
use crate::ports::{Settlement, SettlementsQuery};
use crate::query::{Queries, QueryError};
use crate::types::{Scale, Timestamp};

/// The fewest windows of a programme that one read asks for, where a page has as many.
const WINDOWS_MIN: usize = 16;
/// The most that a read asks for because the ones before it found nothing.
const WINDOWS_MAX: usize = 1_024;

/// At most `rows_max` settlements after a place: newest window first, then by programme. Each comes
/// with its scale.
///
/// Each programme is read in pieces of its share of the page, so that a page of many programmes costs
/// its own length and not theirs.
pub(super) async fn newest(
    queries: &Queries,
    sources: &[Source],
    after: Option<&SettlementId>,
    status: Option<SettlementStatus>,
    rows_max: usize,
) -> Result<Vec<(Settlement, Scale)>, QueryError> {
    let share = rows_max.div_ceil(sources.len().max(1)).max(WINDOWS_MIN.min(rows_max));
    let begin = |source| Ahead::new(source, after, status, share);
    let mut programmes: Vec<_> = sources.iter().map(begin).collect();
    let mut list = Vec::new();
    while list.len() < rows_max {
        // The next is known only once each programme has shown its own next.
        let mut first: Option<&mut Ahead<'_>> = None;
        for ahead in &mut programmes {
            ahead.fill(queries).await?;
            if ahead.is_before(first.as_deref()) {
                first = Some(ahead);
            }
        }
        let Some(first) = first else { break };
        let scale = first.source.scale;
        list.extend(first.found.pop_front().map(|row| (row, scale)));
    }
    Ok(list)
}

/// The settlements of one programme from a place on, as far as they are read.
struct Ahead<'a> {
    source: &'a Source,
    status: Option<SettlementStatus>,
    /// Only windows that start earlier are still to be read.
    before: Option<Timestamp>,
    /// Windows that the next read asks for.
    windows: usize,
    has_ended: bool,
    found: VecDeque<Settlement>,
}

impl<'a> Ahead<'a> {
    fn new(
        source: &'a Source,
        after: Option<&SettlementId>,
        status: Option<SettlementStatus>,
        windows: usize,
    ) -> Self {
        let before = after.and_then(|after| after.before(&source.state.programme.id));
        let mut ahead =
            Self { source, status, before, windows, has_ended: false, found: VecDeque::new() };
        // Windows settled in every shard end at or before the programme's settled time, the others
        // after it. So a filter starts or ends there and never reads through the windows of the
        // other kind.
        if status == Some(SettlementStatus::Settled) {
            match source.state.settled() {
                None => ahead.has_ended = true,
                Some(end) => ahead.before = Some(before.map_or(end, |before| before.min(end))),
            }
        }
        ahead
    }

    /// Reads on until it has a settlement, or there is none.
    async fn fill(&mut self, queries: &Queries) -> Result<(), QueryError> {
        use SettlementStatus::{Failed, Pending};
        let only_open = matches!(self.status, Some(Failed | Pending));
        while self.found.is_empty() && !self.has_ended {
            let programme = self.source.state.programme.id.clone();
            let query = SettlementsQuery { programme, before: self.before, limit: self.windows };
            let read = queries.points.settlements(&query).await?;
            self.before = read.last().map(|row| row.window.start);
            self.has_ended = read.len() < self.windows
                || (only_open && self.before < self.source.state.settled());
            let wanted = |row: &Settlement| {
                self.status.is_none_or(|status| status == SettlementStatus::of(row))
            };
            self.found.extend(read.into_iter().filter(wanted));
            if self.found.is_empty() {
                let doubled = self.windows.saturating_mul(2);
                self.windows = self.windows.max(WINDOWS_MAX.min(doubled));
            }
        }
        Ok(())
    }

    /// Whether its next settlement is listed before that of another programme.
    fn is_before(&self, other: Option<&Self>) -> bool {
        let Some(own) = self.found.front() else {
            return false;
        };
        let others = other.and_then(|other| other.found.front());
        others.is_none_or(|others| by_window(own, others) == Ordering::Less)
    }
}

/// The order of a list over all programmes: newest window first, then by programme.
fn by_window(a: &Settlement, b: &Settlement) -> Ordering {
    (b.window.start, &a.programme).cmp(&(a.window.start, &b.programme))
}
