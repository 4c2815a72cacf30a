//! Which instants are asked for: the edges of the windows that have closed.

use std::ops::RangeInclusive;

use crate::ledger::TokenState;
use crate::points::Programme;
use crate::types::{Timestamp, WindowLength};

/// The edges of one programme's windows, from the start of the first to the end of the last closed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    first: Timestamp,
    last: Timestamp,
    length: WindowLength,
}

impl Span {
    /// `None` while the token has no block.
    pub(super) fn of(programme: &Programme, token: &TokenState) -> Option<Self> {
        let (start, cursor) = token.start_time.zip(token.cursor)?;
        let length = programme.window;
        Some(Self { first: length.floor(start), last: length.floor(cursor.time), length })
    }

    /// The same before any of its windows closed: what does not change while a chain goes on.
    pub(super) const fn begun(&self) -> Self {
        Self { last: self.first, ..*self }
    }

    /// The newest of its edges up to a bound.
    fn newest(&self, at_most: Timestamp) -> Option<Timestamp> {
        let newest = self.length.floor(at_most).min(self.last);
        (newest >= self.first).then_some(newest)
    }
}

/// At most `limit` edges of any of the spans inside a range, the newest ones, descending.
pub(super) fn newest(
    spans: &[Span],
    range: &RangeInclusive<Timestamp>,
    limit: usize,
) -> Vec<Timestamp> {
    let mut at_most = Some(*range.end());
    let next = || {
        let bound = at_most?;
        let newest = spans.iter().filter_map(|span| span.newest(bound)).max()?;
        at_most = before(newest);
        Some(newest).filter(|newest| newest >= range.start())
    };
    std::iter::from_fn(next).take(limit).collect()
}

/// The second before an instant, `None` before the first of all.
pub(super) fn before(instant: Timestamp) -> Option<Timestamp> {
    Timestamp::new(instant.get().checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: u64) -> Timestamp {
        Timestamp::new(seconds).unwrap()
    }

    fn span(first: u64, last: u64, length: u64) -> Span {
        Span { first: time(first), last: time(last), length: WindowLength::new(length).unwrap() }
    }

    fn listed(range: RangeInclusive<u64>, limit: usize) -> Vec<u64> {
        let spans = [span(3_600, 18_000, 3_600), span(7_200, 14_400, 7_200)];
        let range = time(*range.start())..=time(*range.end());
        newest(&spans, &range, limit).into_iter().map(Timestamp::get).collect()
    }

    #[test]
    fn edges_come_newest_first_and_each_once() {
        assert_eq!(listed(0..=u64::from(u32::MAX), 9), [18_000, 14_400, 10_800, 7_200, 3_600]);
        assert_eq!(listed(0..=u64::from(u32::MAX), 2), [18_000, 14_400]);
        assert_eq!(listed(7_200..=14_399, 9), [10_800, 7_200]);
        assert_eq!(listed(0..=3_599, 9), [0; 0]);
    }

    #[test]
    fn the_edge_at_the_beginning_of_time_ends_the_list() {
        let spans = [span(0, 7_200, 3_600)];
        let all = newest(&spans, &(Timestamp::ZERO..=Timestamp::MAX), 9);
        assert_eq!(all, [time(7_200), time(3_600), time(0)]);
    }
}
