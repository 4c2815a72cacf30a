//! Users: what they may do, and whether they may sign in.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use pledge_core::audit::Reason;
use pledge_core::query;
use pledge_core::types::ChainId;
use pledge_office::access::{Ban, Profile, Signs, User, UserId, Wallet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::access::grants::{GrantView, given, shown};
use crate::access::key::Key;
use crate::access::once::once;
use crate::access::place::{TimePlace, UserPlace, seconds};
use crate::access::reason::ReasonRequest;
use crate::document::{OfAdminList, OfUser, OfUserGrants, OfUserWrite};
use crate::extract::{Path, Query};
use crate::json::Eip55;
use crate::page::{Page, PageParams};
use crate::problem::{Message, Problem};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserView {
    #[schema(value_type = crate::schema::EntityIdSchema)]
    id: String,
    /// By which it signs in with a password, and by which the audit log names it; null for one that signs in by
    /// wallets alone.
    #[schema(value_type = Option<crate::schema::PlainNameSchema>)]
    name: Option<String>,
    /// What other people read for it.
    #[schema(value_type = Option<crate::schema::DisplayNameSchema>)]
    display_name: Option<String>,
    /// The language that it reads, as a tag of BCP 47.
    #[schema(value_type = Option<crate::schema::LanguageTagSchema>)]
    language: Option<String>,
    /// The time zone in which it reads times, as IANA names it.
    #[schema(value_type = Option<crate::schema::TimeZoneSchema>)]
    time_zone: Option<String>,
    /// When it was made.
    #[schema(value_type = crate::schema::SecondsSchema)]
    created: u64,
    /// Whether it has a password.
    has_password: bool,
    /// What signs for it.
    wallets: Vec<WalletView>,
    /// What it may do, and where.
    grants: Vec<GrantView>,
    /// Since when it may not sign in.
    #[schema(value_type = Option<crate::schema::SecondsSchema>)]
    banned: Option<u64>,
    /// Why, in the words of the one who did it.
    ban_reason: Option<String>,
    /// Since when it is removed.
    #[schema(value_type = Option<crate::schema::SecondsSchema>)]
    removed: Option<u64>,
}

/// What signs for a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet)]
pub(crate) struct WalletView {
    address: Eip55,
    /// The chain of its contract; null for a key, which signs on every chain.
    chain_id: Option<ChainId>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        let Profile { name, display_name, language, time_zone } = user.profile;
        let (banned, ban_reason) = match user.banned {
            Some(Ban { since, why }) => (Some(seconds(since)), why),
            None => (None, None),
        };
        Self {
            id: user.id.to_string(),
            name: name.map(|name| name.to_string()),
            display_name: display_name.map(|name| name.to_string()),
            language: language.map(|tag| tag.to_string()),
            time_zone: time_zone.map(|zone| zone.to_string()),
            created: seconds(user.created),
            has_password: user.has_password,
            wallets: user.wallets.into_iter().map(WalletView::from).collect(),
            grants: shown(&user.grants),
            banned,
            ban_reason,
            removed: user.removed.map(seconds),
        }
    }
}

impl From<Wallet> for WalletView {
    fn from(Wallet { address, signs }: Wallet) -> Self {
        let chain_id = match signs {
            Signs::ByKey => None,
            Signs::ByContract(chain) => Some(chain),
        };
        Self { address: Eip55(address), chain_id }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct UserPath {
    /// The user, by its id.
    #[param(inline, value_type = crate::schema::EntityIdSchema)]
    user: String,
}

impl UserPath {
    pub(super) fn id(&self) -> Result<UserId, Problem> {
        self.user.parse().map_err(|_| Problem::malformed("user", &self.user))
    }
}

/// Users
///
/// The newest first, also those that are banned or removed.
#[utoipa::path(
    get,
    path = "/admin/users",
    operation_id = "users",
    tag = "admins",
    params(PageParams),
    responses((status = 200, body = Page<UserView>), OfAdminList),
)]
pub(super) async fn list(
    State(api): State<AccessApi>,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<UserView>>, Problem> {
    let page = params.query::<UserPlace>()?;
    let after = page.after.as_ref().map(|UserPlace(place)| place.position()).transpose()?;
    let rows = api.store.users(after, page.rows()).await?;
    let place = |user: &User| UserPlace(TimePlace::of(user.created, user.id));
    Ok(Json(Page::show(query::Page::cut(rows, page.limit, place), UserView::from)))
}

/// A user
#[utoipa::path(
    get,
    path = "/admin/users/{user}",
    operation_id = "user",
    tag = "admins",
    params(UserPath),
    responses((status = 200, body = UserView), OfUser),
)]
pub(super) async fn one(
    State(api): State<AccessApi>,
    Path(path): Path<UserPath>,
) -> Result<Json<UserView>, Problem> {
    let user = api.store.user(path.id()?).await?;
    let user = user.ok_or_else(|| Problem::new(Message::UnknownUser {}))?;
    Ok(Json(user.into()))
}

/// What a user may do from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantsRequest {
    /// Instead of what it has.
    grants: Vec<GrantView>,
    /// Kept with who did it.
    reason: Reason,
}

/// Give a user roles
///
/// Instead of those that it has. They are in force at once. Nobody gives what it lacks itself.
#[utoipa::path(
    put,
    path = "/admin/users/{user}/grants",
    operation_id = "change_grants",
    tag = "admins",
    params(UserPath),
    request_body = GrantsRequest,
    responses((status = 200, body = UserView), OfUserGrants),
)]
pub(super) async fn change_grants(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<UserPath>,
    key: Key,
    body: Body<GrantsRequest>,
) -> Result<Response, Problem> {
    let (user, grants) = (path.id()?, given(body.value.grants)?);
    let by = actual.by(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        Ok(UserView::from(api.store.change_grants(user, &grants, &by).await?))
    })
    .await
}

/// Ban a user
///
/// Its sessions end at once, and neither it nor its keys are let in.
#[utoipa::path(
    post,
    path = "/admin/users/{user}/ban",
    operation_id = "ban_user",
    tag = "admins",
    params(UserPath),
    request_body = ReasonRequest,
    responses((status = 200, body = UserView), OfUserWrite),
)]
pub(super) async fn ban(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<UserPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let (user, by) = (path.id()?, actual.by(Some(body.value.reason))?);
    once(&api, &actual, (key, body.digest), async {
        Ok(UserView::from(api.store.ban_user(user, &by).await?))
    })
    .await
}

/// Lift the ban of a user
///
/// It may sign in again, and its keys are in force again.
#[utoipa::path(
    post,
    path = "/admin/users/{user}/unban",
    operation_id = "unban_user",
    tag = "admins",
    params(UserPath),
    request_body = ReasonRequest,
    responses((status = 200, body = UserView), OfUserWrite),
)]
pub(super) async fn unban(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<UserPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let (user, by) = (path.id()?, actual.by(Some(body.value.reason))?);
    once(&api, &actual, (key, body.digest), async {
        Ok(UserView::from(api.store.lift_ban(user, &by).await?))
    })
    .await
}

/// Remove a user
///
/// For good: its name and wallets are free, its sessions end, its keys are revoked. Its id stays in the records.
#[utoipa::path(
    post,
    path = "/admin/users/{user}/remove",
    operation_id = "remove_user",
    tag = "admins",
    params(UserPath),
    request_body = ReasonRequest,
    responses((status = 200, body = UserView), OfUserWrite),
)]
pub(super) async fn remove(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<UserPath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let (user, by) = (path.id()?, actual.by(Some(body.value.reason))?);
    once(&api, &actual, (key, body.digest), async {
        Ok(UserView::from(api.store.remove_user(user, &by).await?))
    })
    .await
}
