//! Who a caller is, and what it may do.
//!
//! - A [`SignInMessage`] is the text that a wallet signs (EIP-4361); [`Expected`] decides whether it is
//!   one that was meant for this server, now.
//! - A [`Role`] is a named set of [`Permission`]s. [`may`] decides what the roles of a caller allow.
//!
//! - An [`Authenticator`] finds the [`Caller`] of a request by the [`Credential`] that it shows: [`Sessions`] do,
//!   which [`SignIn`] begins for who shows a password or the signature of a wallet.
//!
//! - [`Secrets`] gives each [`Purpose`] keys of its own. [`Nonces`] are known again by them, and a
//!   [`RefreshToken`] gives its successor; [`RefreshTimes`] decides when. [`Failures`] slow sign-ins down.
//!
//! - An [`AccessStore`] keeps users, roles, keys and sign-ins. What a person may do to them is decided by
//!   [`Acting`], in the transaction of the write.
//!
//! - A [`RightsWatch`] is notified of writes after which a [`Caller`] may no longer be what it was ([`RightsOf`]).
//!
//! All of it is pure but for the ports and what drives them, [`SignIn`], [`Sessions`] and [`Wallets`]. Times and
//! random bytes are arguments there too, or come from ports: [`AccessTokens`] and [`Passwords`] are adapters'.

mod api_key;
mod attempt;
mod audited;
mod authority;
mod caller;
mod client;
mod expected;
mod grants;
mod id;
mod invitation;
mod message;
mod nonce;
mod one_use;
mod password;
mod permission;
mod refresh;
mod request;
mod rights;
mod role;
mod secret;
mod session;
mod sessions;
mod sign_in;
mod signature;
mod slowdown;
mod store;
mod text;
mod token;
mod user;
mod wallets;

pub use api_key::{ApiKey, KeyCaller, KeyPrefix, NewApiKey};
pub use attempt::{Attempted, FailureKey, TICKET_LASTS, TicketHolder};
pub use audited::AccessAction;
pub use authority::{
    AccessError, Acting, By, Refused, Right, gives_admin, has_a_way_in, is_admin, keeps_an_admin,
};
pub use caller::{Authenticator, Caller, Credential, Identity, Unauthenticated};
pub use client::Client;
pub use expected::{Expected, Refusal};
pub use grants::{GivenGrant, GivenGrants, Roles, both, lacking};
pub use id::{ApiKeyId, InvitationId, SessionId, UserId};
pub use invitation::{Invitation, InvitationEnd, NewInvitation};
pub use message::{Instant, MalformedMessage, SignInMessage};
pub use nonce::{BadNonce, NonceId, Nonces};
pub use one_use::{ApiKeyText, OneUse};
pub use password::{Password, Passwords, PasswordsError, UnfitPassword};
pub use permission::{Permission, UnknownPermission};
pub use refresh::{Presented, RefreshRecord, RefreshTimes, RefreshToken, TokenHash, Used};
pub use request::{
    Begun, IdempotencyKey, KeptAnswer, Principal, RequestDigest, RequestKey, Turn, UNDER_WAY_FOR,
};
pub use rights::{RightsOf, RightsWatch};
pub use role::{Grant, Object, Role, RoleName, Scope, may};
pub use secret::{Keys, Purpose, Secrets, WeakSecret};
pub use session::{
    ContractSignature, NewSession, Refreshed, Session, SessionEnd, Shown, SignedInBy,
};
pub use sessions::{RefreshError, SessionParts, Sessions, SignedIn};
pub use sign_in::{Registering, Registration, SignIn, SignInError, SignInParts, SignedMessage};
pub use signature::{
    Inquiry, MalformedSignature, NotSigned, SignedBy, WalletSignature, message_digest,
};
pub use slowdown::Failures;
pub use store::{
    AccessStore, AccessUpkeep, ApiKeyStore, AttemptStore, InvitationStore, Position, Profiles,
    RequestStore, RoleStore, SessionStore, UserReads, UserWrites,
};
pub use text::{DisplayName, KeyName, LanguageTag, Note, TimeZoneName, UserAgent, UserName};
pub use token::{AccessClaims, AccessTokens, BadToken};
pub use user::{
    Ban, NewUser, PasswordHash, PasswordSignIn, Profile, ProfileChange, Signs, User, Wallet, called,
};
pub use wallets::{WalletError, Wallets};
