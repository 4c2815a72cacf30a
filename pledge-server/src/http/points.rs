//! The points of an account over time.

use axum::Json;
use axum::extract::State;
use pledge_core::query::QueryError;
use pledge_core::types::{RawPoints, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Instant, Length, Limit, Path, Query, TokenAccountPath};
use super::page::{self, Page, PageKey};
use super::problem::{Kind, Problem};
use super::read::{ProgrammeName, in_one_epoch};

/// The length of the answer if the query has no `from`, in seconds.
const SPAN_DEFAULT: u64 = 86_400;

/// The points earned in `[from, to)`.
#[derive(Debug, Serialize)]
pub(super) struct Bucket {
    from: Timestamp,
    to: Timestamp,
    points: String,
    points_raw: RawPoints,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    from: Option<Instant>,
    to: Option<Instant>,
    bucket: Option<Length>,
    programme: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// The rest of an answer: the intervals of `[from, to)`, with edges at whole buckets from `grid`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    from: Timestamp,
    to: Timestamp,
    grid: Timestamp,
    bucket: u64,
}

impl PageKey for Span {
    const LIST: &'static str = "points";
}

/// Points in adjacent intervals of one length, oldest first, the last one cut at `to`; exact for
/// any bounds. A cursor keeps the bounds and the length of its first page.
///
/// `to` defaults to the confirmed time. Intervals begin at `from`. Without `from` their edges are
/// whole multiples of their length; the first begins a day before `to`, or at the token's first
/// block if that is later.
pub(super) async fn buckets(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<Page<Bucket>>, Problem> {
    if let (Some(from), Some(to)) = (params.from, params.to)
        && from.0 >= to.0
    {
        let why = format!("{} is not later than `from`, {}", to.0, from.0);
        return Err(Problem::invalid("to", why));
    }
    let left: Option<Span> = page::decode(params.cursor.as_deref())?;
    if left.is_some_and(|left| !left.is_sound()) {
        return Err(Problem::invalid("cursor", "it names no intervals"));
    }
    let page = in_one_epoch(|| try_buckets(&api, &path, &params, left)).await?;
    Ok(Json(page))
}

/// `None` if the ledger was rewound to before the assumed end.
async fn try_buckets(
    api: &Api,
    path: &TokenAccountPath,
    params: &Params,
    left: Option<Span>,
) -> Result<Option<Page<Bucket>>, Problem> {
    let (token, account) = (path.token(), path.account()?);
    let state = api.queries.token(token).await?;
    let programme = ProgrammeName::asked(params.programme.as_ref()).of(token)?;
    let (Some(cursor), Some(start)) = (state.cursor, state.start_time) else {
        return Err(QueryError::NotStarted(token).into());
    };
    let span = match left {
        Some(left) => left,
        None => Span::asked(params, start, cursor.time)?,
    };
    // An end that this function chose may vanish in a rewind: then it chooses again. The user's is
    // an error.
    let assumes_end = params.to.is_none() && left.is_none();
    let (edges, rest) = span.edges(params.limit.get());
    let earned = api.queries.points_between(&programme, account, &edges);
    let earned = match earned.await.map_err(Problem::from) {
        Err(problem) if problem.kind() == Kind::TooLate && assumes_end => return Ok(None),
        earned => earned?,
    };
    let scale = Scale::of(state.spec.metadata.decimals);
    let buckets = earned.into_iter().map(|bucket| Bucket {
        from: bucket.from,
        to: bucket.to,
        points: scale.points(bucket.raw),
        points_raw: bucket.raw,
    });
    Ok(Some(Page::new(buckets.collect(), rest.as_ref())))
}

impl Span {
    fn asked(params: &Params, start: Timestamp, confirmed: Timestamp) -> Result<Self, Problem> {
        let to = params.to.map_or(confirmed, |to| to.0);
        let bucket = params.bucket.unwrap_or(Length::HOUR).0;
        let (from, grid) = match params.from {
            Some(from) if params.to.is_none() && from.0 > confirmed => {
                let (asked, bound) = (from.0, confirmed);
                return Err(QueryError::TooLate { asked, bound }.into());
            }
            Some(from) => (from.0, from.0),
            None => {
                let day_before = to.get().saturating_sub(SPAN_DEFAULT);
                let edge = Timestamp::new(day_before - day_before % bucket);
                let edge = edge.expect("earlier than an instant");
                (start.max(edge).min(to), Timestamp::ZERO)
            }
        };
        Ok(Self { from, to, grid, bucket })
    }

    /// Whether the values of a cursor are valid.
    fn is_sound(&self) -> bool {
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
