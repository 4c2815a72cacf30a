//! What an account earned over time.

use axum::Json;
use axum::extract::State;
use pledge_core::query::QueryError;
use pledge_core::types::{RawPoints, Scale, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Instant, Length, Path, Query, TokenAccountPath};
use super::problem::{Kind, Problem};
use super::read::{ProgrammeName, in_one_epoch};

/// The most intervals in one answer.
const BUCKETS_MAX: u64 = 1_000;

/// How far back an answer goes when no start is asked for, in seconds.
const SPAN_DEFAULT: u64 = 86_400;

/// What was earned in `[from, to)`.
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
}

/// Points in neighbouring intervals of one length from `from` on, the last one cut at `to`; exact for
/// any bounds.
///
/// `to` is the confirmed time unless asked otherwise, and `from` a day before it, or the token's first
/// block if that is later.
pub(super) async fn buckets(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<Vec<Bucket>>, Problem> {
    if let (Some(from), Some(to)) = (params.from, params.to)
        && from.0 >= to.0
    {
        let why = format!("{} is not later than `from`, {}", to.0, from.0);
        return Err(Problem::invalid("to", why));
    }
    let buckets = in_one_epoch(|| try_buckets(&api, &path, &params)).await?;
    Ok(Json(buckets))
}

/// `None` if the ledger was rewound to before the end that was assumed.
async fn try_buckets(
    api: &Api,
    path: &TokenAccountPath,
    params: &Params,
) -> Result<Option<Vec<Bucket>>, Problem> {
    let (token, account) = (path.token(), path.account()?);
    let state = api.queries.token(token).await?;
    let programme = ProgrammeName::asked(params.programme.as_ref()).of(token)?;
    let (Some(cursor), Some(start)) = (state.cursor, state.start_time) else {
        return Err(QueryError::NotStarted(token).into());
    };
    let to = params.to.map_or(cursor.time, |to| to.0);
    let from = match params.from {
        Some(from) if params.to.is_none() && from.0 > cursor.time => {
            let (asked, bound) = (from.0, cursor.time);
            return Err(QueryError::TooLate { asked, bound }.into());
        }
        Some(from) => from.0,
        None => start.max(day_before(to)).min(to),
    };
    let edges = edges(from, to, params.bucket.unwrap_or(Length::HOUR))?;
    let earned = api.queries.points_between(&programme, account, &edges);
    let earned = match earned.await.map_err(Problem::from) {
        Err(problem) if problem.kind() == Kind::TooLate && params.to.is_none() => return Ok(None),
        earned => earned?,
    };
    let scale = Scale::of(state.spec.metadata.decimals);
    let buckets = earned.into_iter().map(|bucket| Bucket {
        from: bucket.from,
        to: bucket.to,
        points: scale.points(bucket.raw),
        points_raw: bucket.raw,
    });
    Ok(Some(buckets.collect()))
}

/// `from`, every whole bucket after it, and `to`.
fn edges(from: Timestamp, to: Timestamp, bucket: Length) -> Result<Vec<Timestamp>, Problem> {
    let span = to.seconds_since(from).unwrap_or_default();
    let count = span.div_ceil(bucket.0);
    if count > BUCKETS_MAX {
        let why = format!("{from} to {to} would be {count} intervals; {BUCKETS_MAX} are the most");
        return Err(Problem::invalid("bucket", why));
    }
    let inner = (1..count).filter_map(|index| from.checked_add(index * bucket.0));
    let last = (span > 0).then_some(to);
    Ok(std::iter::once(from).chain(inner).chain(last).collect())
}

fn day_before(time: Timestamp) -> Timestamp {
    let seconds = time.get().saturating_sub(SPAN_DEFAULT);
    Timestamp::new(seconds).expect("earlier than an instant")
}
