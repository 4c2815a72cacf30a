//! The points of an account over time.

use axum::Json;
use axum::extract::State;
use pledge_core::query::{Bounds, Intervals, IntervalsAsked, PointsHistory, ProgrammeChoice};
use pledge_core::types::{RawPoints, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::document::OfAccountAtInstant;
use super::extract::{Instant, Length, Limit, Path, Query, TokenAccountPath};
use super::page::{self, Page, PageKey};
use super::problem::{Message, Problem};

/// The points earned in `[from, to)`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointsInterval)]
pub(super) struct Bucket {
    /// The first second of the interval.
    from: Timestamp,
    /// The first second after it.
    to: Timestamp,
    #[schema(value_type = crate::schema::PointsSchema)]
    points: String,
    points_raw: RawPoints,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// Where the first interval begins; a day before `to` without it, or at the token's first block if
    /// that is later.
    #[param(inline)]
    from: Option<Instant>,
    /// Where the last interval ends; the confirmed block's time without it.
    #[param(inline)]
    to: Option<Instant>,
    /// The length of an interval; an hour without it.
    #[param(inline)]
    bucket: Option<Length>,
    /// `main` without it.
    #[param(inline, value_type = Option<crate::schema::ProgrammeNameSchema>)]
    programme: Option<String>,
    /// 100 without it.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next_cursor` of the page before, whose bounds and length it keeps.
    #[param(inline, value_type = Option<crate::schema::CursorSchema>)]
    cursor: Option<String>,
}

impl PageKey for Intervals {
    const LIST: &'static str = "points";
}

/// Points of an account over time
///
/// In adjacent intervals of one length, oldest first, the last one cut at `to`; exact for any bounds. A cursor keeps the bounds and the length of its first page.
///
/// `to` defaults to the confirmed time. Intervals begin at `from`. Without `from` their edges are
/// whole multiples of their length; the first begins a day before `to`, or at the token's first
/// block if that is later.
#[utoipa::path(
    get,
    path = "/chains/{chain_id}/tokens/{token}/accounts/{account}/points",
    operation_id = "points",
    tag = "points",
    params(TokenAccountPath, Params),
    responses((status = 200, body = Page<Bucket>), OfAccountAtInstant),
)]
pub(super) async fn buckets(
    State(api): State<Api>,
    Path(path): Path<TokenAccountPath>,
    Query(params): Query<Params>,
) -> Result<Json<Page<Bucket>>, Problem> {
    if let (Some(from), Some(to)) = (params.from, params.to)
        && from.0 >= to.0
    {
        let (from, to) = (from.0.to_string(), to.0.to_string());
        return Err(Problem::invalid("to", Message::BoundsReversed { from, to }));
    }
    let left: Option<Intervals> = page::decode(params.cursor.as_deref())?;
    if left.is_some_and(|left| !left.is_sound()) {
        return Err(Problem::invalid("cursor", Message::ForeignCursor {}));
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
