//! The problem that an error of core is.

use std::error::Error as StdError;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::query::QueryError;
use pledge_core::types::Overflow;

use super::{Message, Problem};

impl From<QueryError> for Problem {
    /// Each error with its own arguments, so that its text exists in every language.
    fn from(error: QueryError) -> Self {
        // No arm for the rest: a new error needs words in every language.
        match error {
            QueryError::UnknownChain(chain) => {
                Self::new(Message::UnknownChain { chain: chain.to_string() })
            }
            QueryError::UnknownToken(token) => {
                Self::new(Message::UnknownToken { token: token.to_string() })
            }
            QueryError::UnknownAddress(token) => {
                Self::new(Message::UnknownToken { token: token.to_string() })
            }
            QueryError::UnknownProgramme(programme) => {
                Self::new(Message::UnknownProgramme { programme: programme.to_string() })
            }
            QueryError::UnknownProgrammeName(programme) => {
                Self::new(Message::UnknownProgrammeName { programme })
            }
            QueryError::NoTokenWithProgramme => Self::new(Message::NoTokenWithProgramme {}),
            QueryError::TooManyTokens { account, max } => {
                let (account, most) = (account.to_string(), max.to_string());
                Self::new(Message::TooManyTokens { account, most })
            }
            QueryError::MalformedProgramme(_) => {
                Self::invalid("programme", Message::MalformedProgramme {})
            }
            QueryError::UnknownSettlement(id) => {
                Self::new(Message::UnknownSettlement { settlement: id.to_string() })
            }
            QueryError::NotStarted(token) => {
                Self::new(Message::NotStarted { token: token.to_string() })
            }
            QueryError::TooLate { asked, bound } => {
                let (asked, until) = (asked.to_string(), bound.to_string());
                Self::new(Message::TooLate { asked, bound: until }).with_bound(bound)
            }
            QueryError::TooEarly { asked, bound } => {
                let (asked, since) = (asked.to_string(), bound.to_string());
                Self::new(Message::TooEarly { asked, bound: since }).with_bound(bound)
            }
            QueryError::Descending { earlier, later } => {
                let (earlier, later) = (earlier.to_string(), later.to_string());
                Self::new(Message::EdgesDescend { earlier, later })
            }
            QueryError::Store(error) => error.into(),
            QueryError::Overflow(overflow) => overflow.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause: &dyn StdError = &error;
        match error.kind() {
            StoreErrorKind::Conflict => {
                tracing::warn!(error = cause, "an answer met a rewind");
                Self::new(Message::Moving {})
            }
            StoreErrorKind::Unavailable => {
                tracing::error!(error = cause, "the store is unavailable");
                Self::new(Message::Unavailable {})
            }
            // What readers cause is no incident of the store.
            StoreErrorKind::Busy => {
                tracing::debug!(error = cause, "a reader is refused");
                Self::new(Message::Busy {})
            }
            _ => internal(cause),
        }
    }
}

impl From<Overflow> for Problem {
    fn from(overflow: Overflow) -> Self {
        internal(&overflow)
    }
}

/// Logs the cause, which the client does not see.
pub(crate) fn internal(cause: &(dyn StdError + 'static)) -> Problem {
    tracing::error!(error = cause, "a request failed");
    Problem::new(Message::Internal {})
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode, header};
    use axum::response::IntoResponse;

    use super::super::RETRY_AFTER;
    use super::*;

    async fn answer(error: StoreError) -> (StatusCode, Option<HeaderValue>, String) {
        let response = Problem::from(error).into_response();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let retry_after = parts.headers.get(header::RETRY_AFTER).cloned();
        (parts.status, retry_after, text)
    }

    #[tokio::test]
    async fn what_may_work_later_has_a_time_to_ask_again() {
        use StoreErrorKind::{Busy, Conflict, Unavailable};
        for kind in [Unavailable, Busy, Conflict] {
            let (status, retry_after, _) = answer(StoreError::new(kind, "read", "busy")).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(retry_after, Some(RETRY_AFTER));
        }
    }

    #[tokio::test]
    async fn an_internal_error_keeps_its_cause_to_the_log() {
        let cause = std::io::Error::other("row 7 of user_balance");
        let error = StoreError::corrupt("read a balance", "33 bytes").caused_by(cause);
        let (status, retry_after, text) = answer(error).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(retry_after, None);
        for internal in ["user_balance", "33 bytes", "read a balance"] {
            assert!(!text.contains(internal), "{text}");
        }
    }
}
