//! The HTTP API of pledge, as axum routers that an application mounts.
//!
//! [`router`] answers from the stores, [`probes`] for an orchestrator; a host takes both or one of
//! them. [`service`] is both, as the binary `pledge` serves them. No adapter is in here: any
//! stores of `pledge-core` will do.
//!
//! - Answers are JSON. Amounts, integrals and raw points are decimal texts, exact to the last digit;
//!   times are unix seconds; addresses have their EIP-55 checksum.
//! - Errors are RFC 9457 problem documents (`application/problem+json`). Their `type` is
//!   `urn:pledge:problem:` and a name, their `detail` names what to change. What may succeed later is
//!   503 with `retry-after`.
//! - An answer made of several reads is consistent: all of them saw one state.
//! - A list has `limit` (1 to 1000, 100 by default) and `cursor`, an opaque text that names no
//!   path: the `next_cursor` of a page, passed on wherever the routes are mounted.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use pledge_core::query::Queries;
//! use pledge_http::{Api, router};
//! use pledge_storage_memory::{MemoryPending, MemoryStore};
//!
//! let store = Arc::new(MemoryStore::new());
//! let pending = Arc::new(MemoryPending::default());
//! let queries = Queries::new(store.clone(), store.clone(), store, pending);
//! let points = router(Api { queries, clock: SystemTime::now });
//! // `/points/chains`, `/points/chains/1/tokens` and so on.
//! let app: axum::Router = axum::Router::new().nest("/points", points);
//! ```

#[cfg(feature = "access")]
pub mod access;
mod accounts;
#[cfg(any(feature = "access", feature = "live"))]
mod bearer;
mod chains;
mod changes;
#[cfg(feature = "access")]
mod csv;
mod document;
mod extract;
mod gate;
mod health;
mod json;
mod language;
mod leaderboard;
#[cfg(feature = "live")]
pub mod live;
mod localized;
mod page;
mod points;
mod portfolio;
mod problem;
mod pulse;
mod reader;
mod refusal;
#[cfg_attr(not(feature = "live"), allow(dead_code, reason = "some are of live routes alone"))]
mod schema;
mod settlements;
mod statements;
mod tag;
mod tokens;
pub mod views;

use std::time::SystemTime;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use pledge_core::query::Queries;
pub use utoipa;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

pub use document::{document, openapi, openapi_of_service};
pub use gate::Gate;
pub use health::{Health, Incident, Part, PartState, Process};
pub use language::{Language, UnknownLanguage};
pub use localized::localized;
pub use pulse::{Beat, Followed, Pulse};
pub use refusal::Refusal;

/// Where [`service`] has the routes of [`router`].
pub const API: &str = "/api/v1";

/// The state behind the routes that read. Clones share the stores.
#[derive(Debug, Clone)]
pub struct Api {
    /// Reads from the stores.
    pub queries: Queries,
    /// The wall clock. It gives the ages of blocks, and no amount depends on it.
    pub clock: fn() -> SystemTime,
}

impl Api {
    fn now(&self) -> SystemTime {
        (self.clock)()
    }
}

/// Every route that reads, to be nested under a path of the host's choice.
///
/// A path below it that does not exist is 404, and another method than `GET` 405, both as problem
/// documents; where a router of the host without a fallback lies between, the outer one's fallback has
/// the first. Everything else is left to the host: listening, authentication, limits, CORS.
pub fn router(api: Api) -> Router {
    let (routes, _) = routes().split_for_parts();
    let routes = routes
        .layer(from_fn_with_state(api.clone(), tag::tagged))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(api);
    localized(routes, Language::default())
}

/// The routes that read, with what the document states of each.
fn routes() -> OpenApiRouter<Api> {
    reading().into_iter().fold(OpenApiRouter::new(), OpenApiRouter::routes)
}

fn reading() -> Vec<UtoipaMethodRouter<Api>> {
    vec![
        routes!(chains::list),
        routes!(chains::one),
        routes!(tokens::list),
        routes!(tokens::one),
        routes!(leaderboard::list),
        routes!(accounts::one),
        routes!(changes::list),
        routes!(points::buckets),
        routes!(statements::list),
        routes!(portfolio::one),
        routes!(settlements::list),
        routes!(settlements::one),
    ]
}

/// `/healthz` and `/ping`, which answer while the process runs, and `/readyz`, which answers 200 while
/// the store can be read, and lists what is not well. A host merges them into its own routes.
pub fn probes(health: Health) -> Router {
    let (routes, _) = probe_routes().split_for_parts();
    probing(routes, health)
}

/// The same, for a listener that anybody may reach: `/readyz` names no chain and no work, only codes.
pub fn public_probes(health: Health) -> Router {
    let (routes, _) = unnamed_probes().split_for_parts();
    probing(routes.route("/readyz", get(health::ready_in_brief)), health)
}

fn probing(routes: Router<Health>, health: Health) -> Router {
    let routes = routes.method_not_allowed_fallback(problem::wrong_method).with_state(health);
    localized(routes, Language::default())
}

fn probe_routes() -> OpenApiRouter<Health> {
    unnamed_probes().routes(routes!(health::ready))
}

/// Those that say the same to everybody.
fn unnamed_probes() -> OpenApiRouter<Health> {
    OpenApiRouter::new().routes(routes!(health::alive)).routes(routes!(health::pong))
}

/// The whole, as the binary `pledge` serves it to this machine: [`router`] below [`API`], [`probes`],
/// and the [`document`] of both.
pub fn service(api: Api, health: Health) -> Router {
    service_over(router(api), probes(health), &openapi_of_service())
}

/// As [`service`], over routes of [`router`] to which the host has added layers or other routes, with [`probes`]
/// or [`public_probes`], and with the document of all of them. The probes are next to the routes, so what bounds
/// readers keeps no orchestrator waiting.
pub fn service_over(routes: Router, probes: Router, openapi: &OpenApi) -> Router {
    let routes = Router::new()
        .nest(API, routes)
        .merge(probes)
        .merge(document(openapi))
        .fallback(problem::unknown_route_of_service)
        .method_not_allowed_fallback(problem::wrong_method);
    localized(routes, Language::default())
}
