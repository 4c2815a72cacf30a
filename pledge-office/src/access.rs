//! Who a caller is, and what it may do.
//!
//! - A [`SignInMessage`] is the text that a wallet signs (EIP-4361); [`Expected`] decides whether it is
//!   one that was meant for this server, now.
//! - A [`Role`] is a named set of [`Permission`]s. [`may`] decides what the roles of a caller allow.
//!
//! All of it is pure. Which key signed a message is for an adapter to find out: a contract may sign too.

mod expected;
mod message;
mod permission;
mod role;

pub use expected::{Expected, Refusal};
pub use message::{MalformedMessage, SignInMessage};
pub use permission::{Permission, UnknownPermission};
pub use role::{Grant, Object, Role, RoleName, Scope, may};
