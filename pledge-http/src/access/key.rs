//! The header by which a client names a request, so that its repetition is known again.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use pledge_office::access::IdempotencyKey;

use crate::problem::{Message, Problem};

/// The header's name, as the document shows it.
pub(crate) const HEADER: &str = "Idempotency-Key";

/// What a client calls its request.
pub(crate) struct Key(pub(crate) IdempotencyKey);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(HEADER).into_iter();
        let (first, second) = (given.next(), given.next());
        let Some(first) = first else {
            return Err(Problem::invalid(HEADER, Message::NoIdempotencyKey {}));
        };
        let key = first.to_str().ok().and_then(|text| IdempotencyKey::new(text).ok());
        let malformed = || Problem::invalid(HEADER, Message::MalformedIdempotencyKey {});
        key.filter(|_| second.is_none()).map(Self).ok_or_else(malformed)
    }
}
