//! Acts that go on when their request ends: those that ask nodes, for which no time of a request is enough.
//!
//! Each is a task of its own. Its request waits for a time and is then answered that the act is under way. What it
//! gave is kept under the key of the request, and a repetition is answered with it. Of one chain there is one at a
//! time in a process; between processes the write itself decides.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use pledge_core::audit::{Action, Attribution, AuditObject};
use pledge_core::primitives::B256;
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use pledge_office::access::{RequestKey, Turn, UNDER_WAY_FOR};
use serde::Serialize;
use tokio::sync::{oneshot, watch};
use utoipa::ToSchema;

use super::AccessApi;
use super::actual::Actual;
use super::key::Key;
use super::once::{Beginning, begin, body_of, give_back, json, keep, keep_refusal};
use crate::problem::{Message, Problem, internal};

/// How often the holder of a turn states that it is still at work: a write that fails once costs no turn.
const BEATS_PER_TURN: u32 = 3;
/// The seconds after which a client may ask again how an act ended.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// The acts of a process that outlive their requests. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct BackgroundActs {
    /// How long a request waits for the end of its act.
    patience: Duration,
    running: Arc<watch::Sender<BTreeMap<ChainId, Running>>>,
}

/// An act that is under way.
#[derive(Debug, Clone)]
struct Running {
    /// The request that asked for it.
    request: (B256, B256),
    act: RewindAct,
    actor: String,
    since: Timestamp,
}

/// A rewind, as far as others have to know of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RewindAct {
    /// The chain that goes back.
    pub(super) chain: ChainId,
    /// The newest block to keep.
    pub(super) to_block: BlockNumber,
}

/// A rewind that goes on after its request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunningRewind {
    chain_id: ChainId,
    /// The newest block to keep.
    to_block: BlockNumber,
    /// When it began, by the clock of the server.
    since: Timestamp,
    /// The same request with this `Idempotency-Key` is answered with how it ended.
    idempotency_key: String,
    /// What the audit log calls it once it is done, …
    #[schema(value_type = crate::schema::ActionSchema)]
    audit_action: String,
    /// … and what it is about there.
    #[schema(value_type = crate::schema::ObjectSchema)]
    audit_object: String,
}

impl BackgroundActs {
    /// Acts whose requests wait for them for as long as `patience`, which is less than a host lets a request take.
    pub fn new(patience: Duration) -> Self {
        Self { patience, running: Arc::new(watch::Sender::new(BTreeMap::new())) }
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.running.borrow().len()
    }

    /// Ends once none is under way.
    pub async fn ended(&self) {
        let mut running = self.running.subscribe();
        let ended = running.wait_for(BTreeMap::is_empty).await;
        drop(ended.expect("this handle has a sender"));
    }

    /// The act on the chain that this request asked for already.
    fn same(&self, new: &Running) -> Option<Running> {
        let running = self.running.borrow();
        running.get(&new.act.chain).filter(|one| one.request == new.request).cloned()
    }

    /// The place of an act on a chain; else the one that has it.
    fn take(&self, new: Running) -> Result<Place, Running> {
        let (chain, mut first) = (new.act.chain, None);
        self.running.send_if_modified(|running| match running.entry(chain) {
            Entry::Vacant(free) => {
                free.insert(new);
                true
            }
            Entry::Occupied(taken) => {
                first = Some(taken.get().clone());
                false
            }
        });
        first.map_or_else(|| Ok(Place { chain, acts: self.clone() }), Err)
    }
}

/// The right to work on a chain, given back when it is dropped.
#[derive(Debug)]
struct Place {
    chain: ChainId,
    acts: BackgroundActs,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.acts.running.send_modify(|running| drop(running.remove(&self.chain)));
    }
}

/// Does a rewind unless it was done, and answers it; or that it is under way, once the request waited for long.
///
/// A refusal that the request is answered with frees its key, as for any act. One that comes after the request is
/// kept as the answer to its repetition.
pub(super) async fn in_background<T: Serialize + Send + 'static>(
    api: &AccessApi,
    actual: &Actual,
    (Key(key), digest): (Key, B256),
    (rewind, by): (RewindAct, &Attribution),
    act: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<Response, Problem> {
    let request = RequestKey { principal: actual.principal()?, key: key.clone() };
    let (request, actor) = ((request.hash(), digest), by.actor.to_string());
    let running = Running { request, act: rewind, actor, since: by.at };
    let acts = &api.operator.background;
    if let Some(same) = acts.same(&running) {
        return RunningRewind::of(&same, key.as_str()).answer();
    }
    let accepted = RunningRewind::of(&running, key.as_str());
    let turn = match begin(api, actual, (Key(key), digest)).await? {
        Beginning::Turn(turn) => turn,
        Beginning::Answered(answer) => return Ok(answer),
    };
    let place = match acts.take(running) {
        Ok(place) => place,
        Err(first) => {
            give_back(api, &turn).await;
            return Err(first.refuses());
        }
    };
    let (answer, mut answered) = oneshot::channel();
    let asker = Asker::default();
    let work = Work { api: api.clone(), turn, asker: asker.0.clone(), place };
    tokio::spawn(async move {
        // The caller may be gone.
        let _ = answer.send(work.done(act).await);
    });
    let panicked = |error: oneshot::error::RecvError| Err(internal(&error));
    match tokio::time::timeout(acts.patience, &mut answered).await {
        Ok(ended) => ended.unwrap_or_else(panicked),
        // It ends in this moment: how is about to be known.
        Err(_) if asker.is_answered() => answered.await.unwrap_or_else(panicked),
        Err(_) => accepted.answer(),
    }
}

/// Whether the end of an act or the end of its request came first. The one that finds it unset decides.
#[derive(Debug, Default)]
struct Asker(Arc<AtomicBool>);

impl Asker {
    /// Whether the act ended first. If it did not, the request has.
    fn is_answered(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }
}

/// A request ends also where its client leaves, or a host has no more time for it.
impl Drop for Asker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// An act with what it needs to end.
#[derive(Debug)]
struct Work {
    api: AccessApi,
    turn: Turn,
    asker: Arc<AtomicBool>,
    place: Place,
}

impl Work {
    /// Does the act, and keeps what it gave where the request or its repetition finds it.
    async fn done<T: Serialize>(
        self,
        act: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Response, Problem> {
        let Self { api, turn, asker, place } = self;
        let done = tokio::select! {
            done = act => done,
            never = stay(&api, &turn) => match never {},
        };
        let answer = match done {
            Ok(answer) => {
                let body = body_of(&answer)?;
                keep(&api, &turn, &body).await;
                Ok(json(StatusCode::OK, body))
            }
            // What leaves open what was written is neither: the key is free again after a minute.
            Err(refused) if refused.status().is_client_error() => {
                if asker.swap(true, Ordering::SeqCst) {
                    keep_refusal(&api, &turn, &refused).await;
                } else {
                    give_back(&api, &turn).await;
                }
                Err(refused)
            }
            Err(failed) => Err(failed),
        };
        // Before the answer, so that what is asked for next finds the place free.
        drop(place);
        answer
    }
}

/// Keeps the turn for as long as the act runs, so that a repetition of the request does not begin it again.
async fn stay(api: &AccessApi, turn: &Turn) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(UNDER_WAY_FOR / BEATS_PER_TURN).await;
        if let Err(error) = api.store.keep_turn(turn).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "a request that takes long may be begun again in a minute");
        }
    }
}

impl Running {
    /// Why another act on the chain has to wait.
    fn refuses(&self) -> Problem {
        let Self { act: RewindAct { to_block, .. }, actor, .. } = self;
        Problem::new(Message::RewindUnderWay { block: to_block.to_string(), actor: actor.clone() })
    }
}

impl RunningRewind {
    fn of(running: &Running, key: &str) -> Self {
        let RewindAct { chain, to_block } = running.act;
        Self {
            chain_id: chain,
            to_block,
            since: running.since,
            idempotency_key: key.to_owned(),
            audit_action: Action::REWIND_CHAIN.to_string(),
            audit_object: AuditObject::chain(chain).to_string(),
        }
    }

    fn answer(&self) -> Result<Response, Problem> {
        let mut response = json(StatusCode::ACCEPTED, body_of(self)?);
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        Ok(response)
    }
}
