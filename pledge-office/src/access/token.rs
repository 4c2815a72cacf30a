//! Access tokens: what they hold, and the port that signs and reads them.

use std::fmt::Debug;

use pledge_core::types::Timestamp;

use super::{SessionId, UserId};

/// What an access token holds. That it is genuine does not let its holder in: its session is read besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends; exclusive.
    pub expires_at: Timestamp,
    /// Random bytes, which no other token has.
    pub id: [u8; 16],
}

/// Why a text is no access token that is valid now. It is for logs: no answer shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is none of this server's, or its form is another one.
    #[error("it is no token of this server")]
    Foreign,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It was made later than now.
    #[error("it was made later than now")]
    Early,
}

/// Signs access tokens and reads them again.
///
/// # Contract
/// - What was signed is read as it was signed, in every process with the same secrets, also when a secret was put
///   before the one that signed.
/// - A token is read from its signing to its end, by the time that the caller names. Clocks of instances differ, so
///   one that is made up to [`AccessClaims::AHEAD_MAX`] seconds later than that is read too.
/// - One text is one token: no other text is read as the same one.
#[auto_impl::auto_impl(Arc, Box)]
pub trait AccessTokens: Debug + Send + Sync + 'static {
    /// The token with these claims.
    fn sign(&self, claims: &AccessClaims) -> String;

    /// The claims of a token that is valid at a time.
    fn read(&self, token: &str, now: Timestamp) -> Result<AccessClaims, BadToken>;
}

impl AccessClaims {
    /// How long a token lasts, in seconds.
    pub const SECONDS: u64 = 900;
    /// How far the clocks of two instances may be apart, in seconds.
    pub const AHEAD_MAX: u64 = 60;

    /// Whether genuine claims are valid at a time, and last no longer than a token does.
    pub fn check(&self, now: Timestamp) -> Result<(), BadToken> {
        let Self { issued_at, expires_at, .. } = self;
        let lasts = expires_at.get().checked_sub(issued_at.get());
        if lasts.is_none_or(|seconds| seconds > Self::SECONDS) {
            return Err(BadToken::Foreign);
        }
        if issued_at.get() > now.get().saturating_add(Self::AHEAD_MAX) {
            return Err(BadToken::Early);
        }
        if now >= *expires_at { Err(BadToken::Expired) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_777_636_800;

    fn checked(issued_at: u64, expires_at: u64) -> Result<(), BadToken> {
        let at = |seconds| Timestamp::new(seconds).unwrap();
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let (issued_at, expires_at) = (at(issued_at), at(expires_at));
        AccessClaims { user, session, issued_at, expires_at, id: [3; 16] }.check(at(NOW))
    }

    #[test]
    fn a_token_is_valid_until_its_end() {
        assert_eq!(checked(NOW - 899, NOW + 1), Ok(()));
        assert_eq!(checked(NOW - 900, NOW), Err(BadToken::Expired));
    }

    #[test]
    fn a_clock_may_be_a_minute_ahead() {
        assert_eq!(checked(NOW + 60, NOW + 960), Ok(()));
        assert_eq!(checked(NOW + 61, NOW + 961), Err(BadToken::Early));
    }

    #[test]
    fn a_token_that_lasts_longer_than_any_is_none() {
        assert_eq!(checked(NOW, NOW + 901), Err(BadToken::Foreign));
        assert_eq!(checked(NOW, NOW - 1), Err(BadToken::Foreign));
    }
}
