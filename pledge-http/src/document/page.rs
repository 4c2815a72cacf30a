//! `/docs`: a page that shows the document of the same origin, and asks for nothing else.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// Nothing from another origin, nothing inline, and in no frame.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its two files.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |media_type: &'static str, text: &'static str| {
        get(move || async move { served(media_type, text) })
    };
    Router::new()
        .route("/docs", file("text/html; charset=utf-8", include_str!("page/docs.html")))
        .route(
            "/docs/docs.js",
            file("text/javascript; charset=utf-8", include_str!("page/docs.js")),
        )
        .route("/docs/docs.css", file("text/css; charset=utf-8", include_str!("page/docs.css")))
}

fn served(media_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
