//! The points of an account over time.

use axum::Json;
use axum::extract::State;
use pledge_core::query::{Bounds, Intervals, IntervalsAsked, PointsHistory, ProgrammeChoice};
use pledge_core::types::{RawPoints, Timestamp};
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::{Instant, Length, Limit, Path, Query, TokenAccountPath};
use super::page::{self, Page, PageKey};
use super::problem::Problem;

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

impl PageKey for Intervals {
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
    let left: Option<Intervals> = page::decode(params.cursor.as_deref())?;
    if left.is_some_and(|left| !left.is_sound()) {
        return Err(Problem::invalid("cursor", "it names no intervals"));
    }
    let bounds = Bounds {
        from: params.from.map(|from| from.0),
        to: params.to.map(|to| to.0),
        bucket: params.bucket.unwrap_or(Length::HOUR).0,
    };
    // The rest of a list keeps the bounds of its first page, whatever this request names.
    let asked = left.map_or(IntervalsAsked::Bounds(bounds), IntervalsAsked::Rest);
    let programme = ProgrammeChoice::of(params.programme.as_deref());
    let (token, account, limit) = (path.token(), path.account()?, params.limit.get());
    let read = PointsHistory::read(&api.queries, token, account, programme, asked, limit);
    let PointsHistory { scale, page } = read.await?;
    Ok(Json(Page::show(page, |bucket| Bucket {
        from: bucket.from,
        to: bucket.to,
        points: scale.points(bucket.raw),
        points_raw: bucket.raw,
    })))
}
