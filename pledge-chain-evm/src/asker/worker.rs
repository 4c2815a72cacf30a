//! A worker, which moves the calls of one question on, and what several workers share of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::size_of;
use crate::adaptive_size::AdaptiveSize;
use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::{Answer, Call};
use crate::questions::{Open, Questions};
use crate::response::Json;
use crate::rpc::Rpc;

/// Batches of one question that fail before their length is suspected.
const BATCHES_MAX: u32 = 3;

/// What several workers share of a question.
pub(super) struct Task<'a, T, R> {
    calls: Vec<Call>,
    questions: Mutex<Questions<T>>,
    size: &'a AdaptiveSize,
    read: R,
}

impl<'a, T, R> Task<'a, T, R> {
    /// A question of these calls, of which `size` go into a request, and how an answer is read.
    pub(super) const fn new(
        calls: Vec<Call>,
        questions: Questions<T>,
        size: &'a AdaptiveSize,
        read: R,
    ) -> Self {
        Self { calls, questions: Mutex::new(questions), size, read }
    }

    /// Every answer, in the order asked, once no worker has anything to ask.
    pub(super) fn into_answers(self) -> Vec<Result<T, Failure>> {
        self.questions.into_inner().unwrap_or_else(PoisonError::into_inner).into_answers()
    }

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

/// One of the workers of a question, and what it has seen.
pub(super) struct Worker<'a, T, R> {
    rpc: &'a Rpc,
    repeats_max: usize,
    task: &'a Task<'a, T, R>,
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

impl<'a, T, R> Worker<'a, T, R> {
    pub(super) const fn new(rpc: &'a Rpc, repeats_max: usize, task: &'a Task<'a, T, R>) -> Self {
        let (failures, was_answered, batches, largest) = (0, false, 0, 0);
        Self { rpc, repeats_max, task, failures, was_answered, batches, largest }
    }
}

impl<T, R> Worker<'_, T, R>
where
    R: Fn(&Call, Json) -> Result<T, Failure>,
{
    /// Asks for what is open until nothing is.
    pub(super) async fn work(mut self) {
        loop {
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => return self.blame_batches(),
                Err(failure) => return self.task.questions().abandon(&failure),
            }
        }
    }

    /// One request, and what comes of it; whether there was anything to ask. An error is the end.
    async fn turn(&mut self) -> Result<bool, Failure> {
        let size = size_of(self.task.size);
        let is_chain_due = self.rpc.is_chain_due();
        // The chain id takes the place of a call.
        let room = if is_chain_due { size.saturating_sub(1).max(1) } else { size };
        let batch = self.task.questions().take(room);
        if batch.is_empty() {
            return Ok(false);
        }
        let calls = self.task.calls_of(&batch);
        // Whether a divisible call is too much shows when it is asked by itself.
        let is_apart = matches!(&calls[..], [call] if call.is_divisible);
        let joins_chain = is_chain_due && !is_apart && self.rpc.may_join_chain(batch.len());
        if is_chain_due && !joins_chain {
            if let Err(failure) = self.rpc.confirm_chain().await {
                self.task.questions().put_back(batch);
                if self.is_over(&failure) {
                    return Err(failure);
                }
                self.rpc.rest(Some(&failure)).await;
                return Ok(true);
            }
            self.was_answered = true;
        }
        let answers = if joins_chain {
            self.rpc.ask_with_chain(&calls).await
        } else {
            self.rpc.ask_node(&calls).await
        };
        let size = calls.len() as u64 + u64::from(joins_chain);
        match answers {
            Ok(answers) => self.take_answers(batch, answers, size).await?,
            Err(failure) => {
                let failed = FailedRequest { size, failure, is_of_each: false };
                self.take_failure(batch, failed).await?;
            }
        }
        Ok(true)
    }

    /// Keeps what was answered.
    async fn take_answers(
        &mut self,
        batch: Vec<Open>,
        answers: Vec<Answer>,
        size: u64,
    ) -> Result<(), Failure> {
        let failures = answers.iter().filter_map(|answer| answer.as_ref().err());
        // The one that asks for the longest wait speaks for all.
        let failure = failures.max_by_key(|failure| (failure.retry_after, failure.is_busy()));
        let failure = failure.cloned();
        if answers.iter().all(Result::is_err)
            && let Some(failure) = &failure
            && self.task.is_of_the_batch(&batch, failure)
        {
            let failed = FailedRequest { size, failure: failure.clone(), is_of_each: true };
            return self.take_failure(batch, failed).await;
        }
        let Task { calls, read, .. } = self.task;
        let brought = self.task.questions().answered(batch, calls, answers, read);
        self.was_answered = brought.an_answer;
        if brought.an_answer {
            self.failures = 0;
            self.task.size.answered(size);
        }
        if !brought.an_open_call {
            return Ok(());
        }
        if let Some(failure) = &failure
            && !brought.an_answer
            && self.is_over(failure)
        {
            return Err(failure.clone());
        }
        // Another call that failed is asked at once: the node is up.
        let is_busy = failure.as_ref().is_some_and(Failure::is_busy);
        if is_busy || brought.an_absence || !brought.an_answer {
            self.rpc.rest(failure.as_ref()).await;
        }
        Ok(())
    }

    /// A request failed as a whole, or each of its calls in its own answer. Whether it is the node, the
    /// batch or one of its calls shows when something else is asked.
    async fn take_failure(
        &mut self,
        batch: Vec<Open>,
        failed: FailedRequest,
    ) -> Result<(), Failure> {
        let FailedRequest { size, failure, is_of_each } = failed;
        let is_divisible = Questions::<T>::has_divisible(&batch, &self.task.calls);
        // Only an answer right before this failure shows that the node is up, so it counts once.
        let mut others_pass = std::mem::take(&mut self.was_answered);
        let mut is_confirmed = false;
        if self.is_over(&failure) {
            // Unless only this question failed, and the node answers another.
            let may_be_up = (batch.len() > 1 || is_divisible) && !self.is_verdict(&failure);
            if !may_be_up || !self.others_pass().await {
                return Err(failure);
            }
            (others_pass, is_confirmed) = (true, true);
        }
        self.rpc.rest(Some(&failure)).await;
        let shows_apart = is_divisible && (is_of_each || self.task.questions().is_ordered());
        if batch.len() > 1 && shows_apart && failure.fault != Fault::BatchTooLong {
            // What ails it shows when its calls are asked one by one.
            self.batches += 1;
            self.largest = self.largest.max(size);
        } else if batch.len() > 1 {
            if self.is_too_long(size, &failure, is_confirmed).await {
                self.refuse_batches(size, &failure.detail);
            }
        } else if is_divisible && !failure.names_limit && !others_pass {
            others_pass = self.others_pass().await;
        }
        let calls = &self.task.calls;
        self.task.questions().failed(batch, calls, &failure, others_pass, is_of_each);
        Ok(())
    }

    /// Whether the node answers the cheapest of questions now.
    async fn others_pass(&mut self) -> bool {
        let others_pass = self.rpc.confirm_chain().await.is_ok();
        self.failures = if others_pass { 0 } else { self.failures + 1 };
        others_pass
    }

    /// Whether a batch is too long: its error names that, or it fails again while others pass.
    async fn is_too_long(&mut self, size: u64, failure: &Failure, is_confirmed: bool) -> bool {
        if failure.fault.is_batch_size() {
            return true;
        }
        let is_suspect = self.task.size.suspect(size, self.batches_by_chance(failure));
        is_suspect && (is_confirmed || self.others_pass().await)
    }

    fn refuse_batches(&self, size: u64, cause: &str) {
        let endpoint = self.rpc.endpoint();
        tracing::info!(endpoint, size, cause, "batch refused, halving it");
        self.task.size.refused(size, None);
    }

    /// Failures of batches in a row that prove nothing about their length. Where each call may fail
    /// its whole request, a long batch never passes, so there is a bound; a time-out costs more.
    fn batches_by_chance(&self, failure: &Failure) -> u32 {
        let by_chance = (self.rpc.by_chance() + 1).min(BATCHES_MAX);
        by_chance - u32::from(failure.fault == Fault::TimedOut)
    }

    /// Batches that failed again and again, of which every call passed by itself, may be too long.
    fn blame_batches(&self) {
        let is_suspect = self.batches >= BATCHES_MAX && !self.task.questions().has_limit();
        if is_suspect && self.task.size.suspect(self.largest, 1) {
            self.refuse_batches(self.largest, "its calls pass one by one");
        }
    }

    /// Whether a failure is the last: no answer at all for as many repeats as there may be, or a verdict.
    fn is_over(&mut self, failure: &Failure) -> bool {
        // A time-out has cost more than one of the others.
        self.failures += if failure.fault == Fault::TimedOut { 2 } else { 1 };
        self.failures > self.repeats_max || self.is_verdict(failure)
    }

    /// Whether asking again is pointless, or the node asks for a longer wait than is worth while.
    fn is_verdict(&self, failure: &Failure) -> bool {
        matches!(failure.fault, Fault::WrongChain | Fault::Denied) || self.rpc.is_put_off(failure)
    }
}
