//! The caller itself.

use axum::Json;
use axum::extract::State;
use pledge_office::access::{
    DisplayName, Identity, LanguageTag, Object, Permission, ProfileChange, TimeZoneName,
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::sign_in::checked;
use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::admin::UserView;
use crate::access::body::Body;
use crate::document::{OfProfile, OfSelf};
use crate::problem::{Message, Problem};

/// Who asks, and what it may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The user, or the one whose program asks.
    user: UserView,
    /// The sign-in; null for a program.
    #[schema(value_type = Option<crate::schema::EntityIdSchema>)]
    session: Option<String>,
    /// The key of the program; null for a person.
    #[schema(value_type = Option<crate::schema::EntityIdSchema>)]
    api_key: Option<String>,
    /// What the caller may do everywhere, ascending.
    #[schema(value_type = Vec<crate::schema::PermissionSchema>)]
    permissions: Vec<&'static str>,
}

/// Who asks
///
/// The user or the program of the credential, and what it may do.
#[utoipa::path(
    get,
    path = "/auth/me",
    operation_id = "me",
    tag = "sign-in",
    responses((status = 200, body = Me), OfSelf),
)]
pub(super) async fn read(
    State(api): State<AccessApi>,
    actual: Actual,
) -> Result<Json<Me>, Problem> {
    let unauthenticated = || Problem::new(Message::Unauthenticated {});
    let user = actual.caller.user().ok_or_else(unauthenticated)?;
    let user = api.store.user(user).await?.ok_or_else(unauthenticated)?;
    let (session, api_key) = match &actual.caller.identity {
        Identity::Anonymous => (None, None),
        Identity::User { session, .. } => (Some(session.to_string()), None),
        Identity::ApiKey { key, .. } => (None, Some(key.to_string())),
    };
    let may = |permission: &Permission| actual.caller.may(*permission, Object::General);
    let allowed = Permission::ALL.into_iter().filter(may);
    let mut permissions: Vec<_> = allowed.map(Permission::as_str).collect();
    permissions.sort_unstable();
    Ok(Json(Me { user: user.into(), session, api_key, permissions }))
}

/// What changes of a profile. What is not named stays; null removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileRequest {
    /// What other people read for the user.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<crate::schema::DisplayNameSchema>)]
    display_name: Option<Option<String>>,
    /// The language that it reads, as a tag of BCP 47.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<crate::schema::LanguageTagSchema>)]
    language: Option<Option<String>>,
    /// The time zone in which it reads times, as IANA names it.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<crate::schema::TimeZoneSchema>)]
    time_zone: Option<Option<String>>,
}

/// A field that is there, be it null.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change the own profile
///
/// Display name, language and time zone. The name by which the user signs in stays.
#[utoipa::path(
    patch,
    path = "/auth/me",
    operation_id = "change_me",
    tag = "sign-in",
    request_body = ProfileRequest,
    responses((status = 200, body = UserView), OfProfile),
)]
pub(super) async fn change(
    State(api): State<AccessApi>,
    actual: Actual,
    body: Body<ProfileRequest>,
) -> Result<Json<UserView>, Problem> {
    let (user, _) = actual.person()?;
    let ProfileRequest { display_name, language, time_zone } = body.value;
    let change = ProfileChange {
        name: None,
        display_name: changed("display_name", display_name, DisplayName::new)?,
        language: changed("language", language, LanguageTag::new)?,
        time_zone: changed("time_zone", time_zone, TimeZoneName::new)?,
    };
    let after = api.store.change_profile(user, &change, &actual.by(None)?).await?;
    Ok(Json(after.into()))
}

/// What a field is from now on, if it is named.
fn changed<T, E>(
    field: &str,
    asked: Option<Option<String>>,
    check: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<Option<T>>, Problem> {
    asked.map(|text| checked(field, text.as_deref(), check)).transpose()
}
