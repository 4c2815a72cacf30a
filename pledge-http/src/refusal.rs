//! What a host refuses, in the form of the API's own errors.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::problem::{Kind, Problem};

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

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::Busy => {
                Problem::new(Kind::Busy, "as many read already as may; ask again shortly")
            }
            Self::TimedOut => {
                let detail = "no answer within the time for a request; ask for less, or again";
                Problem::new(Kind::TimedOut, detail)
            }
            Self::BodyTooLarge { bytes_max } => {
                let detail = format!("a body may have {bytes_max} bytes at most");
                Problem::new(Kind::BodyTooLarge, detail)
            }
            Self::IncompleteBody => {
                Problem::new(Kind::IncompleteBody, "the request ended before its body did")
            }
            Self::UriTooLong { bytes_max } => {
                let detail = format!("a path with its query may have {bytes_max} bytes at most");
                Problem::new(Kind::UriTooLong, detail)
            }
            Self::TooManyRequests { seconds } => {
                let detail = format!("this client asks too often; ask again in {seconds} s");
                Problem::new(Kind::TooManyRequests, detail)
            }
        };
        let mut response = problem.into_response();
        // A problem names its own time only where it is the same for all.
        if let Self::TooManyRequests { seconds } = self {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
