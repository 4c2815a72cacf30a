//! Requests that are made once, however often they arrive.

use std::time::Duration;

use pledge_core::primitives::{B256, Keccak256};
use pledge_core::types::OutOfRange;

use super::{ApiKeyId, UserId};

/// What a client calls a request, so that its repetition is known again: 8 to 64 printable characters of ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// A key, as the client's header has it. An error for any other text.
    pub fn new(text: &str) -> Result<Self, OutOfRange> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain && (8..=64).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        let bound = "8 to 64 printable characters of ASCII, none of them a space";
        Err(OutOfRange::new("idempotency key", format!("{text:?}"), bound))
    }

    /// The key, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who makes a request. Each has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A user, in whatever session.
    User(UserId),
    /// A program, by its key.
    ApiKey(ApiKeyId),
}

/// A request, known by its principal and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Who makes it.
    pub principal: Principal,
    /// What it calls it.
    pub key: IdempotencyKey,
}

impl RequestKey {
    /// What a store knows the request by.
    pub fn hash(&self) -> B256 {
        let (kind, principal) = match self.principal {
            Principal::User(user) => (0, user.to_bytes()),
            Principal::ApiKey(key) => (1, key.to_bytes()),
        };
        let mut digest = Keccak256::new();
        digest.update([kind]);
        digest.update(principal);
        digest.update(self.key.as_str());
        digest.finalize()
    }
}

/// The answer to a request, kept for its repetition. It must hold no secret: it is stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status of HTTP.
    pub status: u16,
    body: String,
}

impl KeptAnswer {
    /// The longest body, in bytes.
    pub const BODY_BYTES_MAX: usize = 60_000;
    /// How long an answer is kept, from the beginning of its request.
    pub const KEPT: Duration = Duration::from_secs(86_400);

    /// An error for a body of more than [`KeptAnswer::BODY_BYTES_MAX`] bytes.
    pub fn new(status: u16, body: impl Into<String>) -> Result<Self, OutOfRange> {
        let body = body.into();
        if body.len() > Self::BODY_BYTES_MAX {
            return Err(OutOfRange::new("length of an answer", body.len(), "at most 60000 bytes"));
        }
        Ok(Self { status, body })
    }

    /// The body, as it was given.
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// The right to do what a request asks for, and to keep its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The request that it is for.
    pub request: RequestKey,
    /// Which beginning of it this is, from 1 on. A later one takes the right from it.
    pub number: u32,
}

/// How a request begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is to be done now, by the holder of the turn.
    New(Turn),
    /// It was done, and this was its answer.
    Done(KeptAnswer),
    /// Under this key another request was made.
    Other,
    /// It is being done.
    UnderWay,
}

/// How long a request is being done before another may begin it again: the one who did it has died.
pub const UNDER_WAY_FOR: Duration = Duration::from_secs(60);

/// A digest of what a request asks for: of its method, path and body.
pub type RequestDigest = B256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_other_principals_and_keys_are_others() {
        let bytes = [7; 16];
        let hash = |principal, key: &str| {
            RequestKey { principal, key: IdempotencyKey::new(key).unwrap() }.hash()
        };
        let (user, key) = (UserId::from_bytes(bytes), ApiKeyId::from_bytes(bytes));
        let one = hash(Principal::User(user), "12345678");
        assert_ne!(one, hash(Principal::ApiKey(key), "12345678"));
        assert_ne!(one, hash(Principal::User(user), "12345679"));
        assert_eq!(one, hash(Principal::User(user), "12345678"));
    }

    #[test]
    fn an_idempotency_key_is_a_word_of_ascii() {
        assert!(IdempotencyKey::new(&"k".repeat(64)).is_ok());
        for wrong in ["", "1234567", "1234 5678", "1234567\n", "ü1234567", &"k".repeat(65)] {
            assert!(IdempotencyKey::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_has_a_bound() {
        let body = "x".repeat(KeptAnswer::BODY_BYTES_MAX);
        assert!(KeptAnswer::new(200, body.clone()).is_ok());
        assert!(KeptAnswer::new(200, body + "x").is_err());
    }
}
