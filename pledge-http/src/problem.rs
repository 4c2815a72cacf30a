//! Errors as RFC 9457 problem documents.

use std::error::Error as StdError;

use axum::Json;
use axum::extract::OriginalUri;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::query::QueryError;
use pledge_core::types::{Overflow, Timestamp};
use serde::Serialize;

/// Seconds after which a client may try again if the store was unavailable or busy.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The kind of an error: each is one `type` of problem document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A parameter of the path or the query is malformed or unknown.
    InvalidParameter,
    UnknownRoute,
    WrongMethod,
    UnknownChain,
    UnknownToken,
    UnknownProgramme,
    UnknownAccount,
    UnknownSettlement,
    /// The account is on more tokens than one answer has.
    TooManyTokens,
    /// The token has no confirmed block yet.
    NotStarted,
    /// An instant after the confirmed time.
    TooLate,
    /// An instant before the token's first block.
    TooEarly,
    /// The ledger was rewound while the answer was read.
    Rewinding,
    /// The store cannot be read.
    Unavailable,
    /// As many read already as may.
    Busy,
    /// The process is starting.
    Starting,
    /// The process is ending.
    Stopping,
    Internal,
    /// No answer within the time for a request.
    TimedOut,
    BodyTooLarge,
    /// The client did not send all of its request.
    IncompleteBody,
    UriTooLong,
    TooManyRequests,
}

impl Kind {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        // Clients compare the names: one that was published stays.
        match self {
            Self::InvalidParameter => (S::BAD_REQUEST, "invalid-parameter", "Invalid parameter"),
            Self::UnknownRoute => (S::NOT_FOUND, "unknown-route", "Unknown route"),
            Self::WrongMethod => (S::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method"),
            Self::UnknownChain => (S::NOT_FOUND, "unknown-chain", "Unknown chain"),
            Self::UnknownToken => (S::NOT_FOUND, "unknown-token", "Unknown token"),
            Self::UnknownProgramme => (S::NOT_FOUND, "unknown-programme", "Unknown programme"),
            Self::UnknownAccount => (S::NOT_FOUND, "unknown-account", "Unknown account"),
            Self::UnknownSettlement => (S::NOT_FOUND, "unknown-settlement", "Unknown settlement"),
            Self::TooManyTokens => (S::UNPROCESSABLE_ENTITY, "too-many-tokens", "Too many tokens"),
            Self::NotStarted => (S::CONFLICT, "not-started", "Nothing confirmed yet"),
            Self::TooLate => (S::CONFLICT, "too-late", "Not confirmed yet"),
            Self::TooEarly => (S::CONFLICT, "too-early", "Before the token's first block"),
            Self::Rewinding => (S::SERVICE_UNAVAILABLE, "moving", "Ledger moving"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Store unavailable"),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Too many readers"),
            Self::Starting => (S::SERVICE_UNAVAILABLE, "starting", "Starting"),
            Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping", "Stopping"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
            Self::TimedOut => (S::SERVICE_UNAVAILABLE, "timed-out", "No answer in time"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Self::IncompleteBody => (S::BAD_REQUEST, "incomplete-body", "Incomplete body"),
            Self::UriTooLong => (S::URI_TOO_LONG, "uri-too-long", "URI too long"),
            Self::TooManyRequests => {
                (S::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
            }
        }
    }
}

/// An error answer.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: String,
    /// The parameter to change.
    parameter: Option<String>,
    /// The nearest instant for which there is an answer.
    bound: Option<Timestamp>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    type_uri: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Timestamp>,
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), parameter: None, bound: None }
    }

    /// A wrong parameter, and why it is wrong.
    pub(super) fn invalid(parameter: &str, why: impl std::fmt::Display) -> Self {
        Self {
            parameter: Some(parameter.to_owned()),
            ..Self::new(Kind::InvalidParameter, format!("{parameter}: {why}"))
        }
    }

    fn with_bound(self, bound: Timestamp) -> Self {
        Self { bound: Some(bound), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, slug, title) = self.kind.parts();
        let document = Document {
            type_uri: format!("urn:pledge:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            parameter: self.parameter.as_deref(),
            bound: self.bound,
        };
        let mut response = (status, Json(document)).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let detail = error.to_string();
        match error {
            QueryError::UnknownChain(_) => Self::new(Kind::UnknownChain, detail),
            QueryError::UnknownToken(_) | QueryError::UnknownAddress(_) => {
                Self::new(Kind::UnknownToken, detail)
            }
            QueryError::UnknownProgramme(_)
            | QueryError::UnknownProgrammeName(_)
            | QueryError::NoTokenWithProgramme => Self::new(Kind::UnknownProgramme, detail),
            QueryError::TooManyTokens { .. } => Self::new(Kind::TooManyTokens, detail),
            QueryError::MalformedProgramme(error) => Self::invalid("programme", error),
            QueryError::UnknownSettlement(_) => Self::new(Kind::UnknownSettlement, detail),
            QueryError::NotStarted(_) => Self::new(Kind::NotStarted, detail),
            QueryError::Descending { .. } => Self::new(Kind::InvalidParameter, detail),
            QueryError::TooLate { bound, .. } => Self::new(Kind::TooLate, detail).with_bound(bound),
            QueryError::TooEarly { bound, .. } => {
                Self::new(Kind::TooEarly, detail).with_bound(bound)
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
                Self::new(Kind::Rewinding, "the ledger moves under every read; ask again shortly")
            }
            StoreErrorKind::Unavailable => {
                tracing::error!(error = cause, "the store is unavailable");
                Self::new(Kind::Unavailable, "the store cannot be read now; ask again shortly")
            }
            // What readers cause is no incident of the store.
            StoreErrorKind::Busy => {
                tracing::debug!(error = cause, "a reader is refused");
                Self::new(Kind::Busy, "as many read already as may; ask again shortly")
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
fn internal(cause: &(dyn StdError + 'static)) -> Problem {
    tracing::error!(error = cause, "a request failed");
    Problem::new(Kind::Internal, "the server could not answer; see its log for the cause")
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        use axum::extract::path::ErrorKind;
        let PathRejection::FailedToDeserializePathParams(failed) = &rejection else {
            return internal(&rejection);
        };
        match failed.kind() {
            ErrorKind::DeserializeError { key, message, .. } => Self::invalid(key, message),
            ErrorKind::InvalidUtf8InPathParam { key } => Self::invalid(key, "not valid UTF-8"),
            ErrorKind::ParseErrorAtKey { key, value, .. } => {
                Self::invalid(key, format!("`{value}` is not a whole number"))
            }
            _ => internal(&rejection),
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        type Located = serde_path_to_error::Error<serde::de::value::Error>;
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&rejection);
        while let Some(error) = cause {
            if let Some(located) = error.downcast_ref::<Located>() {
                return match located.path().to_string().as_str() {
                    "." | "?" => Self::new(Kind::InvalidParameter, located.inner().to_string()),
                    parameter => Self::invalid(parameter, located.inner()),
                };
            }
            cause = error.source();
        }
        Self::new(Kind::InvalidParameter, rejection.body_text())
    }
}

/// There is nothing at a path below the mounted routes.
pub(super) async fn unknown_route(OriginalUri(asked): OriginalUri, below: Uri) -> Problem {
    nothing_at(&asked, mounted_at(asked.path(), below.path()))
}

/// There is nothing at a path of [`service`](crate::service).
pub(super) async fn unknown_route_of_service(OriginalUri(asked): OriginalUri) -> Problem {
    nothing_at(&asked, crate::API)
}

fn nothing_at(asked: &Uri, mounted: &str) -> Problem {
    let detail = format!("there is nothing at {}: begin at {mounted}/chains", asked.path());
    Problem::new(Kind::UnknownRoute, detail)
}

/// The path at which the routes are mounted: what was asked for without the part below it.
fn mounted_at<'a>(asked: &'a str, below: &str) -> &'a str {
    asked.strip_suffix(below).unwrap_or(asked)
}

pub(super) async fn wrong_method(method: Method, OriginalUri(asked): OriginalUri) -> Problem {
    Problem::new(Kind::WrongMethod, format!("{} does not answer {method}", asked.path()))
}

#[cfg(test)]
mod tests {
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
