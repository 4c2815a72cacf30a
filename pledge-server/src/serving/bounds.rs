//! What one request may take: the length of its path, bytes behind its head, time.

use std::error::Error as _;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use pledge_http::Refusal;

/// The longest path with its query, in bytes: twice what proxies usually take.
const URI_BYTES_MAX: usize = 16 * 1_024;

/// Refuses a longer path than any page of the API has.
pub(super) async fn bound_uri(request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if length > URI_BYTES_MAX {
        return Refusal::UriTooLong { bytes_max: URI_BYTES_MAX }.into_response();
    }
    next.run(request).await
}

/// Ends a request that has no answer in time. What works on it is dropped, and with that what it
/// holds.
pub(super) async fn bound_time(
    State(limit): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            // The access log has its status; a dear question is no incident.
            tracing::debug!("a request had no answer within {limit:?}");
            Refusal::TimedOut.into_response()
        }
    }
}

/// Takes what follows the head of a request before it is answered, so that no route waits for a client.
pub(super) async fn bound_body(
    State(bytes_max): State<usize>,
    request: Request,
    next: Next,
) -> Response {
    let refused = || Refusal::BodyTooLarge { bytes_max }.into_response();
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    if announced(request.headers()).is_some_and(|bytes| bytes > bytes_max as u64) {
        return refused();
    }
    let (parts, body) = request.into_parts();
    match to_bytes(body, bytes_max).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(error) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
            refused()
        }
        Err(_) => Refusal::IncompleteBody.into_response(),
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
