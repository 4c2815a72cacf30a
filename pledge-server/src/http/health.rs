//! Whether the process lives, and whether it can answer.

use std::time::UNIX_EPOCH;

use axum::Json;
use axum::extract::State;
use pledge_cache_redis::Health;
use pledge_core::types::ChainId;
use serde::Serialize;

use super::Api;
use super::problem::{Kind, Problem};
use crate::tasks::Troubled;

#[derive(Debug, Serialize)]
pub(super) struct Alive {
    status: &'static str,
}

/// What an instance that can answer says of itself.
#[derive(Debug, Serialize)]
pub(super) struct Ready {
    status: &'static str,
    chains: Vec<ChainHealth>,
    /// What this instance tries again.
    troubles: Vec<Trouble>,
    /// Null where none is configured.
    redis: Option<RedisHealth>,
}

#[derive(Debug, Serialize)]
struct Trouble {
    /// Null where it is everybody's.
    chain: Option<String>,
    work: &'static str,
    reason: String,
}

impl From<Troubled> for Trouble {
    fn from(Troubled { chain, work, reason }: Troubled) -> Self {
        Self { chain, work, reason }
    }
}

/// Without Redis all answers are the same, and some take longer.
#[derive(Debug, Serialize)]
struct RedisHealth {
    status: &'static str,
    reason: Option<String>,
    /// When it was lost, in unix seconds.
    since: Option<u64>,
}

impl From<Health> for RedisHealth {
    fn from(health: Health) -> Self {
        match health {
            Health::Up => Self { status: "up", reason: None, since: None },
            Health::Degraded { since, reason } => {
                let since = since.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
                Self { status: "degraded", reason: Some(reason), since }
            }
        }
    }
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

/// The store can be read. A chain that is degraded or halted is listed, as is work that has trouble
/// and a Redis that cannot be reached, and does not make the instance unready: what is confirmed can
/// still be asked for, and no other instance would do better.
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
    let redis = api.redis.as_ref().map(|redis| redis.health().into());
    let troubles = api.troubles.list().into_iter().map(Into::into).collect();
    Ok(Json(Ready { status: "ready", chains: health.collect(), troubles, redis }))
}
