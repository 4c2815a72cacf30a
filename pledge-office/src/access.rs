//! Who a caller is, and what it may do.
//!
//! - A [`SignInMessage`] is the text that a wallet signs (EIP-4361); [`Expected`] decides whether it is
//!   one that was meant for this server, now.
//! - A [`Role`] is a named set of [`Permission`]s. [`may`] decides what the roles of a caller allow.
//!
//! - An [`Authenticator`] finds the [`Caller`] of a request by the [`Credential`] that it shows.
//!
//! - [`Secrets`] gives each [`Purpose`] keys of its own. [`Nonces`] are known again by them, and a
//!   [`RefreshToken`] gives its successor; [`RefreshTimes`] decides when. [`Failures`] slow sign-ins down.
//!
//! All of it is pure: times and random bytes are arguments. Which key signed a message is for an adapter
//! to find out, since a contract may sign too.

mod caller;
mod expected;
mod id;
mod message;
mod nonce;
mod permission;
mod refresh;
mod role;
mod secret;
mod slowdown;

pub use caller::{Authenticator, Caller, Credential, Identity, Unauthenticated};
pub use expected::{Expected, Refusal};
pub use id::{ApiKeyId, SessionId, UserId};
pub use message::{Instant, MalformedMessage, SignInMessage};
pub use nonce::{BadNonce, NonceId, Nonces};
pub use permission::{Permission, UnknownPermission};
pub use refresh::{Presented, RefreshRecord, RefreshTimes, RefreshToken, TokenHash, Used};
pub use role::{Grant, Object, Role, RoleName, Scope, may};
pub use secret::{Keys, Purpose, Secrets, WeakSecret};
pub use slowdown::Failures;
