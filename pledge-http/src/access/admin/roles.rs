//! Roles: named sets of permissions.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use pledge_core::audit::Reason;
use pledge_core::query;
use pledge_office::access::{Permission, Role, RoleName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::access::key::Key;
use crate::access::once::once;
use crate::access::reason::ReasonRequest;
use crate::document::{OfAdminList, OfRoleWrite};
use crate::extract::{Path, Query};
use crate::page::{Page, PageKey, PageParams};
use crate::problem::{Message, Problem};

/// A named set of permissions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub(crate) struct RoleView {
    #[schema(value_type = crate::schema::RoleNameSchema)]
    role: String,
    /// What it allows, ascending.
    #[schema(value_type = Vec<crate::schema::PermissionSchema>)]
    permissions: Vec<&'static str>,
    /// Whether it is always there and never changes.
    built_in: bool,
}

impl From<&Role> for RoleView {
    fn from(role: &Role) -> Self {
        let mut permissions: Vec<_> =
            role.permissions.iter().map(|permission| permission.as_str()).collect();
        permissions.sort_unstable();
        let built_in = Role::built_in().iter().any(|one| one.name == role.name);
        Self { role: role.name.to_string(), permissions, built_in }
    }
}

/// The role after which a page begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct RolePlace(String);

impl PageKey for RolePlace {
    const LIST: &'static str = "roles";
}

/// Roles
///
/// Ascending by name, the built-in ones among them.
#[utoipa::path(
    get,
    path = "/admin/roles",
    operation_id = "roles",
    tag = "admins",
    params(PageParams),
    responses((status = 200, body = Page<RoleView>), OfAdminList),
)]
pub(super) async fn list(
    State(api): State<AccessApi>,
    Query(params): Query<PageParams>,
) -> Result<Json<Page<RoleView>>, Problem> {
    let page = params.query::<RolePlace>()?;
    let after = page.after.as_ref().map(|RolePlace(name)| RoleName::new(name)).transpose();
    let foreign = |_| Problem::invalid("cursor", Message::ForeignCursor {});
    let after = after.map_err(foreign)?;
    let mut rows = api.store.roles(after.as_ref(), page.rows()).await?;
    let is_behind = |role: &Role| after.as_ref().is_none_or(|after| role.name > *after);
    rows.extend(Role::built_in().into_iter().filter(is_behind));
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    rows.truncate(page.rows());
    let place = |role: &Role| RolePlace(role.name.to_string());
    let page = query::Page::cut(rows, page.limit, place);
    Ok(Json(Page::show(page, |role| RoleView::from(&role))))
}

/// A role that is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleRequest {
    #[schema(value_type = crate::schema::RoleNameSchema)]
    role: String,
    /// What it allows.
    #[schema(value_type = Vec<crate::schema::PermissionSchema>)]
    permissions: Vec<String>,
    /// Kept with who did it.
    reason: Reason,
}

/// What a role allows from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PermissionsRequest {
    /// Instead of what it allows.
    #[schema(value_type = Vec<crate::schema::PermissionSchema>)]
    permissions: Vec<String>,
    /// Kept with who did it.
    reason: Reason,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RolePath {
    /// The role, by its name.
    #[param(inline, value_type = crate::schema::RoleNameSchema)]
    role: String,
}

impl RolePath {
    fn name(&self) -> Result<RoleName, Problem> {
        RoleName::new(&self.role).map_err(|_| Problem::malformed("role", &self.role))
    }
}

fn permissions(names: &[String]) -> Result<BTreeSet<Permission>, Problem> {
    let permissions: Result<_, _> = names.iter().map(|name| name.parse()).collect();
    permissions.map_err(|_| Problem::wrong_field("permissions"))
}

/// Make a role
///
/// Nobody makes one that allows what it lacks itself.
#[utoipa::path(
    post,
    path = "/admin/roles",
    operation_id = "add_role",
    tag = "admins",
    request_body = RoleRequest,
    responses((status = 200, body = RoleView), OfRoleWrite),
)]
pub(super) async fn add(
    State(api): State<AccessApi>,
    actual: Actual,
    key: Key,
    body: Body<RoleRequest>,
) -> Result<Response, Problem> {
    let name = RoleName::new(&body.value.role).map_err(|_| Problem::wrong_field("role"))?;
    let role = Role { name, permissions: permissions(&body.value.permissions)? };
    let by = actual.by(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        api.store.add_role(&role, &by).await?;
        Ok(RoleView::from(&role))
    })
    .await
}

/// Change what a role allows
///
/// In force at once for all who have it.
#[utoipa::path(
    put,
    path = "/admin/roles/{role}",
    operation_id = "change_role",
    tag = "admins",
    params(RolePath),
    request_body = PermissionsRequest,
    responses((status = 200, body = RoleView), OfRoleWrite),
)]
pub(super) async fn change(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<RolePath>,
    key: Key,
    body: Body<PermissionsRequest>,
) -> Result<Response, Problem> {
    let role = Role { name: path.name()?, permissions: permissions(&body.value.permissions)? };
    let by = actual.by(Some(body.value.reason))?;
    once(&api, &actual, (key, body.digest), async {
        api.store.change_role(&role, &by).await?;
        Ok(RoleView::from(&role))
    })
    .await
}

/// A role that is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedRole {
    #[schema(value_type = crate::schema::RoleNameSchema)]
    role: String,
}

/// Remove a role
///
/// Those who have it may no longer do what it allowed. One that is not there is no error.
#[utoipa::path(
    post,
    path = "/admin/roles/{role}/remove",
    operation_id = "remove_role",
    tag = "admins",
    params(RolePath),
    request_body = ReasonRequest,
    responses((status = 200, body = RemovedRole), OfRoleWrite),
)]
pub(super) async fn remove(
    State(api): State<AccessApi>,
    actual: Actual,
    Path(path): Path<RolePath>,
    key: Key,
    body: Body<ReasonRequest>,
) -> Result<Response, Problem> {
    let (name, by) = (path.name()?, actual.by(Some(body.value.reason))?);
    once(&api, &actual, (key, body.digest), async {
        api.store.remove_role(&name, &by).await?;
        Ok(RemovedRole { role: name.to_string() })
    })
    .await
}
