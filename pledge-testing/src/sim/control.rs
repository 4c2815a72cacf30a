//! What the decorators of a run share: dice, faults, counters, trace.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::types::BlockId;

use super::counters::Counters;
use super::dice::Dice;
use super::swarm::Faults;
use super::trace::Trace;

/// The fate of one call of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The call succeeds.
    Well,
    /// The call fails, and the answer is an error.
    Lost,
    /// The call succeeds, and the answer is an error.
    Unknown,
    /// The process dies before it.
    CrashBefore,
    /// The process dies after it.
    CrashAfter,
}

/// Gives one call of the store its fate, and lets every other succeed.
#[derive(Debug, Clone, Copy)]
pub(super) struct OneFate {
    pub(super) call: u64,
    pub(super) fate: Fate,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) faults: Faults,
    pub(super) one: Option<OneFate>,
    /// Calls of the store so far.
    pub(super) calls: u64,
    /// Calls of the store before the calm.
    pub(super) calls_in_storm: u64,
    pub(super) counters: Counters,
    pub(super) trace: Trace,
    /// Whether the ledger, the points or the events changed since the last check.
    pub(super) wrote: bool,
    /// The last blocks that were added behind since the last check, each with what confirms it.
    pub(super) added_behind: Vec<(BlockId, BlockId)>,
    /// What a call of the engine broke.
    pub(super) broken: Option<String>,
    /// Whether the last poll ended at a crash point, and not in a waiting store.
    at_point: bool,
    crash_asked: bool,
    calm: bool,
}

#[derive(Debug)]
pub(super) struct Control(Mutex<State>);

impl Control {
    pub(super) fn new(dice: Dice, faults: Faults, one: Option<OneFate>, trace: Trace) -> Self {
        Self(Mutex::new(State {
            dice,
            faults,
            one,
            calls: 0,
            calls_in_storm: 0,
            counters: Counters::default(),
            trace,
            wrote: false,
            added_behind: Vec::new(),
            broken: None,
            at_point: false,
            crash_asked: false,
            calm: false,
        }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder panics")
    }

    /// No more faults or crashes.
    pub(super) fn calm(&self) {
        let mut state = self.lock();
        state.faults = Faults::default();
        state.calm = true;
    }

    /// A point where the process may die, and where the chain may change.
    pub(super) async fn point(&self, label: &'static str) {
        {
            let mut state = self.lock();
            state.trace.word(label);
            state.counters.crash_points += u64::from(!state.calm);
        }
        Pause { control: self, passed: false }.await;
    }

    async fn die(&self) {
        self.lock().crash_asked = true;
        Pause { control: self, passed: false }.await;
        unreachable!("the executor drops a future that asked for it");
    }

    /// A call that changes nothing.
    pub(super) async fn read<T>(
        &self,
        label: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.point(label).await;
        let fate = self.lock().fate(false);
        match fate {
            Fate::Well => call.await,
            Fate::CrashBefore | Fate::CrashAfter => {
                self.die().await;
                call.await
            }
            Fate::Lost | Fate::Unknown => {
                self.lock().counters.failed_reads += 1;
                Err(unavailable(label))
            }
        }
    }

    /// A call that writes, whole or not at all.
    pub(super) async fn write<T>(
        &self,
        label: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.point(label).await;
        let fate = self.lock().fate(true);
        match fate {
            Fate::Lost => {
                self.lock().counters.lost_writes += 1;
                return Err(unavailable(label));
            }
            Fate::CrashBefore => self.die().await,
            Fate::Well | Fate::Unknown | Fate::CrashAfter => {}
        }
        let answer = call.await;
        self.lock().answered(label, &answer);
        if fate == Fate::CrashAfter {
            self.die().await;
        }
        self.point("answer").await;
        if fate == Fate::Unknown && answer.is_ok() {
            self.lock().counters.unknown_writes += 1;
            return Err(unavailable(label));
        }
        answer
    }

    /// A batch of a settlement, which may be refused for good.
    pub(super) async fn batch<T>(
        &self,
        label: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        {
            let mut state = self.lock();
            let often = state.faults.failed_batch;
            if state.dice.chance(often) {
                state.counters.failed_batches += 1;
                let detail = "refused by the seed";
                return Err(StoreError::new(StoreErrorKind::Corrupt, label, detail));
            }
        }
        self.write(label, call).await
    }

    /// Polls to the next crash point or to the end. `Err` if the process died meanwhile.
    pub(super) fn poll<T>(
        &self,
        future: Pin<&mut (dyn Future<Output = T> + Send)>,
    ) -> Result<Poll<T>, Died> {
        let mut future = future;
        loop {
            self.lock().at_point = false;
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let mut state = self.lock();
            if std::mem::take(&mut state.crash_asked) {
                return Err(Died);
            }
            if polled.is_ready() || state.at_point {
                return Ok(polled);
            }
            drop(state);
            std::thread::yield_now();
        }
    }
}

/// The process is gone: drop the future and all that it held.
#[derive(Debug)]
pub(super) struct Died;

impl State {
    fn fate(&mut self, writes: bool) -> Fate {
        self.calls += 1;
        if let Some(one) = self.one.filter(|_| !self.calm) {
            return if one.call == self.calls { one.fate } else { Fate::Well };
        }
        if self.calm {
            return Fate::Well;
        }
        let (dice, faults) = (&mut self.dice, &self.faults);
        if !writes {
            return if dice.chance(faults.failed_read) { Fate::Lost } else { Fate::Well };
        }
        if dice.chance(faults.lost_write) {
            Fate::Lost
        } else if dice.chance(faults.unknown_write) {
            // The answer does not reveal which of the two happened.
            if dice.chance(700) { Fate::Unknown } else { Fate::Lost }
        } else {
            Fate::Well
        }
    }

    fn answered<T>(&mut self, label: &'static str, answer: &Result<T, StoreError>) {
        match answer {
            Ok(_) => self.wrote = true,
            Err(error) => {
                self.trace.word(label);
                self.trace.word("refused");
                self.counters.conflicts += u64::from(error.kind() == StoreErrorKind::Conflict);
            }
        }
    }
}

/// Pending once. The executor polls again whether or not it was woken.
struct Pause<'a> {
    control: &'a Control,
    passed: bool,
}

impl Future for Pause<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if self.passed {
            return Poll::Ready(());
        }
        self.passed = true;
        self.control.lock().at_point = true;
        Poll::Pending
    }
}

fn unavailable(operation: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, operation, "failed by the seed")
}

/// The result of a future that meets no crash point.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
