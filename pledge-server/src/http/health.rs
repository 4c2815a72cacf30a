//! Whether the process lives, and whether it can answer.

use axum::Json;
use axum::extract::State;
use pledge_core::types::ChainId;
use serde::Serialize;

use super::Api;
use super::problem::{Kind, Problem};

#[derive(Debug, Serialize)]
pub(super) struct Alive {
    status: &'static str,
}

/// What an instance that can answer says of itself.
#[derive(Debug, Serialize)]
pub(super) struct Ready {
    status: &'static str,
    chains: Vec<ChainHealth>,
}

#[derive(Debug, Serialize)]
struct ChainHealth {
    chain_id: ChainId,
    name: String,
    status: &'static str,
    reason: Option<String>,
}

/// The process runs.
pub(super) async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// The store can be read. A chain that is degraded or halted is listed and does not make the
/// instance unready: what is confirmed can still be asked for, and no other instance would do better.
pub(super) async fn ready(State(api): State<Api>) -> Result<Json<Ready>, Problem> {
    let chains = api.queries.balances().chains().await.map_err(|error| {
        let cause: &dyn std::error::Error = &error;
        tracing::error!(error = cause, "not ready: the store cannot be read");
        Problem::new(Kind::Unavailable, "the store cannot be read now")
    })?;
    let health = chains.into_iter().map(|chain| ChainHealth {
        chain_id: chain.chain,
        name: chain.name,
        status: chain.status.name(),
        reason: chain.status.reason().map(str::to_owned),
    });
    Ok(Json(Ready { status: "ready", chains: health.collect() }))
}
