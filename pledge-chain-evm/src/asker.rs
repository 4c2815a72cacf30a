//! Asking one node for many calls until each has its answer.
//!
//! Only a call that failed is asked again; what was answered is kept. How many calls go into a request,
//! how long to wait and when to give up follow what the node does, see [`crate::questions`],
//! [`crate::adaptive_size`] and [`crate::backoff`].

use futures::future::join_all;
use pledge_core::error::ChainError;
use pledge_core::types::ChainId;
use serde::de::DeserializeOwned;

use crate::adaptive_size::AdaptiveSize;
use crate::config::EvmConfig;
use crate::failure::Failure;
use crate::http::{Answer, Call};
use crate::questions::Questions;
use crate::response::Json;
use crate::rpc::Rpc;
use crate::traffic::NodeTraffic;

mod worker;

use worker::{Task, Worker};

/// Calls that may belong together: four of a question and the chain id.
const TOGETHER_MAX: u64 = 5;

/// Asks one node, and repeats what fails.
#[derive(Debug)]
pub(crate) struct Asker {
    rpc: Rpc,
    repeats_max: usize,
    /// Calls in a batch.
    batch_size: AdaptiveSize,
    /// Calls of one question in a batch: never more than a few, so that the node's limit on
    /// large batches does not matter to them.
    together_size: AdaptiveSize,
    batches_concurrent_max: usize,
}

impl Asker {
    pub(crate) fn new(config: &EvmConfig) -> Result<Self, ChainError> {
        // A batch stays within a second's budget: the limiter could never admit a longer one.
        let budget = config.requests_per_second.map_or(u64::MAX, |limit| limit.get().into());
        let calls_max = budget.min(config.batch_requests_max.get() as u64);
        Ok(Self {
            rpc: Rpc::new(config)?,
            repeats_max: config.retries_max,
            batch_size: AdaptiveSize::new(calls_max),
            together_size: AdaptiveSize::new(calls_max.min(TOGETHER_MAX)),
            batches_concurrent_max: config.batches_concurrent_max.get(),
        })
    }

    /// The chain that must be behind the url.
    pub(crate) const fn chain(&self) -> ChainId {
        self.rpc.chain()
    }

    /// Host and port of the node.
    pub(crate) fn endpoint(&self) -> &str {
        self.rpc.endpoint()
    }

    /// A node's text, fit to be shown.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.rpc.clean(text)
    }

    /// How many requests the node has answered so far.
    pub(crate) fn requests_answered(&self) -> u64 {
        self.rpc.requests_answered()
    }

    /// How many calls were sent so far, each one of a batch counted.
    pub(crate) fn calls_sent(&self) -> u64 {
        self.rpc.calls_sent()
    }

    /// What the node was asked so far, and how it answered.
    pub(crate) fn traffic(&self) -> NodeTraffic {
        self.rpc.traffic()
    }

    /// Requests that may be under way at once within one question.
    pub(crate) const fn concurrency(&self) -> usize {
        self.batches_concurrent_max
    }

    /// Calls that one batch may have now.
    pub(crate) fn batch_calls(&self) -> usize {
        size_of(&self.batch_size)
    }

    /// One call with its answer parsed.
    pub(crate) async fn call<T: DeserializeOwned + Send>(&self, call: Call) -> Result<T, Failure> {
        let read = |answer| self.parse(answer);
        self.many_as(vec![call], read).await.remove(0)
    }

    /// Every call by itself, a few batches of them under way at once. Answers come in the order asked,
    /// each with its own failure; where the node cannot be reached, the rest fail as the last one did.
    pub(crate) async fn many(&self, calls: Vec<Call>) -> Vec<Answer> {
        self.many_as(calls, Ok).await
    }

    /// As [`Asker::many`], of which only what each answer is read as is held. An answer that cannot be
    /// read is asked for again.
    pub(crate) async fn many_as<T: Send>(
        &self,
        calls: Vec<Call>,
        read: impl Fn(Json) -> Result<T, Failure> + Send + Sync,
    ) -> Vec<Result<T, Failure>> {
        let batches = calls.len().div_ceil(self.batch_calls().max(1));
        let workers = batches.clamp(1, self.concurrency());
        let questions = self.questions(calls.len(), false);
        let read = |_: &Call, answer| read(answer);
        let task = Task::new(calls, questions, &self.batch_size, read);
        join_all((0..workers).map(|_| self.worker(&task).work())).await;
        task.into_answers()
    }

    /// The calls of one question, four to a request wherever the node takes such a batch, so that one
    /// machine answers them. No call is answered before those that come before it.
    pub(crate) async fn together(&self, calls: Vec<Call>) -> Vec<Answer> {
        self.together_as(calls, |_, answer| Ok(answer)).await
    }

    /// As [`Asker::together`], with what each answer is read as.
    pub(crate) async fn together_as<T: Send>(
        &self,
        calls: Vec<Call>,
        read: impl Fn(&Call, Json) -> Result<T, Failure> + Send + Sync,
    ) -> Vec<Result<T, Failure>> {
        let questions = self.questions(calls.len(), true);
        let task = Task::new(calls, questions, &self.together_size, read);
        self.worker(&task).work().await;
        task.into_answers()
    }

    /// An answer in the form that it must have.
    pub(crate) fn parse<T: DeserializeOwned>(&self, answer: Json) -> Result<T, Failure> {
        self.rpc.parse(answer)
    }

    fn questions<T>(&self, calls: usize, is_ordered: bool) -> Questions<T> {
        Questions::new(calls, self.repeats_max, self.rpc.by_chance(), is_ordered)
    }

    const fn worker<'a, T, R>(&'a self, task: &'a Task<'a, T, R>) -> Worker<'a, T, R> {
        Worker::new(&self.rpc, self.repeats_max, task)
    }
}

/// How many calls to put into the next batch.
fn size_of(batch_size: &AdaptiveSize) -> usize {
    usize::try_from(batch_size.of(usize::MAX as u64)).expect("not above the largest length")
}
