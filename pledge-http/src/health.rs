//! Whether the process is alive, whether it can answer, and the state of its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pledge_core::ports::ChainState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::{OfHost, OfReadiness};
use super::extract::Query;
use super::problem::{Message, Problem};
use super::pulse::{Followed, Pulse};
use super::views::ChainHealth;

/// The state behind the probes.
#[derive(Debug, Clone)]
pub struct Health {
    /// The newest answer of the store. Nothing is ready before the first.
    pub pulse: Pulse,
    /// What the process knows of itself.
    pub process: Arc<dyn Process>,
    /// The wall clock, for ages only.
    pub clock: fn() -> SystemTime,
}

/// What a process knows of itself, besides its store and its chains. The defaults are those of a
/// process that has nothing to report.
///
/// ```
/// use pledge_http::{Part, PartState, Process};
///
/// #[derive(Debug)]
/// struct Mine;
///
/// impl Process for Mine {
///     fn parts(&self) -> Vec<Part> {
///         vec![Part { name: "mail", state: Some(PartState::Up) }]
///     }
/// }
/// ```
pub trait Process: Debug + Send + Sync + 'static {
    /// Work that failed and is tried again, in the order of the answer.
    fn incidents(&self) -> Vec<Incident> {
        Vec::new()
    }

    /// The parts that the process can do without for a while.
    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }

    /// Whether the process is ending. It is not ready then, whatever its parts do.
    fn is_ending(&self) -> bool {
        false
    }
}

/// Work that failed and is tried again. Its reason may contain hosts and their texts, so it belongs
/// in the log alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Incident {
    /// Null for work that is not about one chain.
    pub chain: Option<String>,
    /// The work, as the log names it.
    pub work: &'static str,
}

/// A part of a process that answers without it too, only slower or later: a cache, a feed of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its key in the answer of `/readyz`: another than that of any other part, and none of `status`,
    /// `store`, `chains` and `incidents`.
    pub name: &'static str,
    /// `None`, shown as null, if none is configured.
    pub state: Option<PartState>,
}

/// How a part does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// It works, as far as the last use of it has shown.
    Up,
    /// It does not.
    Degraded {
        /// When it was lost.
        since: SystemTime,
    },
}

const UP: &str = "up";

/// The answer of a process that runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    /// `alive`.
    status: &'static str,
}

/// The answer to a ping.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pong {
    /// `pong`.
    message: &'static str,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadyParams {
    /// If present, a part that is not well makes the instance unready.
    #[param(inline, value_type = Option<crate::schema::FlagSchema>)]
    strict: Option<String>,
}

/// The answer of an instance that is ready.
#[derive(Debug, Serialize, ToSchema)]
struct Ready {
    /// `ready`; `degraded` while any part is.
    status: &'static str,
    store: StoreHealth,
    chains: Vec<ChainHealth>,
    /// Work that failed here and is tried again.
    incidents: Vec<Incident>,
    /// The parts of the process, by their names.
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, PartShown>)]
    parts: BTreeMap<&'static str, PartShown>,
}

/// The answer of an instance that is ready, on a listener that anybody may reach.
#[derive(Debug, Serialize, ToSchema)]
struct ReadyInBrief {
    /// `ready`; `degraded` while any part is.
    status: &'static str,
    /// What is not well, without a name, such as `chain-halted` or `redis-degraded`.
    codes: BTreeSet<String>,
}

/// The answer of an instance that is ready: in brief where anybody may reach it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ReadyAnswer {
    Full(Ready),
    InBrief(ReadyInBrief),
}

/// The state of the store.
#[derive(Debug, Serialize, ToSchema)]
struct StoreHealth {
    /// `up`.
    status: &'static str,
}

/// The state of a part; null if none is configured.
#[derive(Debug, Serialize, ToSchema)]
struct PartShown(Option<PartHealth>);

/// The state of a part. Without it every answer is the same.
#[derive(Debug, Serialize, ToSchema)]
struct PartHealth {
    /// `up` or `degraded`.
    status: &'static str,
    /// When it was lost, in unix seconds.
    since: Option<u64>,
}

impl From<PartState> for PartHealth {
    fn from(state: PartState) -> Self {
        match state {
            PartState::Up => Self { status: UP, since: None },
            PartState::Degraded { since } => {
                let since = since.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
                Self { status: "degraded", since }
            }
        }
    }
}

/// Whether the process runs
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "probes",
    responses((status = 200, description = "The process runs.", body = Alive), OfHost),
)]
pub(super) async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Whether the server answers
#[utoipa::path(
    get,
    path = "/ping",
    operation_id = "ping",
    tag = "probes",
    responses((status = 200, description = "The process answers.", body = Pong), OfHost),
)]
pub(super) async fn pong() -> Json<Pong> {
    Json(Pong { message: "pong" })
}

/// Whether the instance can answer
///
/// Ready if the store answers. Other parts that are not well are listed, without the texts of nodes
/// and servers. They make the instance unready only with `?strict`: confirmed data can still be
/// read, and no other instance would do better.
///
/// A probe reads nothing from the store: it is read once a second for all of them.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "probes",
    params(ReadyParams),
    responses(
        (status = 200, description = "Ready, with what is not well.", body = ReadyAnswer),
        OfReadiness,
    ),
)]
pub(super) async fn ready(
    State(health): State<Health>,
    Query(params): Query<ReadyParams>,
) -> Result<Response, Problem> {
    let ready = health.check()?;
    let code = params.code_for(ready.is_well())?;
    Ok((code, Json(ReadyAnswer::Full(ready))).into_response())
}

/// As [`ready`], for those who must not learn what an instance works on: the codes alone.
pub(super) async fn ready_in_brief(
    State(health): State<Health>,
    Query(params): Query<ReadyParams>,
) -> Result<Response, Problem> {
    let ready = health.check()?;
    let code = params.code_for(ready.is_well())?;
    Ok((code, Json(ReadyAnswer::InBrief(ready.in_brief()))).into_response())
}

impl Health {
    /// The state of all parts, or why the instance is not ready.
    fn check(&self) -> Result<Ready, Problem> {
        let Self { pulse, process, clock } = self;
        if process.is_ending() {
            return Err(Problem::new(Message::Stopping {}));
        }
        let Some(beat) = pulse.last() else {
            return Err(Problem::new(Message::NotReadYet {}));
        };
        let chains = beat.chains.map_err(|reason| {
            // The reason may contain hosts, so it is only in the log.
            tracing::debug!("not ready: {reason}");
            Problem::new(Message::Unavailable {})
        })?;
        let now = clock();
        let nothing = Followed::default();
        let health = |state: &ChainState| {
            let followed = beat.followed.get(&state.chain).unwrap_or(&nothing);
            ChainHealth::of(state, &followed.tokens, &followed.contracts, now)
        };
        let parts = process.parts().into_iter();
        Ok(Ready {
            status: "ready",
            store: StoreHealth { status: "up" },
            chains: chains.iter().map(health).collect(),
            incidents: process.incidents(),
            parts: parts.map(|part| (part.name, PartShown(part.state.map(Into::into)))).collect(),
        }
        .judged())
    }
}

impl Ready {
    fn judged(self) -> Self {
        let status = if self.is_well() { "ready" } else { "degraded" };
        Self { status, ..self }
    }

    fn is_well(&self) -> bool {
        self.codes().is_empty()
    }

    fn in_brief(&self) -> ReadyInBrief {
        ReadyInBrief { status: self.status, codes: self.codes() }
    }

    /// What is not well, without a name: each code once, ascending.
    fn codes(&self) -> BTreeSet<String> {
        let chains = self.chains.iter().filter(|chain| !chain.is_well());
        let chains = chains.map(|chain| format!("chain-{}", chain.status()));
        let work = self.incidents.first().map(|_| "work-repeated".to_owned());
        let parts = self.parts.iter().filter_map(|(name, part)| {
            let PartShown(part) = part;
            part.as_ref().filter(|part| !part.is_up()).map(|part| format!("{name}-{}", part.status))
        });
        chains.chain(work).chain(parts).collect()
    }
}

impl PartHealth {
    fn is_up(&self) -> bool {
        self.status == UP
    }
}

impl ReadyParams {
    /// The status of an answer. A part that is not well matters only where the probe is strict.
    fn code_for(&self, is_well: bool) -> Result<StatusCode, Problem> {
        match self.strict.as_deref() {
            None | Some("false") => Ok(StatusCode::OK),
            Some("" | "true") if is_well => Ok(StatusCode::OK),
            Some("" | "true") => Ok(StatusCode::SERVICE_UNAVAILABLE),
            Some(other) => Err(Problem::malformed("strict", other)),
        }
    }
}
