//! Asking for many calls until each has its answer: the workers that move a question on.
//!
//! Only a call that failed is asked again; what was answered is kept. How many calls go into a request,
//! how long to wait and when to give up follow what the node does, see [`crate::questions`],
//! [`crate::adaptive_size`] and [`crate::backoff`].

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::join_all;

use crate::adaptive_size::AdaptiveSize;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::{Answer, Call};
use crate::questions::{Open, Questions};
use crate::response::Json;
use crate::rpc::{Rpc, size_of};

/// Batches of one question that fail before their length is suspected.
const BATCHES_MAX: u32 = 3;

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
    /// The last request was answered.
    was_answered: bool,
    /// Batches with a part that can be asked for in smaller parts that failed as a whole.
    batches: u32,
    /// The largest of them.
    largest: u64,
}

/// A request without an answer to any of its calls.
struct FailedRequest {
    /// The calls in it, the chain id included.
    size: u64,
    failure: Failure,
    /// Each call failed in an answer of its own.
    is_of_each: bool,
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
        let questions = self.questions(calls.len(), false);
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
        let questions = self.questions(calls.len(), true);
        let task = Task { calls, questions, size: self.together_size(), read };
        self.work(&task).await;
        task.questions.into_inner().unwrap_or_else(PoisonError::into_inner).into_answers()
    }

    fn questions<T>(&self, calls: usize, is_ordered: bool) -> Mutex<Questions<T>> {
        Mutex::new(Questions::new(calls, self.repeats_max(), self.by_chance(), is_ordered))
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
        let size = size_of(task.size, usize::MAX);
        let is_chain_due = self.is_chain_due();
        // The chain id takes the place of a call.
        let room = if is_chain_due { size.saturating_sub(1).max(1) } else { size };
        let batch = task.questions().take(room);
        if batch.is_empty() {
            return Ok(false);
        }
        let calls = task.calls_of(&batch);
        // Whether a divisible call is too much shows when it is asked by itself.
        let is_apart = matches!(&calls[..], [call] if call.is_divisible);
        let joins_chain = is_chain_due && !is_apart && self.may_join_chain(batch.len());
        if is_chain_due && !joins_chain {
            if let Err(failure) = self.confirm_chain().await {
                task.questions().put_back(batch);
                if self.is_over(&failure, seen) {
                    return Err(failure);
                }
                self.rest(Some(&failure)).await;
                return Ok(true);
            }
            seen.was_answered = true;
        }
        let answers = if joins_chain {
            self.ask_with_chain(&calls).await
        } else {
            self.ask_node(&calls).await
        };
        let size = calls.len() as u64 + u64::from(joins_chain);
        match answers {
            Ok(answers) => self.take_answers(task, batch, answers, size, seen).await?,
            Err(failure) => {
                let failed = FailedRequest { size, failure, is_of_each: false };
                self.take_failure(task, batch, failed, seen).await?;
            }
        }
        Ok(true)
    }

    /// Keeps what was answered.
    async fn take_answers<T, R>(
        &self,
        task: &Task<'_, T, R>,
        batch: Vec<Open>,
        answers: Vec<Answer>,
        size: u64,
        seen: &mut Seen,
    ) -> Result<(), Failure>
    where
        R: Fn(&Call, Json) -> Result<T, Failure>,
    {
        let failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        // The one that asks for the longest wait speaks for all.
        let failure = failures.max_by_key(|failure| (failure.retry_after, failure.is_busy()));
        let failure = failure.cloned();
        if answers.iter().all(Result::is_err)
            && let Some(failure) = &failure
            && task.is_of_the_batch(&batch, failure)
        {
            let failed = FailedRequest { size, failure: failure.clone(), is_of_each: true };
            return self.take_failure(task, batch, failed, seen).await;
        }
        let brought = task.questions().answered(batch, &task.calls, answers, &task.read);
        seen.was_answered = brought.an_answer;
        if brought.an_answer {
            seen.failures = 0;
            task.size.answered(size);
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

    /// A request failed as a whole, or each of its calls in its own answer. Whether it is the node, the
    /// batch or one of its calls shows when something else is asked.
    async fn take_failure<T, R>(
        &self,
        task: &Task<'_, T, R>,
        batch: Vec<Open>,
        failed: FailedRequest,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        let FailedRequest { size, failure, is_of_each } = failed;
        let is_divisible = Questions::<T>::has_divisible(&batch, &task.calls);
        let mut others_pass = std::mem::take(&mut seen.was_answered);
        let mut is_confirmed = false;
        if self.is_over(&failure, seen) {
            // Unless only this question failed, and the node answers another.
            let may_be_up = (batch.len() > 1 || is_divisible) && !self.is_verdict(&failure);
            if !may_be_up || !self.others_pass(seen).await {
                return Err(failure);
            }
            (others_pass, is_confirmed) = (true, true);
        }
        self.rest(Some(&failure)).await;
        let shows_apart = is_divisible && (is_of_each || task.questions().is_ordered());
        if batch.len() > 1 && shows_apart && failure.fault != Fault::BatchTooLong {
            // What ails it shows when its calls are asked one by one.
            seen.batches += 1;
            seen.largest = seen.largest.max(size);
        } else if batch.len() > 1 {
            if self.is_too_long(task.size, size, &failure, is_confirmed, seen).await {
                self.refuse_batches(task.size, size, &failure.detail);
            }
        } else if is_divisible && !failure.names_limit && !others_pass {
            others_pass = self.others_pass(seen).await;
        }
        task.questions().failed(batch, &task.calls, &failure, others_pass, is_of_each);
        Ok(())
    }

    /// Whether the node answers the cheapest of questions now.
    async fn others_pass(&self, seen: &mut Seen) -> bool {
        let others_pass = self.confirm_chain().await.is_ok();
        seen.failures = if others_pass { 0 } else { seen.failures + 1 };
        others_pass
    }

    /// Whether a batch is too long: its error names that, or it fails again while others pass.
    async fn is_too_long(
        &self,
        sizes: &AdaptiveSize,
        size: u64,
        failure: &Failure,
        is_confirmed: bool,
        seen: &mut Seen,
    ) -> bool {
        if failure.fault.is_batch_size() {
            return true;
        }
        let is_suspect = sizes.suspect(size, self.batches_by_chance(failure));
        is_suspect && (is_confirmed || self.others_pass(seen).await)
    }

    fn refuse_batches(&self, sizes: &AdaptiveSize, size: u64, cause: &str) {
        let endpoint = self.endpoint();
        tracing::info!(endpoint, size, cause, "batch refused, halving it");
        sizes.refused(size, None);
    }

    /// Failures of batches in a row that prove nothing about their length. Where each call may fail
    /// its whole request, a long batch never passes, so there is a bound; a time-out costs more.
    fn batches_by_chance(&self, failure: &Failure) -> u32 {
        let by_chance = (self.by_chance() + 1).min(BATCHES_MAX);
        by_chance - u32::from(failure.fault == Fault::TimedOut)
    }

    /// Batches that failed again and again, of which every call passed by itself, may be too long.
    fn blame_batches<T, R>(&self, task: &Task<'_, T, R>, seen: &Seen) {
        let is_suspect = seen.batches >= BATCHES_MAX && !task.questions().has_limit();
        if is_suspect && task.size.suspect(seen.largest, 1) {
            self.refuse_batches(task.size, seen.largest, "its calls pass one by one");
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
