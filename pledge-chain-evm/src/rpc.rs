//! Asking a node until it answers: repeats, batches of bounded size, the chain id after outages.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy::primitives::U64;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{StreamExt, TryStreamExt, stream};
use governor::{DefaultDirectRateLimiter, Quota};
use pledge_core::error::ChainError;
use pledge_core::types::ChainId;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use crate::adaptive_size::AdaptiveSize;
use crate::classify::{Failure, Fault};
use crate::config::EvmConfig;
use crate::http::{Answer, Call, Node};
use crate::response::Json;

/// Calls that may belong together.
const TOGETHER_MAX: u64 = 4;

/// What to do when an answer is too long, or takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnTooMuch {
    /// Ask again; put fewer calls into a batch.
    Insist,
    /// Tell the caller, who will ask for less.
    GiveBack,
}

impl OnTooMuch {
    fn gives_back(self, fault: Fault) -> bool {
        self == Self::GiveBack && matches!(fault, Fault::TimedOut | Fault::TooLarge)
    }
}

/// Another node may come to stand behind a url without an outage, so the chain id is compared this
/// often.
const CHAIN_CHECK_INTERVAL: Duration = Duration::from_secs(300);

/// A conversation with one node.
pub(crate) struct Rpc {
    node: Node,
    chain: ChainId,
    backoff: ExponentialBuilder,
    retry_delay_max: Duration,
    batch_size: AdaptiveSize,
    /// Calls of one question in a batch: never more than a few, so that what the node takes of large
    /// batches says nothing about them.
    together_size: AdaptiveSize,
    batches_concurrent_max: usize,
    /// Calls that may be sent now.
    budget: Option<DefaultDirectRateLimiter>,
    budget_wait_max: Duration,
    /// Outages so far; the first stands for the time before the first connection.
    outages: AtomicU64,
    /// Requests that were answered.
    answers: AtomicU64,
    /// After how many outages, and when, the chain id was seen to be right last.
    checked: Mutex<Option<(u64, Instant)>>,
}

impl Rpc {
    pub(crate) fn new(config: &EvmConfig) -> Result<Self, ChainError> {
        let operation = "connect to a node";
        if !matches!(config.url.scheme(), "http" | "https") {
            let detail = format!(
                "the url of chain {} has the scheme {}: use http or https",
                config.chain,
                config.url.scheme()
            );
            return Err(ChainError::persistent(operation, detail));
        }
        let node = Node::new(config).map_err(|error| {
            ChainError::persistent(operation, "cannot set up an HTTP client").caused_by(error)
        })?;
        let budget = config.requests_per_second.map_or(u64::MAX, |limit| limit.get().into());
        let calls_max = budget.min(config.batch_requests_max.get() as u64);
        Ok(Self {
            node,
            chain: config.chain,
            backoff: ExponentialBuilder::default()
                .with_jitter()
                .with_min_delay(config.retry_delay_min)
                .with_max_delay(config.retry_delay_max)
                .with_max_times(config.retries_max),
            retry_delay_max: config.retry_delay_max,
            batch_size: AdaptiveSize::new(calls_max),
            together_size: AdaptiveSize::new(calls_max.min(TOGETHER_MAX)),
            batches_concurrent_max: config.batches_concurrent_max.get(),
            budget: config
                .requests_per_second
                .map(|limit| DefaultDirectRateLimiter::direct(Quota::per_second(limit))),
            budget_wait_max: config.request_timeout,
            outages: AtomicU64::new(1),
            answers: AtomicU64::new(0),
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
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Requests that may be under way at once within one question.
    pub(crate) const fn concurrency(&self) -> usize {
        self.batches_concurrent_max
    }

    /// Calls that one batch may have now.
    pub(crate) fn batch_calls(&self) -> usize {
        size_of(&self.batch_size, usize::MAX)
    }

    /// What a node says, fit to be shown.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.node.clean(text)
    }

    /// One call with its answer parsed.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        let mut answers = self.batch(&[call]).await?;
        self.parse(answers.remove(0)?)
    }

    /// Calls in batches of at most the size that the node takes, one after the other.
    pub(crate) async fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        self.batch_within(calls, &self.batch_size, OnTooMuch::Insist).await
    }

    /// The calls of one question, four to a request wherever the node takes such a batch, so that one
    /// machine answers them. Elsewhere one after the other. When it is too much, the caller is
    /// told at once and may ask for less.
    pub(crate) async fn together(&self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        self.batch_within(calls, &self.together_size, OnTooMuch::GiveBack).await
    }

    async fn batch_within(
        &self,
        calls: &[Call],
        batch_size: &AdaptiveSize,
        on_too_much: OnTooMuch,
    ) -> Result<Vec<Answer>, Failure> {
        let mut answers = Vec::with_capacity(calls.len());
        while answers.len() < calls.len() {
            let rest = &calls[answers.len()..];
            let size = size_of(batch_size, rest.len());
            match self.ask(&rest[..size], on_too_much).await {
                Ok(more) => {
                    batch_size.answered(size as u64);
                    answers.extend(more);
                }
                Err(failure) if size > 1 && self.may_be_the_batch(&failure, on_too_much).await => {
                    tracing::info!(
                        endpoint = self.endpoint(),
                        size,
                        cause = failure.detail,
                        "batch refused, halving it"
                    );
                    batch_size.refused(size as u64, None);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(answers)
    }

    /// Many calls, a few batches of them under way at once. Answers come in the order asked. All of them
    /// are held, and with each the body that brought it.
    pub(crate) async fn many(&self, calls: Vec<Call>) -> Result<Vec<Answer>, Failure> {
        self.many_as(calls, |answer| answer).await
    }

    /// As [`Rpc::many`], of which only what each answer is read as is held.
    pub(crate) async fn many_as<T>(
        &self,
        calls: Vec<Call>,
        read: impl Fn(Answer) -> T + Send + Sync,
    ) -> Result<Vec<T>, Failure> {
        let batches: Vec<Vec<Call>> = calls
            .chunks(size_of(&self.batch_size, calls.len()).max(1))
            .map(<[Call]>::to_vec)
            .collect();
        let read = &read;
        let answers: Vec<Vec<T>> = stream::iter(batches)
            .map(|batch| async move {
                let answers = self.batch(&batch).await?;
                Ok(answers.into_iter().map(read).collect())
            })
            .buffered(self.batches_concurrent_max)
            .try_collect()
            .await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// An answer in the form that it must have.
    pub(crate) fn parse<T: DeserializeOwned>(&self, answer: Json) -> Result<T, Failure> {
        answer.parse().map_err(|error| self.node.malformed(&error, &answer))
    }

    async fn ask(&self, calls: &[Call], on_too_much: OnTooMuch) -> Result<Vec<Answer>, Failure> {
        let mut delays = self.backoff.build();
        loop {
            let failure = match self.ask_once(calls).await {
                Ok(answers) => return Ok(answers),
                Err(failure) => failure,
            };
            if !failure.fault.is_retried()
                || self.is_put_off(&failure)
                || on_too_much.gives_back(failure.fault)
            {
                return Err(failure);
            }
            let Some(delay) = delays.next() else {
                return Err(failure);
            };
            let delay = delay.max(failure.retry_after.unwrap_or_default());
            tracing::debug!(
                endpoint = self.endpoint(),
                delay_ms = delay.as_millis(),
                cause = failure.detail,
                "request failed, will repeat it"
            );
            tokio::time::sleep(delay).await;
        }
    }

    /// Whether the node asks for a longer wait than is worth while.
    fn is_put_off(&self, failure: &Failure) -> bool {
        failure.retry_after.is_some_and(|asked| asked > self.retry_delay_max)
    }

    async fn ask_once(&self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        self.check_chain().await?;
        let mut answers = self.ask_node(calls).await?;
        // Errors of the way to the node, told as answers to calls.
        let failed = answers.iter().position(|answer| {
            let faults = [Fault::RateLimited, Fault::Unreachable];
            answer.as_ref().is_err_and(|failure| faults.contains(&failure.fault))
        });
        match failed.map(|index| answers.swap_remove(index)) {
            Some(Err(failure)) => Err(failure),
            _ => Ok(answers),
        }
    }

    async fn ask_node(&self, calls: &[Call]) -> Result<Vec<Answer>, Failure> {
        self.take_from_budget(calls.len()).await?;
        let answers = self.node.ask(calls).await;
        match &answers {
            Ok(_) => {
                self.answers.fetch_add(1, Ordering::Relaxed);
            }
            Err(failure) if failure.fault.is_outage() => {
                self.outages.fetch_add(1, Ordering::AcqRel);
            }
            Err(_) => {}
        }
        answers
    }

    /// Waits until so many calls may be sent.
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

    /// Compares the chain id if there was an outage since the last comparison, or long after it.
    async fn check_chain(&self) -> Result<(), Failure> {
        let outages = self.outages.load(Ordering::Acquire);
        let checked = *self.checked.lock().expect("no holder panics");
        if checked
            .is_some_and(|(after, at)| after >= outages && at.elapsed() < CHAIN_CHECK_INTERVAL)
        {
            return Ok(());
        }
        let found = self.ask_chain_id().await?;
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

    /// Whether fewer calls at once may pass, and nobody can ask for less in another way.
    async fn may_be_the_batch(&self, failure: &Failure, on_too_much: OnTooMuch) -> bool {
        let is_given_back = on_too_much == OnTooMuch::GiveBack
            && (failure.fault.is_outage() || on_too_much.gives_back(failure.fault));
        failure.fault.may_be_batch_size()
            && !is_given_back
            && !self.is_put_off(failure)
            && self.is_of_the_question(failure).await
    }

    /// Whether a failure is the question's fault and no outage: a node that answers the cheapest of all
    /// questions right after is not down.
    pub(crate) async fn is_of_the_question(&self, failure: &Failure) -> bool {
        !failure.fault.is_outage()
            || self.ask_chain_id().await.is_ok_and(|found| found == self.chain)
    }

    /// The chain id that the node says it has, compared with nothing.
    pub(crate) async fn ask_chain_id(&self) -> Result<ChainId, Failure> {
        let mut answers = self.ask_node(&[chain_id_call()]).await?;
        let id: U64 = self.parse(answers.remove(0)?)?;
        Ok(ChainId::new(id.to()))
    }
}

/// How many of the calls to put into the next batch.
fn size_of(batch_size: &AdaptiveSize, calls: usize) -> usize {
    let size = batch_size.of(calls as u64);
    usize::try_from(size).expect("not above the length of a list")
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
            .field("batch_size", &self.batch_size)
            .finish_non_exhaustive()
    }
}
