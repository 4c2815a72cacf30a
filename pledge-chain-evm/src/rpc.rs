//! A conversation with one node: single requests, their budget, and the chain id after outages.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use alloy::primitives::U64;
use governor::{DefaultDirectRateLimiter, Quota};
use pledge_core::error::ChainError;
use pledge_core::types::ChainId;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use crate::backoff::{Backoff, Failed};
use crate::config::EvmConfig;
use crate::failure::Failure;
use crate::http::{Answer, Call, Node};
use crate::response::Json;
use crate::traffic::{NodeTraffic, TrafficCounts};

/// How often one call is sent as a batch for the sake of the chain id before a batch has to be answered.
/// Where each call fails its request with a chance of 60 %, one batch of two in six is.
const JOINS_MAX: u32 = 16;

/// The node behind a url may change without an outage, so the chain id is compared this often.
const CHAIN_CHECK_INTERVAL: Duration = Duration::from_secs(300);

const CONNECT: &str = "connect to a node";

/// A conversation with one node.
pub(crate) struct Rpc {
    node: Node,
    chain: ChainId,
    backoff: Mutex<Backoff>,
    retry_delay_max: Duration,
    /// Calls that may be sent now.
    budget: Option<DefaultDirectRateLimiter>,
    budget_wait_max: Duration,
    /// Outages so far; the time before the first connection counts as the first.
    outages: AtomicU64,
    counts: TrafficCounts,
    /// How often yet one call may be sent as a batch: the node may take none.
    joins: AtomicU32,
    /// After how many outages, and when, the chain id was seen to be right last.
    checked: Mutex<Option<(u64, Instant)>>,
}

impl Rpc {
    pub(crate) fn new(config: &EvmConfig) -> Result<Self, ChainError> {
        check_scheme(config)?;
        let node = Node::new(config).map_err(|error| {
            ChainError::persistent(CONNECT, "cannot set up an HTTP client").caused_by(error)
        })?;
        Ok(Self {
            node,
            chain: config.chain,
            backoff: Mutex::new(Backoff::new(config.retry_delay_min, config.retry_delay_max)),
            retry_delay_max: config.retry_delay_max,
            budget: config
                .requests_per_second
                .map(|limit| DefaultDirectRateLimiter::direct(Quota::per_second(limit))),
            budget_wait_max: config.request_timeout,
            outages: AtomicU64::new(1),
            counts: TrafficCounts::default(),
            joins: AtomicU32::new(0),
            checked: Mutex::new(None),
        })
    }

    /// The chain that must be behind the url.
    pub(crate) const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Host and port of the node.
    pub(crate) fn endpoint(&self) -> &str {
        self.node.endpoint()
    }

    /// How many requests the node has answered so far.
    pub(crate) fn requests_answered(&self) -> u64 {
        self.counts.requests_answered()
    }

    /// How many calls were sent so far.
    pub(crate) fn calls_sent(&self) -> u64 {
        self.counts.calls()
    }

    /// What the node was asked so far, and how it answered.
    pub(crate) fn traffic(&self) -> NodeTraffic {
        self.counts.traffic()
    }

    /// A node's text, fit to be shown.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.node.clean(text)
    }

    /// An answer in the form that it must have.
    pub(crate) fn parse<T: DeserializeOwned>(&self, answer: Json) -> Result<T, Failure> {
        answer.parse().map_err(|error| self.node.malformed(&error, &answer))
    }

    /// Waits after a failure for as long as the node has been failing, or as it asks.
    pub(crate) async fn rest(&self, failure: Option<&Failure>) {
        let delay = self.wait_after(failure);
        tracing::debug!(
            endpoint = self.endpoint(),
            delay_ms = delay.as_millis(),
            cause = failure.map_or("not there yet", |failure| &failure.detail),
            "request failed, will repeat it"
        );
        tokio::time::sleep(delay).await;
    }

    /// As many failures in a row as the node's usual ones explain, at least one.
    pub(crate) fn by_chance(&self) -> u32 {
        self.backoff.lock().expect("no holder panics").by_chance()
    }

    fn wait_after(&self, failure: Option<&Failure>) -> Duration {
        let needs_time =
            failure.is_none_or(|failure| failure.is_busy() || failure.fault.is_absent());
        let took = failure.map_or(Duration::ZERO, |failure| failure.took);
        let mut backoff = self.backoff.lock().expect("no holder panics");
        let failed = Failed { at: Instant::now(), took, needs_time };
        let delay = backoff.failed(failed, fastrand::u8(..));
        delay.max(failure.and_then(|failure| failure.retry_after).unwrap_or_default())
    }

    /// Whether the node asks for a longer wait than is worth while.
    pub(crate) fn is_put_off(&self, failure: &Failure) -> bool {
        failure.retry_after.is_some_and(|asked| asked > self.retry_delay_max)
    }

    /// Sends one request. An answer to any of its calls ends the waits of the conversation.
    pub(crate) async fn ask_node(&self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        self.take_from_budget(calls.len()).await?;
        self.counts.sends(calls.len());
        let (known, sent) = (self.requests_answered() > 0, Instant::now());
        let answers = self.node.ask(calls).await.map_err(|failure| {
            let failure = Failure { took: sent.elapsed(), ..failure };
            if known { failure.of_a_known_url() } else { failure }
        });
        let is_answered = self.counts.ended(sent.elapsed(), &answers);
        match &answers {
            Ok(_) if is_answered => {
                self.backoff.lock().expect("no holder panics").answered();
                if calls.len() > 1 {
                    self.joins.store(JOINS_MAX, Ordering::Relaxed);
                }
            }
            Err(failure) if failure.fault.is_outage() => {
                self.outages.fetch_add(1, Ordering::AcqRel);
            }
            _ => {}
        }
        answers
    }

    /// Waits until `calls` calls may be sent.
    async fn take_from_budget(&self, calls: usize) -> Result<(), Failure> {
        let calls = u32::try_from(calls).ok().and_then(NonZeroU32::new);
        let (Some(budget), Some(calls)) = (&self.budget, calls) else {
            return Ok(());
        };
        match tokio::time::timeout(self.budget_wait_max, budget.until_n_ready(calls)).await {
            Ok(ready) => {
                ready.expect("a batch is no longer than a second's budget");
                Ok(())
            }
            Err(_) => Err(Failure::over_budget(format!(
                "{}: requests_per_second leaves no room within {} s: raise it, or ask for less",
                self.endpoint(),
                self.budget_wait_max.as_secs()
            ))),
        }
    }

    /// Whether the chain id has to be compared before anything else is believed: it never was, there was
    /// an outage since, or it is long ago.
    pub(crate) fn is_chain_due(&self) -> bool {
        let outages = self.outages.load(Ordering::Acquire);
        let checked = *self.checked.lock().expect("no holder panics");
        checked.is_none_or(|(after, at)| after < outages || at.elapsed() >= CHAIN_CHECK_INTERVAL)
    }

    /// Whether the chain id may be asked for in one request with `calls` calls. With one call that
    /// makes a batch, which is tried only a few times before the node has taken one.
    pub(crate) fn may_join_chain(&self, calls: usize) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        let joins = || self.joins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        calls > 1 || joins().is_ok()
    }

    /// As [`Rpc::ask_node`], with the chain id in the same request. A failure to get that is one of the
    /// whole request.
    pub(crate) async fn ask_with_chain(&self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        // Counted before the question: an outage meanwhile makes the comparison due again.
        let outages = self.outages.load(Ordering::Acquire);
        let joined: Vec<Call> =
            std::iter::once(chain_id_call()).chain(calls.iter().cloned()).collect();
        let mut answers = self.ask_node(&joined).await?;
        self.compare_chain(answers.remove(0), outages)?;
        Ok(answers)
    }

    /// Compares the chain id: the cheapest of all questions, so that a node that fails it is down, or
    /// fails at random.
    pub(crate) async fn confirm_chain(&self) -> Result<(), Failure> {
        let outages = self.outages.load(Ordering::Acquire);
        let answer = self.ask_node(&[chain_id_call()]).await?.remove(0);
        self.compare_chain(answer, outages)
    }

    /// Compares the chain id in an answer that was asked for after `outages` outages.
    fn compare_chain(&self, answer: Answer, outages: u64) -> Result<(), Failure> {
        let found = self.chain_in(answer)?;
        if found != self.chain {
            return Err(Failure::wrong_chain(format!(
                "{} is a node of chain {found}, not of chain {}",
                self.endpoint(),
                self.chain
            )));
        }
        *self.checked.lock().expect("no holder panics") = Some((outages, Instant::now()));
        Ok(())
    }

    /// The chain id that the node reports, compared with nothing.
    pub(crate) async fn ask_chain_id(&self) -> Result<ChainId, Failure> {
        self.chain_in(self.ask_node(&[chain_id_call()]).await?.remove(0))
    }

    fn chain_in(&self, answer: Answer) -> Result<ChainId, Failure> {
        self.parse::<U64>(answer?).map(|id| ChainId::new(id.to()))
    }
}

fn check_scheme(config: &EvmConfig) -> Result<(), ChainError> {
    let scheme = config.url.scheme();
    if matches!(scheme, "http" | "https") {
        return Ok(());
    }
    let detail =
        format!("the url of chain {} has the scheme {scheme}: use http or https", config.chain);
    Err(ChainError::persistent(CONNECT, detail))
}

/// The question for the chain id.
pub(crate) fn chain_id_call() -> Call {
    Call::new("eth_chainId", json!([]))
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc")
            .field("endpoint", &self.endpoint())
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}
