//! Keys of programs.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use pledge_core::audit::Reason;
use pledge_core::query;
use pledge_core::types::Timestamp;
use pledge_office::access::{ApiKey, ApiKeyId, ApiKeyText, KeyName, NewApiKey, UserId};
use pledge_office::base::{StoreTime, random_bytes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::access::grants::{GrantView, given, shown};
use crate::access::key::Key;
use crate::access::once::{Made, once, once_shown};
use crate::access::place::{ApiKeyPlace, TimePlace, seconds};
use crate::access::reason::ReasonRequest;
use crate::document::{OfAdminList, OfApiKey, OfApiKeyWrite};
use crate::extract::{Limit, Path, Query};
use crate::page::{self, Page};
use crate::problem::Problem;

/// The key of a program. What a program shows is not kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyView {
    #[schema(value_type = crate::schema::EntityIdSchema)]
    id: String,
    /// By which people know the key again: it is after `pledge_`.
    prefix: String,
    /// Its name, of which the owner has one key in force.
    #[schema(value_type = crate::schema::PlainNameSchema)]
    name: String,
    /// Whose it is.
    #[schema(value_type = crate::schema::EntityIdSchema)]
    owner: String,
    /// What it may do, where its owner may too.
    grants: Vec<GrantView>,
    /// When it was made.
    #[schema(value_type = crate::schema::SecondsSchema)]
    created: u64,
    /// When it is over; null for never.
    #[schema(value_type = Option<crate::schema::SecondsSchema>)]
    until: Option<u64>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<crate::schema::SecondsSchema>)]
    last_used: Option<u64>,
    /// When it was revoked.
    #[schema(value_type = Option<crate::schema::SecondsSchema>)]
    revoked: Option<u64>,
}

/// A key that was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NewApiKeyAnswer {
    #[serde(flatten)]
    key: ApiKeyView,
    /// What the program shows, as `Authorization: Bearer`. It is shown in the first answer alone: null where the
    /// request is repeated.
    secret: Option<String>,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            prefix: key.prefix.as_str().to_owned(),
            name: key.name.to_string(),
            owner: key.owner.to_string(),
            grants: shown(&key.grants),
            created: seconds(key.created),
            until: key.until.map(seconds),
            last_used: key.last_used.map(seconds),
            revoked: key.revoked.map(seconds),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// Only those of this user.
    #[param(inline, value_type = Option<crate::schema::EntityIdSchema>)]
    owner: Option<String>,
    /// 100 without it.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<crate::schema::CursorSchema>)]
    cursor: Option<String>,
}

/// Keys of programs
///
/// The newest first, also those that were revoked.
#[utoipa::path(
    get,
    path = "/admin/api-keys",
    operation_id = "api_keys",
    tag = "admins",
    params(ListParams),
    responses((status = 200, body = Page<ApiKeyView>), OfAdminList),
)]
pub(super) async fn list(
    State(api): State<AccessApi>,
    Query(params): Query<ListParams>,
) -> Result<Json<Page<ApiKeyView>>, Problem> {
    let page = page::query::<ApiKeyPlace>(params.cursor.as_deref(), params.limit)?;
    let malformed = |text: &String| Problem::malformed("owner", text);
    let owner = params.owner.as_ref().map(|text| text.parse().map_err(|_| malformed(text)));
    let after = page.after.as_ref().map(|ApiKeyPlace(place)| place.position()).transpose()?;
    let rows = api.store.api_keys(owner.transpose()?, after, page.rows()).await?;
    let place = |key: &ApiKey| ApiKeyPlace(TimePlace::of(key.created, key.id));
    Ok(Json(Page::show(query::Page::cut(rows, page.limit, place), ApiKeyView::from)))
}

/// A key that is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyRequest {
    /// Its name, of which the owner has one key in force.
    #[schema(value_type = crate::schema::PlainNameSchema)]
    name: String,
    /// Whose it is; the caller's without it.
    #[schema(value_type = Option<crate::schema::EntityIdSchema>)]
    owner: Option<String>,
    /// What it may do, where its owner may too.
    grants: Vec<GrantView>,
    /// When it is over; never without it.
    until: Option<Timestamp>,
    /// Kept with who did it.
    reason: Reason,
}

/// Make a key
///
/// It may do what both its grants and its owner's allow. Nobody gives what it lacks itself.
#[utoipa::path(
    post,
    path = "/admin/api-keys",
    operation_id = "add_api_key",
    tag = "admins",
    request_body = ApiKeyRequest,
    responses((status = 200, body = NewApiKeyAnswer), OfApiKeyWrite),
)]
pub(super) async fn add(
    State(api): State<AccessApi>,
    actual: Actual,
    key: Key,
    body: Body<ApiKeyRequest>,
) -> Result<Response, Problem> {
    let ApiKeyRequest { name, owner, grants, until, reason } = body.value;
    let name = KeyName::new(&name).map_err(|_| Problem::wrong_field("name"))?;
    let owner: Option<UserId> = match owner {
        Some(text) => Some(text.parse().map_err(|_| Problem::wrong_field("owner"))?),
        None => actual.caller.user(),
    };
    let owner = owner.ok_or_else(|| Problem::wrong_field("owner"))?;
    let until = until.map(|until| StoreTime::new(until.get() * 1_000)).transpose();
    let until = until.map_err(|_| Problem::wrong_field("until"))?;
    let (grants, by) = (given(grants)?, actual.by(Some(reason))?);
    // The secret is made once: a repetition under the key is answered without it.
    once_shown(&api, &actual, (key, body.digest), async {
        let text = ApiKeyText::random(&*api.random);
        let id = ApiKeyId::from_bytes(random_bytes(&*api.random));
        let (prefix, hash) = (text.prefix().clone(), text.hash());
        let new = NewApiKey { id, prefix, hash, name, owner, grants, until };
        let key = ApiKeyView::from(api.store.add_api_key(&new, &by).await?);
        let kept = NewApiKeyAnswer { key, secret: None };
        Ok(Made {
            shown: NewApiKeyAnswer { secret: Some(text.expose().to_owned()), ..kept.clone() },
            kept,
        })
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ApiKeyPath {
    /// The key, by its id.
    #[param(inline, value_type = crate::schema::EntityIdSchema)]
    key: String,
}

/// Revoke a key
///
/// It lets nobody in from now on.
#[utoipa::path(
    post,
    path = "/admin/api-keys/{key}/revoke",
    operation_id = "revoke_api_key",
    tag = "admins",
    params(ApiKeyPath),
    request_body = ReasonRequest,
    responses((status = 200, body = ApiKeyView), OfApiKey),
)]
pub(super) async fn revoke(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<ApiKeyPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let id: ApiKeyId = path.key.parse().map_err(|_| Problem::malformed("key", &path.key))?;
    let by = actual.by(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        Ok(ApiKeyView::from(api.store.revoke_api_key(id, &by).await?))
    })
    .await
}
