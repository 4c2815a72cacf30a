//! What every answer asks of browsers and caches, unless its route decided otherwise.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, ORIGIN, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use pledge_http::live::AllowedOrigins as _;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::client::Client;
use super::origins::Origins;
use super::rate::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::request_id::X_REQUEST_ID;

/// How long a browser remembers what it may ask of another site.
const PREFLIGHT_LASTS: Duration = Duration::from_secs(3_600);
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The answers are data: nothing in them is to be run, framed or guessed at.
const SAFE: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];
/// For a year no browser comes by http any more.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds what a route has not set itself.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let is_https = request.extensions().get::<Client>().is_some_and(|client| client.is_https);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SAFE {
        headers.entry(name).or_insert(value);
    }
    // By http a browser ignores it, and a test on one's own machine must not bind the host.
    if is_https {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(HTTPS_ONLY);
    }
    response
}

/// Adds to an answer which sites may read it. `OPTIONS` is left to [`answer_preflight`] and the routes.
pub(super) async fn share(State(cors): State<CorsLayer>, request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    through(cors, request, next).await
}

/// Answers a browser that asks what it may ask. Any other `OPTIONS` is for the routes.
pub(super) async fn answer_preflight(
    State(cors): State<CorsLayer>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let is_preflight = request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight { through(cors, request, next).await } else { next.run(request).await }
}

async fn through(cors: CorsLayer, request: Request, next: Next) -> Response {
    let inner = service_fn(move |request| {
        let next = next.clone();
        async move { Ok::<_, Infallible>(next.run(request).await) }
    });
    let Ok(response) = cors.layer(inner).oneshot(request).await;
    response
}

/// Lets the scripts of the listed sites use the API, without cookies: what a user may do needs its token, which no
/// browser sends by itself.
pub(super) fn cross_origin(origins: Origins) -> CorsLayer {
    let is_listed = move |origin: &HeaderValue, _: &axum::http::request::Parts| {
        origins.contain(origin.as_bytes())
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_listed))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, IF_NONE_MATCH, LAST_EVENT_ID])
        .expose_headers([
            ETAG,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            X_REQUEST_ID,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
        ])
        .max_age(PREFLIGHT_LASTS)
}
