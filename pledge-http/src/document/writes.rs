//! What the routes of access may refuse, by kinds of problems.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use super::refused::responses;
use crate::problem::Kind;

/// What every one of them may refuse, or a host for it.
const EVERY: [Kind; 11] = [
    Kind::InvalidParameter,
    Kind::IncompleteBody,
    Kind::BodyTooLarge,
    Kind::UriTooLong,
    Kind::TooManyRequests,
    Kind::Unavailable,
    Kind::Busy,
    Kind::TimedOut,
    Kind::Starting,
    Kind::Internal,
    Kind::AccessNotConfigured,
];
/// What one with a body may refuse.
const BODY: [Kind; 2] = [Kind::InvalidBody, Kind::UnsupportedMediaType];
/// What one may refuse that is not for everyone.
const SIGNED_IN: [Kind; 2] = [Kind::Unauthenticated, Kind::Forbidden];
/// What an act may refuse that is done once.
const ONCE: [Kind; 3] = [Kind::IdempotencyKeyReused, Kind::RequestUnderWay, Kind::StateMoved];

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident [$($group:ident)*] [$($kind:ident)*];)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    let kinds: &[&[Kind]] = &[&EVERY, $(&$group,)* &[$(Kind::$kind),*]];
                    responses(&kinds.concat())
                }
            }
        )+
    };
}

refusals! {
    /// Of the route that gives nonces.
    OfNonce [] [];
    /// Of a route by which a caller signs in.
    OfSignIn [BODY] [SignInRefused NodeUnavailable];
    /// Of the route by which a person becomes a user.
    OfRegistration [BODY] [
        SignInRefused RegistrationRefused NodeUnavailable Taken NotPossible UnknownRole StateMoved
    ];
    /// Of the route that exchanges tokens.
    OfRefresh [BODY] [SignInRefused NodeUnavailable];
    /// Of a route about the caller.
    OfSelf [SIGNED_IN] [];
    /// Of a list of the caller.
    OfSelfList [SIGNED_IN] [];
    /// Of a route that ends sign-ins of the caller.
    OfPerson [SIGNED_IN] [StateMoved];
    /// Of the route that changes the caller's profile.
    OfProfile [SIGNED_IN BODY] [UnknownUser NotPossible Taken StateMoved];
    /// Of a plan about a chain.
    OfChainPlan [SIGNED_IN] [UnknownChain NothingToDo NotPossible];
    /// Of an act on a chain.
    OfChainWrite [SIGNED_IN BODY ONCE] [UnknownChain NothingToDo NotPossible];
    /// Of a rewind.
    OfRewind [SIGNED_IN BODY ONCE] [UnknownChain NothingToDo NotPossible NodeUnavailable];
    /// Of an act on a token.
    OfTokenWrite [SIGNED_IN BODY ONCE] [UnknownToken NothingToDo];
    /// Of an act on a programme.
    OfProgrammeWrite [SIGNED_IN BODY ONCE] [
        UnknownToken UnknownProgramme Taken NotPossible Rewinding
    ];
    /// Of an act on a settlement.
    OfSettlementWrite [SIGNED_IN BODY ONCE] [
        UnknownToken UnknownProgramme UnknownSettlement NothingToDo Rewinding
    ];
    /// Of a list for admins.
    OfAdminList [SIGNED_IN] [];
    /// Of a file for admins.
    OfExport [SIGNED_IN] [];
    /// Of a route about a user.
    OfUser [SIGNED_IN] [UnknownUser];
    /// Of an act on a user.
    OfUserWrite [SIGNED_IN BODY ONCE] [UnknownUser NotPossible Taken];
    /// Of the act that gives a user roles.
    OfUserGrants [SIGNED_IN BODY ONCE] [UnknownUser UnknownRole NotPossible];
    /// Of the act that makes an invitation.
    OfInvitationWrite [SIGNED_IN BODY ONCE] [UnknownRole NotPossible];
    /// Of an act on an invitation.
    OfInvitation [SIGNED_IN BODY ONCE] [UnknownInvitation];
    /// Of an act on a role.
    OfRoleWrite [SIGNED_IN BODY ONCE] [UnknownRole Taken NotPossible];
    /// Of the act that makes a key.
    OfApiKeyWrite [SIGNED_IN BODY ONCE] [UnknownUser UnknownRole Taken NotPossible];
    /// Of an act on a key.
    OfApiKey [SIGNED_IN BODY ONCE] [UnknownApiKey NotPossible];
}
