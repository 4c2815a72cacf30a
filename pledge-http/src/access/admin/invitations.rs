//! Invitations: codes by which a person becomes a user, once.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use pledge_core::audit::Reason;
use pledge_core::query;
use pledge_office::access::{Invitation, InvitationEnd, InvitationId, NewInvitation, Note, OneUse};
use pledge_office::base::random_bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::access::grants::{GrantView, given, shown};
use crate::access::key::Key;
use crate::access::once::{Made, once, once_shown};
use crate::access::place::{InvitationPlace, TimePlace, seconds};
use crate::access::reason::ReasonRequest;
use crate::document::{OfAdminList, OfInvitation, OfInvitationWrite};
use crate::extract::{Path, Query};
use crate::page::{Page, PageParams};
use crate::problem::Problem;

/// An invitation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationView {
    #[schema(value_type = crate::schema::EntityIdSchema)]
    id: String,
    /// What the user may do who is made by it.
    grants: Vec<GrantView>,
    /// What it is for.
    note: Option<String>,
    /// Who made it; null for the machine's operator.
    #[schema(value_type = Option<crate::schema::EntityIdSchema>)]
    by: Option<String>,
    /// When it was made.
    #[schema(value_type = crate::schema::SecondsSchema)]
    created: u64,
    /// When it is over.
    #[schema(value_type = crate::schema::SecondsSchema)]
    until: u64,
    /// The user that was made by it.
    #[schema(value_type = Option<crate::schema::EntityIdSchema>)]
    used_by: Option<String>,
    /// When it was used or withdrawn.
    #[schema(value_type = Option<crate::schema::SecondsSchema>)]
    ended: Option<u64>,
}

/// An invitation that was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NewInvitationAnswer {
    #[serde(flatten)]
    invitation: InvitationView,
    /// What the invited person types. It is shown in the first answer alone: null where the request is repeated.
    code: Option<String>,
}

impl From<Invitation> for InvitationView {
    fn from(one: Invitation) -> Self {
        let (used_by, ended) = match one.end {
            None => (None, None),
            Some(InvitationEnd::Used { at, user }) => (Some(user.to_string()), Some(at)),
            Some(InvitationEnd::Revoked { at }) => (None, Some(at)),
        };
        Self {
            id: one.id.to_string(),
            grants: shown(&one.grants),
            note: one.note.map(|note| note.to_string()),
            by: one.by.map(|user| user.to_string()),
            created: seconds(one.created),
            until: seconds(one.until),
            used_by,
            ended: ended.map(seconds),
        }
    }
}

/// Invitations
///
/// The newest first, also those that were used or are over.
#[utoipa::path(
    get,
    path = "/admin/invitations",
    operation_id = "invitations",
    tag = "admins",
    params(PageParams),
    responses((status = 200, body = Page<InvitationView>), OfAdminList),
)]
pub(super) async fn list(
    State(api): State<AccessApi>,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let page = params.query::<InvitationPlace>()?;
    let after = page.after.as_ref().map(|InvitationPlace(place)| place.position()).transpose()?;
    let rows = api.store.invitations(after, page.rows()).await?;
    let place = |one: &Invitation| InvitationPlace(TimePlace::of(one.created, one.id));
    Ok(Json(Page::show(query::Page::cut(rows, page.limit, place), InvitationView::from)))
}

/// An invitation that is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationRequest {
    /// What the user may do who is made by it.
    grants: Vec<GrantView>,
    /// For how long it is open: up to 30 days, and a week without it.
    #[schema(minimum = 1, maximum = 2592000)]
    lasts_seconds: Option<u64>,
    /// What it is for.
    #[schema(value_type = Option<crate::schema::NoteSchema>)]
    note: Option<String>,
    /// Kept with who did it.
    reason: Reason,
}

/// How long an invitation is open unless it is asked otherwise.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Invite a person
///
/// The one who registers with the code becomes a user with these roles, once. Nobody gives what it lacks itself.
#[utoipa::path(
    post,
    path = "/admin/invitations",
    operation_id = "invite",
    tag = "admins",
    request_body = InvitationRequest,
    responses((status = 200, body = NewInvitationAnswer), OfInvitationWrite),
)]
pub(super) async fn invite(
    State(api): State<AccessApi>,
    actual: Actual,
    key: Key,
    body: Body<InvitationRequest>,
) -> Result<Response, Problem> {
    let InvitationRequest { grants, lasts_seconds, note, reason } = body.value;
    let lasts = lasts_seconds.map_or(WEEK, Duration::from_secs);
    if lasts.is_zero() || lasts > Invitation::LASTS_MAX {
        return Err(Problem::wrong_field("lasts_seconds"));
    }
    let note = note.map(|text| Note::new(&text)).transpose();
    let note = note.map_err(|_| Problem::wrong_field("note"))?;
    let (grants, by) = (given(grants)?, actual.by(Some(reason))?);
    // The code is made once: a repetition under the key is answered without it.
    once_shown(&api, &actual, (key, body.digest), async {
        let code = OneUse::random(&*api.random);
        let id = InvitationId::from_bytes(random_bytes(&*api.random));
        let new = NewInvitation { id, hash: code.hash(), grants, lasts, note };
        let invitation = InvitationView::from(api.store.invite(&new, &by).await?);
        let kept = NewInvitationAnswer { invitation, code: None };
        Ok(Made {
            shown: NewInvitationAnswer { code: Some(code.expose().to_owned()), ..kept.clone() },
            kept,
        })
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct InvitationPath {
    /// The invitation, by its id.
    #[param(inline, value_type = crate::schema::EntityIdSchema)]
    invitation: String,
}

/// Withdraw an invitation
///
/// One that was used or is over stays as it is.
#[utoipa::path(
    post,
    path = "/admin/invitations/{invitation}/revoke",
    operation_id = "revoke_invitation",
    tag = "admins",
    params(InvitationPath),
    request_body = ReasonRequest,
    responses((status = 200, body = InvitationView), OfInvitation),
)]
pub(super) async fn revoke(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<InvitationPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let malformed = |_| Problem::malformed("invitation", &path.invitation);
    let id: InvitationId = path.invitation.parse().map_err(malformed)?;
    let by = actual.by(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        Ok(InvitationView::from(api.store.revoke_invitation(id, &by).await?))
    })
    .await
}
