//! Whether the process is alive, whether it can answer, and the state of its parts.

use std::time::UNIX_EPOCH;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pledge_cache_redis::Health;
use pledge_core::ports::ChainState;
use serde::{Deserialize, Serialize};

use super::Api;
use super::extract::Query;
use super::problem::{Kind, Problem};
use super::pulse::Followed;
use crate::tasks::OpenIncident;
use crate::views::ChainHealth;

#[derive(Debug, Serialize)]
pub(super) struct Alive {
    status: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadyParams {
    /// If present, a part that is not well makes the instance unready.
    strict: Option<String>,
}

/// The answer of an instance that is ready.
#[derive(Debug, Serialize)]
struct Ready {
    /// `degraded` while any part is.
    status: &'static str,
    store: StoreHealth,
    chains: Vec<ChainHealth>,
    /// Work that failed here and is tried again.
    incidents: Vec<Incident>,
    /// Null if none is configured.
    redis: Option<RedisHealth>,
}

#[derive(Debug, Serialize)]
struct StoreHealth {
    status: &'static str,
}

/// Work that failed and is tried again. The reason may contain hosts and their texts, so it is only
/// in the log.
#[derive(Debug, Serialize)]
struct Incident {
    /// Null for work that is not about one chain.
    chain: Option<String>,
    work: &'static str,
}

impl From<OpenIncident> for Incident {
    fn from(OpenIncident { chain, work, reason: _ }: OpenIncident) -> Self {
        Self { chain, work }
    }
}

/// The state of Redis. Without it every answer is the same, only slower.
#[derive(Debug, Serialize)]
struct RedisHealth {
    status: &'static str,
    /// When it was lost, in unix seconds.
    since: Option<u64>,
}

impl From<Health> for RedisHealth {
    fn from(health: Health) -> Self {
        match health {
            Health::Up => Self { status: "up", since: None },
            Health::Degraded { since, reason: _ } => {
                let since = since.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
                Self { status: "degraded", since }
            }
        }
    }
}

/// The process runs.
pub(super) async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Ready if the store answers. Other parts that are not well are listed, without the texts of nodes
/// and servers. They make the instance unready only with `?strict`: confirmed data can still be
/// read, and no other instance would do better.
///
/// A probe reads nothing from the store: `Pulse` reads it once a second for all of them.
pub(super) async fn ready(
    State(api): State<Api>,
    Query(ReadyParams { strict }): Query<ReadyParams>,
) -> Result<Response, Problem> {
    if api.stop.is_cancelled() {
        return Err(Problem::new(Kind::Stopping, "pledge is stopping"));
    }
    let Some(beat) = api.pulse.last() else {
        return Err(Problem::new(Kind::Starting, "the store was not asked yet"));
    };
    let chains = beat.chains.map_err(|reason| {
        // The reason may contain hosts, so it is only in the log.
        tracing::debug!("not ready: {reason}");
        Problem::new(Kind::Unavailable, "the store cannot be read now")
    })?;
    let now = api.now();
    let nothing = Followed::default();
    let health = |state: &ChainState| {
        let Followed { tokens, contracts } = beat.followed.get(&state.chain).unwrap_or(&nothing);
        ChainHealth::of(state, tokens, contracts, now)
    };
    let chains: Vec<ChainHealth> = chains.iter().map(health).collect();
    let incidents: Vec<Incident> = api.incidents.list().into_iter().map(Into::into).collect();
    let redis: Option<RedisHealth> = api.redis.as_ref().map(|redis| redis.health().into());
    let is_well = chains.iter().all(ChainHealth::is_well)
        && incidents.is_empty()
        && redis.as_ref().is_none_or(|redis| redis.status == "up");
    let status = if is_well { "ready" } else { "degraded" };
    let store = StoreHealth { status: "up" };
    let code = match strict.as_deref() {
        None | Some("false") => StatusCode::OK,
        Some("" | "true") if is_well => StatusCode::OK,
        Some("" | "true") => StatusCode::SERVICE_UNAVAILABLE,
        Some(other) => {
            return Err(Problem::invalid("strict", format!("`{other}` is neither true nor false")));
        }
    };
    Ok((code, Json(Ready { status, store, chains, incidents, redis })).into_response())
}
