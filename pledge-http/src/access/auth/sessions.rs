//! Leaving, and the list of a user's own sign-ins.

use axum::Json;
use axum::extract::State;
use pledge_core::query;
use pledge_office::access::{Session, SessionEnd, SessionId, SignedInBy};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::place::{SessionPlace, TimePlace, seconds};
use crate::document::{OfPerson, OfSelfList};
use crate::extract::{Path, Query};
use crate::page::{Page, PageParams};
use crate::problem::Problem;

/// How many sign-ins were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndedSessions {
    #[schema(value_type = crate::schema::CountSchema)]
    ended: u64,
}

/// Sign out
///
/// The sign-in of this token ends, with every token of it.
#[utoipa::path(
    post,
    path = "/auth/logout",
    operation_id = "logout",
    tag = "sign-in",
    responses((status = 200, body = EndedSessions), OfPerson),
)]
pub(super) async fn logout(
    State(api): State<AccessApi>,
    actual: Actual,
) -> Result<Json<EndedSessions>, Problem> {
    let (user, session) = actual.person()?;
    api.store.end_session(user, session, SessionEnd::Logout).await?;
    Ok(Json(EndedSessions { ended: 1 }))
}

/// Sign out everywhere
///
/// Every sign-in of the user ends, this one too.
#[utoipa::path(
    post,
    path = "/auth/logout-everywhere",
    operation_id = "logout_everywhere",
    tag = "sign-in",
    responses((status = 200, body = EndedSessions), OfPerson),
)]
pub(super) async fn logout_everywhere(
    State(api): State<AccessApi>,
    actual: Actual,
) -> Result<Json<EndedSessions>, Problem> {
    let (user, _) = actual.person()?;
    let ended = api.store.end_sessions(user, None, SessionEnd::Logout).await?;
    Ok(Json(EndedSessions { ended }))
}

/// A sign-in of the caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    #[schema(value_type = crate::schema::EntityIdSchema)]
    id: String,
    /// Whether it is that of this request.
    current: bool,
    /// How it began.
    #[schema(value_type = crate::schema::WayInSchema)]
    signed_in_by: &'static str,
    /// When it began.
    #[schema(value_type = crate::schema::SecondsSchema)]
    signed_in: u64,
    /// When its newest refresh token was given out.
    #[schema(value_type = crate::schema::SecondsSchema)]
    refreshed: u64,
    /// When it is over at the latest.
    #[schema(value_type = crate::schema::SecondsSchema)]
    until: u64,
    /// Where it began.
    address: Option<String>,
    /// What the client wrote about itself.
    user_agent: Option<String>,
}

impl SessionView {
    fn of(session: Session, current: SessionId) -> Self {
        let signed_in_by = match session.signed_in_by {
            SignedInBy::Password => "password",
            SignedInBy::Key(_) | SignedInBy::Contract(_) => "wallet",
        };
        Self {
            current: session.id == current,
            id: session.id.to_string(),
            signed_in_by,
            signed_in: seconds(session.signed_in),
            refreshed: seconds(session.refreshed),
            until: seconds(session.until),
            address: session.address.map(|address| address.to_string()),
            user_agent: session.user_agent.map(|agent| agent.as_str().to_owned()),
        }
    }
}

/// Own sign-ins
///
/// Those that have not ended, the newest first.
#[utoipa::path(
    get,
    path = "/auth/sessions",
    operation_id = "sessions",
    tag = "sign-in",
    params(PageParams),
    responses((status = 200, body = Page<SessionView>), OfSelfList),
)]
pub(super) async fn list(
    State(api): State<AccessApi>,
    actual: Actual,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<SessionView>>, Problem> {
    let (user, current) = actual.person()?;
    let page = params.query::<SessionPlace>()?;
    let after = page.after.as_ref().map(|SessionPlace(place)| place.position()).transpose()?;
    let rows = api.store.sessions(user, after, page.rows()).await?;
    let place = |session: &Session| SessionPlace(TimePlace::of(session.signed_in, session.id));
    let page = query::Page::cut(rows, page.limit, place);
    Ok(Json(Page::show(page, |session| SessionView::of(session, current))))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SessionPath {
    /// The sign-in, by its id.
    #[param(inline, value_type = crate::schema::EntityIdSchema)]
    session: String,
}

/// End an own sign-in
///
/// One that has ended, or is of another user, stays as it is.
#[utoipa::path(
    post,
    path = "/auth/sessions/{session}/revoke",
    operation_id = "revoke_session",
    tag = "sign-in",
    params(SessionPath),
    responses((status = 200, body = EndedSessions), OfSelfList),
)]
pub(super) async fn revoke(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<SessionPath>,
) -> Result<Json<EndedSessions>, Problem> {
    let (user, _) = actual.person()?;
    let malformed = |_| Problem::malformed("session", &path.session);
    let session: SessionId = path.session.parse().map_err(malformed)?;
    let is_own = |found: &Session| found.user == user && found.ended.is_none();
    let ended = u64::from(api.store.session(session).await?.as_ref().is_some_and(is_own));
    api.store.end_session(user, session, SessionEnd::EndedByUser).await?;
    Ok(Json(EndedSessions { ended }))
}
