//! Asking for many calls until each has its answer: the workers that move a question on.
//!
//! Only a call that failed is asked again; what was answered is kept. How many calls go into a request,
//! how long to wait and when to give up follow what the node does, see [`crate::questions`],
//! [`crate::adaptive_size`] and [`crate::backoff`].

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::join_all;

use crate::adaptive_size::AdaptiveSize;
use crate::classify::{Failure, Fault};
use crate::http::{Answer, Call};
use crate::questions::{Open, Questions};
use crate::response::Json;
use crate::rpc::{Rpc, size_of};

/// Batches of one question that fail before their length is suspected.
const BATCHES_MAX: usize = 3;

/// What several workers share of a question.
struct Task<'a, T, R> {
    calls: Vec<Call>,
    questions: Mutex<Questions<T>>,
    size: &'a AdaptiveSize,
    read: R,
}

impl<T, R> Task<'_, T, R> {
    fn questions(&self) -> MutexGuard<'_, Questions<T>> {
        // Every value of the questions is valid, so a panic elsewhere cannot have broken it.
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a failure of all its calls may be that of a batch, and is no answer to each of them.
    fn is_of_the_batch(&self, batch: &[Open], failure: &Failure) -> bool {
        let mut calls = batch.iter().map(|open| &self.calls[open.at()]);
        let is_answer = failure.fault.is_final()
            || failure.fault.is_absent()
            || (failure.fault.is_of_form() && calls.clone().all(|call| call.has_alternative));
        !is_answer && (batch.len() > 1 || calls.any(|call| call.is_divisible))
    }

    fn calls_of(&self, batch: &[Open]) -> Vec<Call> {
        batch.iter().map(|open| self.calls[open.at()].clone()).collect()
    }
}

/// What one worker has seen.
#[derive(Default)]
struct Seen {
    /// Failures without an answer between them.
    failures: usize,
    /// Batches with a part that can be asked for in smaller parts that failed as a whole.
    batches: usize,
    /// The largest of them.
    largest: u64,
}

impl Rpc {
    /// Every call by itself, a few batches of them under way at once. Answers come in the order asked,
    /// each with its own failure; where the node cannot be reached, the rest fail as the last one did.
    pub(crate) async fn many(&self, calls: Vec<Call>) -> Vec<Answer> {
        self.many_as(calls, Ok).await
    }

    /// As [`Rpc::many`], of which only what each answer is read as is held. An answer that cannot be
    /// read is asked for again.
    pub(crate) async fn many_as<T: Send>(
        &self,
        calls: Vec<Call>,
        read: impl Fn(Json) -> Result<T, Failure> + Send + Sync,
    ) -> Vec<Result<T, Failure>> {
        let batches = calls.len().div_ceil(self.batch_calls().max(1));
        let workers = batches.clamp(1, self.concurrency());
        let questions = Questions::new(calls.len(), self.repeats_max(), false);
        let questions = Mutex::new(questions);
        let read = |_: &Call, answer| read(answer);
        let task = Task { calls, questions, size: self.batch_size(), read };
        join_all((0..workers).map(|_| self.work(&task))).await;
        task.questions.into_inner().unwrap_or_else(PoisonError::into_inner).into_answers()
    }

    /// The calls of one question, four to a request wherever the node takes such a batch, so that one
    /// machine answers them. No call is answered before those that come before it.
    pub(crate) async fn together(&self, calls: Vec<Call>) -> Vec<Answer> {
        self.together_as(calls, |_, answer| Ok(answer)).await
    }

    /// As [`Rpc::together`], with what each answer is read as.
    pub(crate) async fn together_as<T: Send>(
        &self,
        calls: Vec<Call>,
        read: impl Fn(&Call, Json) -> Result<T, Failure> + Send + Sync,
    ) -> Vec<Result<T, Failure>> {
        let questions = Mutex::new(Questions::new(calls.len(), self.repeats_max(), true));
        let task = Task { calls, questions, size: self.together_size(), read };
        self.work(&task).await;
        task.questions.into_inner().unwrap_or_else(PoisonError::into_inner).into_answers()
    }

    /// Asks for what is open until nothing is.
    async fn work<T, R>(&self, task: &Task<'_, T, R>)
    where
        R: Fn(&Call, Json) -> Result<T, Failure>,
    {
        let mut seen = Seen::default();
        loop {
            match self.turn(task, &mut seen).await {
                Ok(true) => {}
                Ok(false) => return self.blame_batches(task, &seen),
                Err(failure) => return task.questions().abandon(&failure),
            }
        }
    }

    /// One request, and what comes of it; whether there was anything to ask. An error is the end.
    async fn turn<T, R>(&self, task: &Task<'_, T, R>, seen: &mut Seen) -> Result<bool, Failure>
    where
        R: Fn(&Call, Json) -> Result<T, Failure>,
    {
        let batch = task.questions().take(size_of(task.size, task.calls.len()));
        if batch.is_empty() {
            return Ok(false);
        }
        if let Err(failure) = self.check_chain().await {
            task.questions().put_back(batch);
            if self.is_over(&failure, seen) {
                return Err(failure);
            }
            self.rest(Some(&failure)).await;
            return Ok(true);
        }
        match self.ask_node(&task.calls_of(&batch)).await {
            Ok(answers) => self.take_answers(task, batch, answers, seen).await?,
            Err(failure) => self.take_failure(task, batch, failure, seen).await?,
        }
        Ok(true)
    }

    /// Keeps what was answered.
    async fn take_answers<T, R>(
        &self,
        task: &Task<'_, T, R>,
        batch: Vec<Open>,
        answers: Vec<Answer>,
        seen: &mut Seen,
    ) -> Result<(), Failure>
    where
        R: Fn(&Call, Json) -> Result<T, Failure>,
    {
        let size = batch.len();
        let failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        // The one that asks for the longest wait speaks for all.
        let failure = failures.max_by_key(|failure| (failure.retry_after, failure.is_busy()));
        let failure = failure.cloned();
        if answers.iter().all(Result::is_err)
            && let Some(failure) = &failure
            && task.is_of_the_batch(&batch, failure)
        {
            return self.take_failure(task, batch, failure.clone(), seen).await;
        }
        let brought = task.questions().answered(batch, &task.calls, answers, &task.read);
        if brought.an_answer {
            seen.failures = 0;
            task.size.answered(size as u64);
        }
        if !brought.an_open_call {
            return Ok(());
        }
        if let Some(failure) = &failure
            && !brought.an_answer
            && self.is_over(failure, seen)
        {
            return Err(failure.clone());
        }
        // Another call that failed is asked at once: the node is up.
        let is_busy = failure.as_ref().is_some_and(Failure::is_busy);
        if is_busy || brought.an_absence || !brought.an_answer {
            self.rest(failure.as_ref()).await;
        }
        Ok(())
    }

    /// A request failed as a whole. Whether it is the node, the batch or one of its calls shows when
    /// something else is asked.
    async fn take_failure<T, R>(
        &self,
        task: &Task<'_, T, R>,
        batch: Vec<Open>,
        failure: Failure,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        let size = batch.len() as u64;
        if self.is_over(&failure, seen) {
            // Unless only a batch failed, and the node answers a question that is none.
            let may_be_up = size > 1 && !self.is_verdict(&failure);
            if !may_be_up || self.confirm_chain().await.is_err() {
                return Err(failure);
            }
            seen.failures = 0;
        }
        self.rest(Some(&failure)).await;
        let is_divisible = Questions::<T>::has_divisible(&batch, &task.calls);
        let mut others_pass = false;
        // What ails a batch with a divisible call shows when its calls are asked one by one.
        let is_open = if is_divisible { size == 1 && !failure.names_limit } else { size > 1 };
        if is_open && !failure.fault.is_batch_size() {
            others_pass = self.confirm_chain().await.is_ok();
            seen.failures = if others_pass { 0 } else { seen.failures + 1 };
        }
        let names_batch = failure.fault == Fault::BatchTooLong;
        if size > 1 && (names_batch || !is_divisible) {
            self.suspect(task.size, size, &failure, others_pass);
        } else if size > 1 {
            seen.batches += 1;
            seen.largest = seen.largest.max(size);
        }
        task.questions().failed(batch, &task.calls, &failure, others_pass);
        Ok(())
    }

    fn suspect(&self, batch_size: &AdaptiveSize, size: u64, failure: &Failure, others_pass: bool) {
        let is_refused = if failure.fault.is_batch_size() {
            batch_size.refused(size, None);
            true
        } else {
            others_pass && batch_size.suspect(size)
        };
        if is_refused {
            let (endpoint, cause) = (self.endpoint(), &failure.detail);
            tracing::info!(endpoint, size, cause, "batch refused, halving it");
        }
    }

    /// Batches that failed again and again, of which every call passed by itself, may be too long.
    fn blame_batches<T, R>(&self, task: &Task<'_, T, R>, seen: &Seen) {
        let is_suspect = seen.batches >= BATCHES_MAX && !task.questions().has_limit();
        if is_suspect && task.size.suspect(seen.largest) {
            let endpoint = self.endpoint();
            tracing::info!(endpoint, size = seen.largest, "batch refused, halving it");
        }
    }

    /// Whether a failure is the last: no answer at all for as many repeats as there may be, or a verdict.
    fn is_over(&self, failure: &Failure, seen: &mut Seen) -> bool {
        // A time-out has cost more than one of the others.
        seen.failures += if failure.fault == Fault::TimedOut { 2 } else { 1 };
        seen.failures > self.repeats_max() || self.is_verdict(failure)
    }

    /// Whether asking again is pointless, or the node asks for a longer wait than is worth while.
    fn is_verdict(&self, failure: &Failure) -> bool {
        matches!(failure.fault, Fault::WrongChain | Fault::Denied) || self.is_put_off(failure)
    }
}
