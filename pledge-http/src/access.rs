//! Who may do what over HTTP: the layer around every route, sign-in, and what operators and admins do.
//!
//! A request shows its credential in `Authorization: Bearer`, and nowhere else: no cookie is read, so another
//! site cannot make a browser act for its user. The [`Gatekeeper`] asks an
//! [`Authenticator`] who it is, and lets it in by the entry of the
//! route in the one table of routes. A host nests [`guarded`] and [`routes`] under one path.
//!
//! A write names its reason and an `Idempotency-Key`. A repetition of the request is answered with what was
//! answered first, and does nothing.

mod actual;
mod admin;
mod api;
mod auth;
mod background;
mod body;
mod grants;
mod guard;
pub(crate) mod key;
mod once;
mod operator;
mod place;
mod reason;
mod refused;
mod resume;
pub(crate) mod table;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use pledge_office::access::{Authenticator, RightsWatch};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

pub use actual::RequestOrigin;
pub use api::{AccessApi, Operator};
pub use background::BackgroundActs;

use crate::localized::localized;
use crate::{Api, Language, problem, tag};

/// Who lets requests in. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Gatekeeper {
    /// Finds out who asks; without it nobody signs in, and what is not public is refused.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// Whether everyone may read.
    pub public_reads: bool,
    /// Who is notified of writes that may have changed rights, if anyone.
    pub watch: Option<Arc<dyn RightsWatch>>,
}

/// As [`router`](crate::router), with a gatekeeper before each route. Who may read everything gets the texts of
/// nodes, store and operators too.
pub fn guarded(api: Api, keeper: &Gatekeeper) -> Router {
    let tagged = from_fn_with_state(api.clone(), tag::tagged);
    // The gatekeeper comes first: a tag that is known again is an answer too.
    let routes = crate::reading()
        .into_iter()
        .map(|route| guard::guarded(route.map(|route| route.layer(tagged.clone())), keeper));
    let (routes, _) = routes.fold(OpenApiRouter::new(), OpenApiRouter::routes).split_for_parts();
    let routes = routes
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(api);
    localized(routes, Language::default())
}

/// Sign-in, and what operators and admins do, to be merged with [`guarded`]. No answer of these may be stored.
pub fn routes(api: AccessApi, keeper: &Gatekeeper) -> Router {
    let routes = all().into_iter().map(|route| guard::guarded(route, keeper));
    let (routes, _) = routes.fold(OpenApiRouter::new(), OpenApiRouter::routes).split_for_parts();
    let routes = routes
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(map_response(unstored))
        .with_state(api);
    localized(routes, Language::default())
}

/// The document of [`guarded`] and [`routes`], with paths as these have them.
pub fn openapi() -> OpenApi {
    crate::document::of_guarded(documented())
}

/// The document of the whole, with [`guarded`] and [`routes`] below [`API`](crate::API), as the binary `pledge`
/// serves them.
pub fn openapi_of_service() -> OpenApi {
    crate::document::of_guarded_service(documented())
}

fn documented() -> OpenApiRouter<AccessApi> {
    let reading = crate::reading().into_iter().fold(OpenApiRouter::new(), OpenApiRouter::routes);
    let mut whole: OpenApiRouter<AccessApi> =
        all().into_iter().fold(OpenApiRouter::new(), OpenApiRouter::routes);
    whole.get_openapi_mut().merge(reading.into_openapi());
    whole
}

/// Every route but those that read.
fn all() -> Vec<UtoipaMethodRouter<AccessApi>> {
    [auth::routes(), operator::routes(), admin::routes()].into_iter().flatten().collect()
}

async fn unstored(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}
