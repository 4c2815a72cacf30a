//! The calls of one question that have no answer yet, and what each failure means for them. Pure.
//!
//! A failure is distinguished from a limit by its effect, not by its words: a random failure passes
//! when the same is asked again, a limit does not while the node answers everything else. So each
//! failure counts against what was asked only together with an answer to something else. Where
//! requests fail with a probability of f, three such pairs in a row have one of at most
//! (f (1 - f))^3, below 2 in a hundred; where failures come in longer rows, more pairs are required.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::classify::Fault;
use crate::failure::Failure;
use crate::http::Call;
use crate::response::Json;

/// How often a block, or a method, that is not there is asked for again.
const ABSENT_REPEATS: u32 = 4;

/// How often a question fails, while others are answered, before it is made smaller, at least and
/// at most; once less where each failure takes as long as the source waits.
const STRIKES: RangeInclusive<u32> = 3..=5;

/// How often a call is asked in full company before it is asked with fewer others, at least and at most.
/// Of three calls that each fail the whole request with a chance of 30 %, one request in three passes, while
/// it takes more than four to ask for them one by one.
const FULL_ATTEMPTS: RangeInclusive<u32> = 3..=6;

/// Failures that have a call asked by itself.
const APART: u32 = 16;

/// A call without an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Open {
    at: usize,
    /// Failures so far: with each the call is asked in smaller company.
    failures: u32,
    /// Failures in a request of its own.
    alone: u32,
    /// Answers that the block or the method is not there.
    absent: u32,
    /// Failures while the node answered something else.
    strikes: u32,
}

impl Open {
    /// Its place in the question.
    pub(crate) const fn at(self) -> usize {
        self.at
    }
}

/// The calls of one question and what became of them.
#[derive(Debug)]
pub(crate) struct Questions<T> {
    repeats_max: u32,
    strikes_max: u32,
    full_attempts: u32,
    /// No call may be answered before those that come before it.
    is_ordered: bool,
    open: VecDeque<Open>,
    answers: Vec<Option<Result<T, Failure>>>,
}

/// What an answered request brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Brought {
    /// One of its calls has an answer.
    pub(crate) an_answer: bool,
    /// One of its calls is asked again.
    pub(crate) an_open_call: bool,
    /// What one of them asks for is not there yet.
    pub(crate) an_absence: bool,
}

/// What comes next for a call that failed.
enum Next {
    Again(Open),
    Ends(Failure),
}

impl<T> Questions<T> {
    /// Of a node that usually fails so often in a row.
    pub(crate) fn new(calls: usize, repeats_max: usize, by_chance: u32, is_ordered: bool) -> Self {
        let open = (0..calls).map(|at| Open { at, ..Open::default() }).collect();
        Self {
            repeats_max: u32::try_from(repeats_max).unwrap_or(u32::MAX),
            full_attempts: within(by_chance.saturating_add(2), &FULL_ATTEMPTS),
            strikes_max: within(by_chance.saturating_add(1), &STRIKES),
            is_ordered,
            open,
            answers: (0..calls).map(|_| None).collect(),
        }
    }

    /// The calls of the next request, at most `size`: fewer with calls that failed in company.
    pub(crate) fn take(&mut self, size: usize) -> Vec<Open> {
        let mut taken: Vec<Open> = Vec::new();
        let mut company = size.max(1);
        while let Some(next) = self.open.front() {
            let shift =
                (2 * next.failures.saturating_sub(self.full_attempts - 1)).min(usize::BITS - 1);
            company = company.min((size >> shift).max(1));
            if taken.len() >= company {
                break;
            }
            taken.extend(self.open.pop_front());
        }
        taken
    }

    /// A request was answered: each call gets its answer or its failure.
    pub(crate) fn answered(
        &mut self,
        batch: Vec<Open>,
        calls: &[Call],
        answers: Vec<Result<Json, Failure>>,
        read: &impl Fn(&Call, Json) -> Result<T, Failure>,
    ) -> Brought {
        let is_alone = batch.len() == 1;
        let has_answer = answers.iter().any(Result::is_ok);
        let mut brought = Brought { an_answer: has_answer, ..Brought::default() };
        let mut again = Vec::new();
        for (open, answer) in batch.into_iter().zip(answers) {
            // In an ordered question what comes after an open call is not proven yet.
            if brought.an_open_call && self.is_ordered {
                again.push(open);
                continue;
            }
            let call = &calls[open.at];
            let is_absent = call.is_expected && answer.as_ref().is_ok_and(Json::is_null);
            brought.an_absence |= is_absent || answer.as_ref().is_err_and(|f| f.fault.is_absent());
            let next = match answer {
                Ok(_) if is_absent && open.absent < ABSENT_REPEATS => {
                    let absent = open.absent + 1;
                    Next::Again(Open { absent, failures: open.failures + 1, ..open })
                }
                Ok(answer) => match read(call, answer) {
                    Ok(answer) => {
                        self.answers[open.at] = Some(Ok(answer));
                        continue;
                    }
                    // The node answers, and not what was asked.
                    Err(failure) => self.next(open, call, failure, is_alone, true),
                },
                Err(failure) => self.next(open, call, failure, is_alone, has_answer),
            };
            match next {
                Next::Again(open) => {
                    brought.an_open_call = true;
                    again.push(open);
                }
                Next::Ends(failure) => self.answers[open.at] = Some(Err(failure)),
            }
        }
        self.put_back(again);
        brought
    }

    /// A request failed as a whole, or each of its calls did. `others_pass` is whether the node
    /// answered another one right before or after.
    pub(crate) fn failed(
        &mut self,
        batch: Vec<Open>,
        calls: &[Call],
        failure: &Failure,
        others_pass: bool,
        is_of_each: bool,
    ) {
        let is_alone = batch.len() == 1;
        let mut again = Vec::new();
        for open in batch {
            let call = &calls[open.at];
            let names_it = call.is_divisible && failure.blocks_at_most.is_some();
            let mut next = if is_alone || names_it {
                // A failure while nothing else passes either proves nothing about the question.
                let strikes = if others_pass { open.strikes } else { 0 };
                self.next(Open { strikes, ..open }, call, failure.clone(), is_alone, others_pass)
            } else {
                // Of several calls it is unknown which one failed. A few of them are asked one by
                // one soon; of many, the size of the batches decides how many to ask next.
                Next::Again(Open { failures: open.failures + u32::from(self.is_ordered), ..open })
            };
            if let Next::Again(open) = &mut next {
                open.failures += match (self.is_ordered, is_of_each && call.is_divisible) {
                    (true, _) => self.weight_of(failure.fault),
                    (false, true) => APART,
                    (false, false) => 0,
                };
            }
            match next {
                Next::Again(open) => again.push(open),
                Next::Ends(failure) => self.answers[open.at] = Some(Err(failure)),
            }
        }
        self.put_back(again);
    }

    /// Puts calls back that are asked again.
    pub(crate) fn put_back(&mut self, batch: Vec<Open>) {
        // To the back, so that what fails does not hold up the rest; in an ordered question nothing
        // may come before it.
        if self.is_ordered {
            batch.into_iter().rev().for_each(|open| self.open.push_front(open));
        } else {
            self.open.extend(batch);
        }
    }

    /// Nothing more is asked: what is open fails with this.
    pub(crate) fn abandon(&mut self, failure: &Failure) {
        self.open.clear();
        for answer in self.answers.iter_mut().filter(|answer| answer.is_none()) {
            *answer = Some(Err(failure.clone()));
        }
    }

    /// Whether no call may be answered before those that come before it.
    pub(crate) const fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// Whether a part of a batch can be asked for in smaller parts.
    pub(crate) fn has_divisible(batch: &[Open], calls: &[Call]) -> bool {
        batch.iter().any(|open| calls[open.at].is_divisible)
    }

    /// Whether a call failed at its size, and only there.
    pub(crate) fn has_limit(&self) -> bool {
        let failures = self.answers.iter().flatten().filter_map(|answer| answer.as_ref().err());
        failures.into_iter().any(|failure| failure.recurs)
    }

    /// Every answer, in the order asked. Calls without one were abandoned by the caller.
    pub(crate) fn into_answers(self) -> Vec<Result<T, Failure>> {
        self.answers.into_iter().map(|answer| answer.expect("no call is left open")).collect()
    }

    /// Further failures that one counts for: the same request costs much, or is known to fail.
    const fn weight_of(&self, fault: Fault) -> u32 {
        match fault {
            Fault::TimedOut => *FULL_ATTEMPTS.start(),
            Fault::TooLarge | Fault::BatchTooLong => self.full_attempts,
            _ => 0,
        }
    }

    fn next(
        &self,
        open: Open,
        call: &Call,
        mut failure: Failure,
        is_alone: bool,
        others_pass: bool,
    ) -> Next {
        // What cannot pass ends before it is counted. A limit ends before the repeats are used up,
        // so that the caller asks for less while there is time.
        let fault = failure.fault;
        if fault.is_final() || (fault.is_of_form() && call.has_alternative) {
            return Next::Ends(failure);
        }
        if fault.is_absent() && open.absent >= ABSENT_REPEATS {
            return Next::Ends(failure);
        }
        let strikes_max = self.strikes_max - u32::from(fault == Fault::TimedOut);
        let open = Open {
            at: open.at,
            failures: open.failures + 1,
            alone: open.alone + u32::from(is_alone),
            absent: open.absent + u32::from(fault.is_absent()),
            strikes: open.strikes + u32::from(others_pass),
        };
        let is_limit = failure.names_limit || (others_pass && open.strikes >= strikes_max);
        if call.is_divisible && is_limit && !fault.is_absent() {
            failure.recurs = true;
            return Next::Ends(failure);
        }
        if open.alone > self.repeats_max {
            return Next::Ends(failure);
        }
        Next::Again(open)
    }
}

fn within(count: u32, bounds: &RangeInclusive<u32>) -> u32 {
    count.clamp(*bounds.start(), *bounds.end())
}

#[cfg(test)]
#[path = "questions_tests.rs"]
mod tests;
