//! The tokens of a sign-in.

use axum::Json;
use axum::extract::State;
use pledge_office::access::{Grant, RefreshError, Role, Scope, SignedIn, TICKET_LASTS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::document::{OfRefresh, OfSelf};
use crate::problem::{Message, Problem};

/// The tokens of a sign-in.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensAnswer {
    /// To be shown with each request, as `Authorization: Bearer`.
    access_token: String,
    /// To be exchanged once for the next tokens. A second use ends the sign-in.
    refresh_token: String,
    /// `Bearer`.
    #[schema(value_type = crate::schema::TokenTypeSchema)]
    token_type: &'static str,
    /// For how many seconds the access token may be used.
    #[schema(value_type = crate::schema::CountSchema)]
    expires_in: u64,
    /// The strongest of the built-in roles that the user has everywhere; null if it has none of them there.
    #[schema(value_type = Option<crate::schema::RoleNameSchema>)]
    role: Option<String>,
}

impl From<SignedIn> for TokensAnswer {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { caller, access_token, expires_in, refresh_token } = signed_in;
        Self {
            access_token,
            refresh_token: refresh_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in,
            role: strongest(&caller.grants),
        }
    }
}

fn strongest(grants: &[Grant]) -> Option<String> {
    let everywhere = |role: &Role| {
        grants.iter().any(|grant| grant.role.name == role.name && grant.scope == Scope::Everywhere)
    };
    let mut strongest_first = Role::built_in().into_iter().rev();
    strongest_first.find(everywhere).map(|role| role.name.to_string())
}

/// A token that is exchanged for the next ones.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    refresh_token: String,
}

/// Refresh the tokens
///
/// A refresh token is used once. One that is used again later ends the sign-in, since there is a copy of it. A repetition
/// within ten seconds, after a lost answer, gets the same next token.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    operation_id = "refresh",
    tag = "sign-in",
    request_body = RefreshRequest,
    responses((status = 200, body = TokensAnswer), OfRefresh),
)]
pub(super) async fn refresh(
    State(api): State<AccessApi>,
    actual: Actual,
    body: Body<RefreshRequest>,
) -> Result<Json<TokensAnswer>, Problem> {
    let (sessions, client) = (api.sign_in()?.sessions(), actual.client()?);
    let signed_in = sessions.refresh(&body.value.refresh_token, &client).await?;
    Ok(Json(signed_in.into()))
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Over => Self::new(Message::RefreshRefused {}),
            RefreshError::Unavailable(error) => {
                tracing::warn!(%error, "the contract of a sign-in cannot be asked");
                Self::new(Message::NodeUnavailable {})
            }
            RefreshError::Busy => Self::new(Message::Busy {}),
            RefreshError::Store(error) => error.into(),
        }
    }
}

/// What opens one stream, once.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket)]
pub(crate) struct TicketAnswer {
    /// To be written into the address of the stream, as a browser sends no header with it.
    ticket: String,
    /// For how many seconds it may be used.
    #[schema(value_type = crate::schema::CountSchema)]
    expires_in: u64,
}

/// Ask for a ticket
///
/// It opens one stream as this caller. A token never belongs into an address, which logs keep.
#[utoipa::path(
    post,
    path = "/auth/ticket",
    operation_id = "ticket",
    tag = "sign-in",
    responses((status = 200, body = TicketAnswer), OfSelf),
)]
pub(super) async fn ticket(
    State(api): State<AccessApi>,
    actual: Actual,
) -> Result<Json<TicketAnswer>, Problem> {
    let ticket = api.sign_in()?.sessions().ticket(&actual.caller).await?;
    let ticket = ticket.ok_or_else(|| Problem::new(Message::Unauthenticated {}))?;
    let (ticket, expires_in) = (ticket.expose().to_owned(), TICKET_LASTS.as_secs());
    Ok(Json(TicketAnswer { ticket, expires_in }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn grant(name: &str, scope: Scope) -> Grant {
        let role = Role::built_in().into_iter().find(|role| role.name.as_str() == name);
        Grant { role: role.expect("a built-in role"), scope }
    }

    #[test]
    fn the_role_that_is_shown_is_the_strongest_that_is_valid_everywhere() {
        let nowhere = Scope::Within { chains: BTreeSet::new(), tokens: BTreeSet::new() };
        let grants = [
            grant("member", Scope::Everywhere),
            grant("operator", Scope::Everywhere),
            grant("viewer", Scope::Everywhere),
            grant("admin", nowhere),
        ];
        assert_eq!(strongest(&grants).as_deref(), Some("operator"));
        assert_eq!(strongest(&grants[3..]), None);
    }
}
