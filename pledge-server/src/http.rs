//! The HTTP API: reads the stores as JSON.
//!
//! Every answer is exact: amounts, integrals and raw points are decimal strings. Every error is an
//! `application/problem+json` document. An answer made of several reads is consistent: all
//! of them saw one state.

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

use std::time::SystemTime;

use axum::Router;
use axum::routing::get;
use pledge_cache_redis::Redis;
use pledge_core::query::Queries;
use tokio_util::sync::CancellationToken;

pub use gate::Gate;
pub use pulse::Pulse;

use crate::tasks::Incidents;

/// The state behind the API. Clones share the stores.
#[derive(Debug, Clone)]
pub struct Api {
    /// Reads from the stores.
    pub queries: Queries,
    /// The Redis server, if one is configured, for its health.
    pub redis: Option<Redis>,
    /// The open incidents of this process.
    pub incidents: Incidents,
    /// The newest answer of the store.
    pub pulse: Pulse,
    /// The wall clock, for ages only.
    pub clock: fn() -> SystemTime,
    /// Whether the process is ending.
    pub stop: CancellationToken,
}

impl Api {
    fn now(&self) -> SystemTime {
        (self.clock)()
    }
}

/// Every route that reads.
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
///
/// use pledge_core::query::Queries;
/// use pledge_server::http::{Api, Pulse, router};
/// use pledge_server::tasks::Incidents;
/// use pledge_storage_memory::{MemoryPending, MemoryStore};
/// use tokio_util::sync::CancellationToken;
///
/// let store = Arc::new(MemoryStore::new());
/// let pending = Arc::new(MemoryPending::default());
/// let app: axum::Router = router(Api {
///     queries: Queries::new(store.clone(), store.clone(), store.clone(), pending),
///     redis: None,
///     incidents: Incidents::default(),
///     pulse: Pulse::new(store.clone(), store),
///     clock: SystemTime::now,
///     stop: CancellationToken::new(),
/// });
/// ```
pub fn router(api: Api) -> Router {
    let of_account = Router::new()
        .route("/", get(accounts::one))
        .route("/changes", get(changes::list))
        .route("/points", get(points::buckets))
        .route("/statements", get(statements::list));
    let v1 = Router::new()
        .route("/chains", get(chains::list))
        .route("/chains/{chain_id}", get(chains::one))
        .route("/chains/{chain_id}/tokens", get(tokens::list))
        .route("/chains/{chain_id}/tokens/{token}", get(tokens::one))
        .route("/chains/{chain_id}/tokens/{token}/accounts", get(leaderboard::list))
        .nest("/chains/{chain_id}/tokens/{token}/accounts/{account}", of_account)
        .route("/accounts/{account}", get(portfolio::one))
        .route("/settlements", get(settlements::list))
        .route("/settlements/{id}", get(settlements::one));
    Router::new()
        .nest("/api/v1", v1)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(api)
}
