//! The layer that words problems in the reader's language.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::language::Language;
use crate::problem::Problem;

/// The routes, with each problem in the reader's language: the one that `Accept-Language` prefers, else
/// `default`.
///
/// [`router`](crate::router), [`probes`](crate::probes) and [`service`](crate::service) are so by
/// themselves, in English by default. A host that prefers another default puts this around them; it also
/// covers the problems of layers inside.
pub fn localized(routes: Router, default: Language) -> Router {
    routes.layer(from_fn_with_state(default, localize))
}

async fn localize(State(default): State<Language>, request: Request, next: Next) -> Response {
    let language = default.or_preferred(request.headers());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    let (worded, body) = problem.answer(language).into_parts();
    // The length of the text in the other language.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(worded.headers);
    let varies = HeaderValue::from_static("accept-language");
    if !parts.headers.get_all(header::VARY).iter().any(|value| *value == varies) {
        parts.headers.append(header::VARY, varies);
    }
    parts.extensions.extend(worded.extensions);
    Response::from_parts(parts, body)
}
