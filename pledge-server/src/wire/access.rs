//! What signing in needs from outside.

use std::sync::Arc;

use pledge_access::{Argon2Passwords, JwtTokens, OsRandom, PasswordBounds};
use pledge_office::access::{AccessTokens, Keys, Passwords};
use pledge_office::base::Random;

/// The random bytes of the operating system.
pub(crate) fn random() -> Arc<dyn Random> {
    Arc::new(OsRandom)
}

/// Slow hashes of passwords, as many at once as this machine bears.
pub(crate) fn passwords(random: Arc<dyn Random>) -> Arc<dyn Passwords> {
    Arc::new(Argon2Passwords::new(PasswordBounds::of_machine(), random))
}

/// Access tokens of a server with this name.
pub(crate) fn access_tokens(keys: &Keys, issuer: &str) -> Arc<dyn AccessTokens> {
    Arc::new(JwtTokens::new(keys, issuer))
}
