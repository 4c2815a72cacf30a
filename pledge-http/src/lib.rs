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

mod accounts;
mod chains;
mod changes;
mod extract;
mod gate;
mod health;
mod json;
mod leaderboard;
mod page;
mod points;
mod portfolio;
mod problem;
mod pulse;
mod settlements;
mod statements;
mod tokens;
pub mod views;

use std::time::SystemTime;

use axum::Router;
use axum::routing::{MethodRouter, get};
use pledge_core::query::Queries;

pub use gate::Gate;
pub use health::{Health, Incident, Part, PartState, Process};
pub use pulse::{Beat, Followed, Pulse};

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
    let of_account = Router::new()
        .route("/", get(accounts::one))
        .route("/changes", get(changes::list))
        .route("/points", get(points::buckets))
        .route("/statements", get(statements::list));
    Router::new()
        .route("/chains", get(chains::list))
        .route("/chains/{chain_id}", get(chains::one))
        .route("/chains/{chain_id}/tokens", get(tokens::list))
        .route("/chains/{chain_id}/tokens/{token}", get(tokens::one))
        .route("/chains/{chain_id}/tokens/{token}/accounts", get(leaderboard::list))
        .nest("/chains/{chain_id}/tokens/{token}/accounts/{account}", of_account)
        .route("/accounts/{account}", get(portfolio::one))
        .route("/settlements", get(settlements::list))
        .route("/settlements/{id}", get(settlements::one))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(api)
}

/// `/healthz` and `/ping`, which answer while the process runs, and `/readyz`, which answers 200 while
/// the store can be read, and lists what is not well. A host merges them into its own routes.
pub fn probes(health: Health) -> Router {
    probes_with(get(health::ready), health)
}

/// The same, for a listener that anybody may reach: `/readyz` names no chain and no work, only codes.
pub fn public_probes(health: Health) -> Router {
    probes_with(get(health::ready_in_brief), health)
}

fn probes_with(ready: MethodRouter<Health>, health: Health) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/ping", get(health::pong))
        .route("/readyz", ready)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(health)
}

/// The whole, as the binary `pledge` serves it: [`router`] below [`API`], and [`probes`].
pub fn service(api: Api, health: Health) -> Router {
    service_with(api, probes(health))
}

/// The whole with [`public_probes`], for a listener that anybody may reach.
pub fn public_service(api: Api, health: Health) -> Router {
    service_with(api, public_probes(health))
}

fn service_with(api: Api, probes: Router) -> Router {
    Router::new().nest(API, router(api)).merge(probes).fallback(problem::unknown_route_of_service)
}
