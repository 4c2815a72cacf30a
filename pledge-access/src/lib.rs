//! What signing in needs from outside: slow hashes, signed tokens, random bytes.
//!
//! The traits are those of `pledge_office`, which decides and drives; these are their implementations.
//!
//! - [`Argon2Passwords`] hashes passwords with Argon2id, a few at a time.
//! - [`JwtTokens`] signs access tokens as JWT with HMAC-SHA256, and reads only what it would sign.
//! - [`OsRandom`] gives the random bytes of the operating system.

mod passwords;
mod random;
mod tokens;

pub use passwords::{Argon2Passwords, PasswordBounds};
pub use random::OsRandom;
pub use tokens::JwtTokens;
