//! Signing in, and becoming a user.

use axum::Json;
use axum::extract::State;
use pledge_office::access::{
    DisplayName, LanguageTag, Nonces, Profile, Refused, Registering, SignInError, SignedMessage,
    TimeZoneName, UserName,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tokens::TokensAnswer;
use crate::access::AccessApi;
use crate::access::actual::Actual;
use crate::access::body::Body;
use crate::document::{OfNonce, OfRegistration, OfSignIn};
use crate::problem::{Message, Problem};

/// What makes the message of a wallet one of its kind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NonceAnswer {
    /// To be written into the message, and used once.
    nonce: String,
    /// For how long it may be used.
    #[schema(value_type = crate::schema::CountSchema)]
    expires_in: u64,
}

/// Ask for a nonce
///
/// For the message that a wallet signs (EIP-4361).
#[utoipa::path(
    post,
    path = "/auth/nonce",
    operation_id = "nonce",
    tag = "sign-in",
    responses((status = 200, body = NonceAnswer), OfNonce),
)]
pub(super) async fn nonce(State(api): State<AccessApi>) -> Result<Json<NonceAnswer>, Problem> {
    let nonce = api.sign_in()?.nonce();
    Ok(Json(NonceAnswer { nonce, expires_in: Nonces::SECONDS }))
}

/// A message and its signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WalletRequest {
    /// The text of EIP-4361, as it was signed.
    message: String,
    /// `0x` and hexadecimal digits.
    signature: String,
}

/// Sign in with a wallet
///
/// By a message of EIP-4361 for this server, with a nonce of its own. The account may be a key or a contract.
#[utoipa::path(
    post,
    path = "/auth/wallet",
    operation_id = "sign_in_with_wallet",
    tag = "sign-in",
    request_body = WalletRequest,
    responses((status = 200, body = TokensAnswer), OfSignIn),
)]
pub(super) async fn wallet(
    State(api): State<AccessApi>,
    actual: Actual,
    body: Body<WalletRequest>,
) -> Result<Json<TokensAnswer>, Problem> {
    let WalletRequest { message, signature } = &body.value;
    let signed = SignedMessage { message, signature };
    let signed_in = api.sign_in()?.by_wallet(signed, &actual.client()?).await?;
    Ok(Json(signed_in.into()))
}

/// A name and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordRequest {
    name: String,
    #[schema(format = Password)]
    password: String,
}

/// Sign in with name and password
///
/// A wrong name and a wrong password are answered alike. After some failures the next attempt has to wait, for this
/// name from this part of the network.
#[utoipa::path(
    post,
    path = "/auth/password",
    operation_id = "sign_in_with_password",
    tag = "sign-in",
    request_body = PasswordRequest,
    responses((status = 200, body = TokensAnswer), OfSignIn),
)]
pub(super) async fn password(
    State(api): State<AccessApi>,
    actual: Actual,
    body: Body<PasswordRequest>,
) -> Result<Json<TokensAnswer>, Problem> {
    let PasswordRequest { name, password } = &body.value;
    let signed_in = api.sign_in()?.by_password(name, password, &actual.client()?).await?;
    Ok(Json(signed_in.into()))
}

/// Who becomes a user, and by what: a name with a password, or the message that a wallet signed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationRequest {
    /// Needed with a password.
    #[schema(value_type = Option<crate::schema::PlainNameSchema>)]
    name: Option<String>,
    /// Of 12 characters or more.
    #[schema(format = Password)]
    password: Option<String>,
    /// The text of EIP-4361, as it was signed.
    message: Option<String>,
    /// `0x` and hexadecimal digits.
    signature: Option<String>,
    /// The code of an invitation.
    invitation: Option<String>,
    /// What other people read for the user.
    #[schema(value_type = Option<crate::schema::DisplayNameSchema>)]
    display_name: Option<String>,
    /// The language that it reads, as a tag of BCP 47.
    #[schema(value_type = Option<crate::schema::LanguageTagSchema>)]
    language: Option<String>,
    /// The time zone in which it reads times, as IANA names it.
    #[schema(value_type = Option<crate::schema::TimeZoneSchema>)]
    time_zone: Option<String>,
}

/// Become a user
///
/// Where registration is open, or with the code of an invitation; the user is signed in at once.
#[utoipa::path(
    post,
    path = "/auth/register",
    operation_id = "register",
    tag = "sign-in",
    request_body = RegistrationRequest,
    responses((status = 200, body = TokensAnswer), OfRegistration),
)]
pub(super) async fn register(
    State(api): State<AccessApi>,
    actual: Actual,
    body: Body<RegistrationRequest>,
) -> Result<Json<TokensAnswer>, Problem> {
    let asked = &body.value;
    let by = match (&asked.password, &asked.message, &asked.signature) {
        (Some(password), None, None) => Registering::Password(password),
        (None, Some(message), Some(signature)) => {
            Registering::Wallet(SignedMessage { message, signature })
        }
        _ => return Err(Problem::new(Message::OneWayIn {})),
    };
    let profile = Profile {
        name: checked("name", asked.name.as_deref(), UserName::new)?,
        display_name: checked("display_name", asked.display_name.as_deref(), DisplayName::new)?,
        language: checked("language", asked.language.as_deref(), LanguageTag::new)?,
        time_zone: checked("time_zone", asked.time_zone.as_deref(), TimeZoneName::new)?,
    };
    let (code, client) = (asked.invitation.as_deref(), actual.client()?);
    let signed_in = api.sign_in()?.register(by, profile, code, &client).await?;
    Ok(Json(signed_in.into()))
}

/// A text of a body, if it is given, as what its field has to be.
pub(super) fn checked<T, E>(
    field: &str,
    text: Option<&str>,
    check: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    text.map(|text| check(text).map_err(|_| Problem::wrong_field(field))).transpose()
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        let message = match error {
            SignInError::Message(malformed) => {
                let line = malformed.line.to_string();
                return Self::invalid("message", Message::MalformedSignIn { line });
            }
            SignInError::Signature(_) => return Self::wrong_field("signature"),
            SignInError::Refused(_)
            | SignInError::Nonce(_)
            | SignInError::NonceUsed
            | SignInError::NotSigned(_) => Message::OtherMessageSigned {},
            SignInError::Unavailable(error) => {
                tracing::warn!(%error, "the chain of a wallet cannot be asked");
                Message::NodeUnavailable {}
            }
            SignInError::NotRegistered => Message::NotRegistered {},
            SignInError::WrongPassword => Message::WrongPassword {},
            SignInError::Wait(wait) => return Self::slowed(wait),
            SignInError::Busy => Message::Busy {},
            SignInError::Password(_) => {
                return Self::invalid("password", Message::UnfitPassword {});
            }
            SignInError::Closed => Message::RegistrationClosed {},
            SignInError::InvitationNeeded => Message::InvitationNeeded {},
            // Who has shown the password of a banned user learns no more than that.
            SignInError::Access(Refused::NotActive) => Message::SignInRefused {},
            SignInError::Access(refused) => return refused.into(),
            SignInError::Store(error) => return error.into(),
            other => return crate::problem::internal(&other),
        };
        Self::new(message)
    }
}
