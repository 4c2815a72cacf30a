//! The points of an account over time, in adjacent intervals.

use serde::{Deserialize, Serialize};

use super::{ATTEMPTS_MAX, Page, PointsBucket, ProgrammeChoice, Queries, QueryError};
use crate::moving::while_ledger_moves;
use crate::types::{Account, Scale, Timestamp, TokenId};

/// The length of the answer if the question has no `from`, in seconds.
const SPAN_DEFAULT: u64 = 86_400;

/// A page of points in adjacent intervals of one length, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsHistory {
    /// What raw points are divided by.
    pub scale: Scale,
    /// The intervals, the last one cut at the end that was asked for.
    pub page: Page<PointsBucket, Intervals>,
}

/// Which intervals of an account are asked for.
#[derive(Debug, Clone, Copy)]
pub enum IntervalsAsked {
    /// From the first on.
    Bounds(Bounds),
    /// Those after a page, whose bounds they keep.
    Rest(Intervals),
}

/// The bounds of intervals. `to` defaults to the confirmed time. Intervals begin at `from`. Without
/// `from` their edges are whole multiples of their length; the first begins a day before `to`, or
/// at the token's first block if that is later.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// First instant of the first interval.
    pub from: Option<Timestamp>,
    /// First instant after the last interval.
    pub to: Option<Timestamp>,
    /// The length of an interval, above zero, in seconds.
    pub bucket: u64,
}

/// The intervals of `[from, to)`, with edges at whole buckets from `grid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intervals {
    from: Timestamp,
    to: Timestamp,
    grid: Timestamp,
    bucket: u64,
}

impl PointsHistory {
    /// At most `limit` intervals of what the account earned; exact for any bounds. The programme
    /// has to exist.
    pub async fn read(
        queries: &Queries,
        token: TokenId,
        account: Account,
        programme: ProgrammeChoice<'_>,
        asked: IntervalsAsked,
        limit: usize,
    ) -> Result<Self, QueryError> {
        let attempt = || async {
            let state = queries.token(token).await?;
            let programme = programme.id(token)?;
            let (Some(cursor), Some(start)) = (state.cursor, state.start_time) else {
                return Err(QueryError::NotStarted(token));
            };
            let intervals = match asked {
                IntervalsAsked::Rest(rest) => rest,
                IntervalsAsked::Bounds(bounds) => bounds.within(start, cursor.time)?,
            };
            let (edges, next) = intervals.edges(limit);
            let earned = queries.points_between(&programme, account, &edges).await;
            let items = match earned {
                // An end that was chosen here may vanish in a rewind: then it is chosen again. The
                // user's is an error.
                Err(QueryError::TooLate { .. }) if asked.assumes_end() => {
                    return Err(QueryError::moved());
                }
                earned => earned?,
            };
            let scale = Scale::of(state.spec.metadata.decimals);
            Ok(Self { scale, page: Page { items, next } })
        };
        while_ledger_moves(ATTEMPTS_MAX, QueryError::has_moved, attempt).await
    }
}

impl IntervalsAsked {
    const fn assumes_end(&self) -> bool {
        matches!(self, Self::Bounds(Bounds { to: None, .. }))
    }
}

impl Bounds {
    fn within(self, start: Timestamp, confirmed: Timestamp) -> Result<Intervals, QueryError> {
        let Self { from, to: end, bucket } = self;
        let to = end.unwrap_or(confirmed);
        let (from, grid) = match from {
            Some(asked) if end.is_none() && asked > confirmed => {
                return Err(QueryError::TooLate { asked, bound: confirmed });
            }
            Some(from) => (from, from),
            None => {
                let day_before = to.get().saturating_sub(SPAN_DEFAULT);
                let edge = Timestamp::new(day_before - day_before % bucket);
                let edge = edge.expect("earlier than an instant");
                (start.max(edge).min(to), Timestamp::ZERO)
            }
        };
        Ok(Intervals { from, to, grid, bucket })
    }
}

impl Intervals {
    /// Whether the values are those of intervals: they may come from outside.
    pub fn is_sound(&self) -> bool {
        self.bucket > 0 && self.grid <= self.from && self.from < self.to
    }

    /// The edges of at most `count` intervals, and the rest after them.
    fn edges(self, count: usize) -> (Vec<Timestamp>, Option<Self>) {
        let mut edges = vec![self.from];
        let mut last = self.from;
        while last < self.to && edges.len() <= count {
            let passed = (last.get() - self.grid.get()) % self.bucket;
            let next = last.checked_add(self.bucket - passed);
            last = next.map_or(self.to, |next| next.min(self.to));
            edges.push(last);
        }
        let rest = (last < self.to).then_some(Self { from: last, ..self });
        (edges, rest)
    }
}
