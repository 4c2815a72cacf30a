//! What a host refuses, in the form of the API's own errors.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::problem::{Message, Problem};

/// Why a host of the routes refuses a request: a problem document, as those of the routes are.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::IntoResponse;
/// use pledge_http::Refusal;
///
/// let refused = Refusal::TooManyRequests { seconds: 3 }.into_response();
/// assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
/// assert_eq!(refused.headers()["retry-after"], "3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// As many read already as may: 503.
    Busy,
    /// No answer within the time for a request: 503.
    TimedOut,
    /// More bytes besides the head than may be: 413.
    BodyTooLarge {
        /// The most that may be.
        bytes_max: usize,
    },
    /// The request ended before its body did: 400.
    IncompleteBody,
    /// A longer path with its query than may be: 414.
    UriTooLong {
        /// The most that may be.
        bytes_max: usize,
    },
    /// One client asks more often than it may: 429.
    TooManyRequests {
        /// When it may ask again.
        seconds: u64,
    },
}

impl From<Refusal> for Message {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy => Self::Busy {},
            Refusal::TimedOut => Self::TimedOut {},
            Refusal::BodyTooLarge { bytes_max } => {
                Self::BodyTooLarge { most: bytes_max.to_string() }
            }
            Refusal::IncompleteBody => Self::IncompleteBody {},
            Refusal::UriTooLong { bytes_max } => Self::UriTooLong { most: bytes_max.to_string() },
            Refusal::TooManyRequests { seconds } => {
                Self::TooManyRequests { seconds: seconds.to_string() }
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Problem::new(self.into()).into_response();
        if let Self::TooManyRequests { seconds } = self {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
