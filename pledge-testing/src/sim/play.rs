//! One run: random events, tick by tick.

use std::sync::Arc;
use std::time::Duration;

use pledge_core::indexer::{ChainStatus, IndexerError, Poll};
use pledge_core::types::{BlockNumber, Timestamp};

use super::check::{Checker, Verdict, check_behind};
use super::control::{Control, Died, OneFate, now};
use super::dice::Dice;
use super::edges::Edges;
use super::event::Event;
use super::history::{Fork, History};
use super::instance::{Asked, Done, Instance, Surroundings, anybody};
use super::node::Node;
use super::operators::People;
use super::receiver::Inbox;
use super::sharing;
use super::store::{Pending, Store};
use super::swarm::Swarm;
use super::trace::Trace;
use super::wall_clock::WallClock;
use super::{Failure, Report};
use crate::{Fixture, ManualClock};

/// Ticks in a thousand that go to the questions.
const ASKS: u64 = 250;

#[derive(Debug)]
pub(super) struct Play<'a> {
    seed: u64,
    pub(super) fixture: &'a Fixture,
    pub(super) dice: Dice,
    pub(super) around: Surroundings,
    /// The processes that write, followed by the one that only answers questions.
    pub(super) instances: Vec<Instance>,
    pub(super) history: History,
    pub(super) people: People,
    pub(super) checker: Checker,
    edges: Edges,
    /// The highest head since each process began its last step of the indexer.
    highest: Vec<u64>,
    pub(super) clocks: Vec<WallClock>,
    tick: u64,
}

impl<'a> Play<'a> {
    pub(super) fn new(seed: u64, fixture: &'a Fixture, trace: bool) -> Self {
        let mut dice = Dice::new(seed);
        let mut swarm = Swarm::draw(&mut dice);
        swarm.draw_more(&mut Dice::new(seed ^ 0x01d));
        Self::with(seed, fixture, swarm, None, trace)
    }

    pub(super) fn with(
        seed: u64,
        fixture: &'a Fixture,
        swarm: Swarm,
        one: Option<OneFate>,
        trace: bool,
    ) -> Self {
        let mut dice = Dice::new(seed ^ 0x5eed);
        let calls = Dice::new(dice.throw());
        let control = Arc::new(Control::new(calls, swarm.faults, one, Trace::new(trace)));
        let history = History::new(swarm.indexer.finality, swarm.weather.overdraft);
        let node = || Arc::new(Node::new(history.chain.clone(), control.clone()));
        let around = Surroundings {
            nodes: (0..swarm.instances).map(|_| node()).collect(),
            store: Arc::new(Store::over(fixture, control.clone())),
            inbox: Arc::new(Inbox::new(control.clone())),
            clock: Arc::new(ManualClock::default()),
            swarm,
            control,
        };
        let mut people = People::default();
        people.set_up(fixture, &swarm);
        let shared = Arc::new(Pending::new(around.control.clone()));
        let instances = (0..=swarm.instances).map(|at| {
            let own = || Arc::new(Pending::new(around.control.clone()));
            let pending = if swarm.shared_pending { shared.clone() } else { own() };
            Instance::start(&around, at, pending)
        });
        let instances = instances.collect();
        let checker = Checker::new(&swarm);
        let edges = Edges::new(seed, fixture, &history.chain);
        let highest = vec![0; swarm.instances];
        let clocks = vec![WallClock::default(); swarm.instances];
        let tick = 0;
        Self {
            seed,
            fixture,
            dice,
            around,
            instances,
            history,
            people,
            checker,
            edges,
            highest,
            clocks,
            tick,
        }
    }

    pub(super) fn run(mut self) -> Result<Report, Box<Failure>> {
        let outcome = self.storm().and_then(|()| self.calm());
        let shared = |()| sharing::play(self.seed, &mut self.around.control.lock().counters);
        let outcome = outcome.and_then(shared);
        let mut state = self.around.control.lock();
        let (seed, trace) = (self.seed, state.trace.lines().map(str::to_owned));
        match outcome {
            Err(reason) => Err(Box::new(Failure { seed, reason, trace })),
            Ok(()) => {
                state.counters.seeds = 1;
                state.counters.ticks = self.tick;
                let (trace_hash, counters) = (state.trace.hash(), state.counters.clone());
                Ok(Report { seed, trace_hash, counters, trace })
            }
        }
    }

    fn storm(&mut self) -> Verdict {
        for _ in 0..self.around.swarm.ticks {
            self.tick += 1;
            if self.dice.chance(self.around.swarm.faults.world) {
                self.world();
            } else if self.dice.chance(ASKS) {
                self.ask()?;
            } else {
                self.work()?;
            }
            self.check()?;
            self.find_edges()?;
        }
        Ok(())
    }

    /// The finder goes on. A header may show a time that is not its block's: then nothing is known of edges.
    fn find_edges(&mut self) -> Verdict {
        let found = self.edges.go_on();
        if self.around.swarm.faults.late_time > 0 {
            return Ok(());
        }
        self.edges.check(self.fixture, &self.history, found)
    }

    pub(super) fn line(&mut self, what: &str) {
        self.around.control.lock().trace.line(self.tick, what);
    }

    /// Checks the invariants if anything was written.
    pub(super) fn check(&mut self) -> Verdict {
        let (broken, added) = {
            let mut state = self.around.control.lock();
            (state.broken.take(), std::mem::take(&mut state.added_behind))
        };
        broken.map_or(Ok(()), Err)?;
        if !self.around.swarm.weather.mixes_branches() {
            check_behind(&self.history, &added)?;
        }
        if !std::mem::take(&mut self.around.control.lock().wrote) {
            return Ok(());
        }
        let Self { fixture, history, people, checker, around, highest, .. } = self;
        checker.head = highest.iter().copied().max().unwrap_or_default();
        checker.after_write(fixture, history, people, &around.control)
    }

    /// Plays one event outside of the processes.
    fn world(&mut self) {
        let event = Event::draw(&mut self.dice, &self.around.swarm.weather);
        self.line(&format!("{event:?}"));
        if !matches!(event, Event::People | Event::Clock) {
            let inside = self.instances.iter().any(Instance::is_indexing);
            self.around.control.lock().counters.moves_inside += u64::from(inside);
        }
        self.happen(event);
        let height = self.highest_shown();
        self.highest.iter_mut().for_each(|highest| *highest = height.max(*highest));
        let head = self.history.chain.head();
        let mut state = self.around.control.lock();
        state.trace.number("head", head.number.get());
        state.trace.bytes(head.hash.as_slice());
    }

    /// The highest head that a node may show: one whose view has stopped may be above the chain.
    fn highest_shown(&self) -> u64 {
        let shown = self.around.nodes.iter().map(|node| node.height());
        shown.max().unwrap_or_default().max(self.history.height())
    }

    fn happen(&mut self, event: Event) {
        let Self { dice, history, around, people, fixture, .. } = self;
        match event {
            Event::Mine => {
                let blocks = dice.pick(&[(6, 1), (2, 2), (1, 5)]);
                history.mine(dice, blocks);
                around.control.lock().counters.blocks += blocks;
            }
            Event::Fork => {
                let depth = dice.between(1, 10);
                let fork = Fork { depth, blocks: (depth + dice.below(4)).saturating_sub(1) };
                self.fork(fork);
            }
            Event::DeepFork => self.fork_deep(),
            Event::Shrink => {
                let depth = dice.between(1, 8);
                let fork = Fork { depth, blocks: dice.below(depth) };
                self.fork(fork);
            }
            Event::Undo => self.undo_fault(),
            Event::Retime => {
                let depth = dice.between(1, 10).min(history.height());
                history.retime(dice, depth);
                let counters = &mut around.control.lock().counters;
                counters.retimed += u64::from(depth > 0);
                counters.deepest_fork = counters.deepest_fork.max(depth);
            }
            Event::Rebirth => {
                if let Some(depth) = history.rebirth(dice) {
                    let counters = &mut around.control.lock().counters;
                    counters.rebirths += 1;
                    counters.deepest_fork = counters.deepest_fork.max(depth);
                }
            }
            Event::ShowHead => {
                let behind = dice.below(10);
                let shown = history.height().saturating_sub(behind);
                history.chain.show_head((behind > 0).then_some(shown));
            }
            Event::Finality => {
                history.finalize(dice.below(8));
                around.control.lock().counters.finality_moves += 1;
            }
            Event::People => {
                people.act(fixture, &around.control, &around.swarm, dice);
                // A resume during a poll overrides its report: the next poll reports again.
                self.clocks.iter_mut().for_each(WallClock::forget_failures);
            }
            Event::Clock => {
                around.clock.advance(Duration::from_secs(dice.below(100)));
                let choices = [(6, 0), (3, -500), (3, 500), (1, -100_000), (1, 1_000_000)];
                let at = usize::try_from(dice.below(2)).expect("few") % self.clocks.len();
                self.clocks[at].set_ahead(dice.pick(&choices));
                around.control.lock().counters.clock_jumps += 1;
            }
            Event::Cut => around.pick_node(dice).cut(),
            Event::Torn => self.tear(),
            Event::Old => {
                let branch = history.old_branch(dice);
                around.pick_node(dice).toggle_old(branch);
            }
            Event::View => {
                let stopped = around.pick_node(dice).toggle_view();
                around.control.lock().counters.views += u64::from(stopped);
            }
        }
    }

    /// Replaces the block in which a token sends more than is held.
    fn undo_fault(&mut self) {
        let fault = self.history.head().fault.map(BlockNumber::get);
        if let Some(depth) = fault.map(|fault| self.history.height() + 1 - fault) {
            let blocks = depth + self.dice.below(4);
            self.fork(Fork { depth, blocks });
            self.around.control.lock().counters.undone_faults += 1;
        }
    }

    /// The chain leaves a branch on which one machine behind a node stays; or that one catches up.
    fn tear(&mut self) {
        if !self.around.pick_node(&mut self.dice).mend() {
            self.fork_deep();
            let left = self.history.left_branch();
            self.around.pick_node(&mut self.dice).tear(left);
        }
    }

    fn fork_deep(&mut self) {
        let depth = self.around.swarm.indexer.retained_headers + self.dice.below(12);
        self.fork(Fork { depth, blocks: depth + 1 });
    }

    fn fork(&mut self, fork: Fork) {
        let depth = fork.depth.min(self.history.height());
        self.history.fork(&mut self.dice, fork);
        let counters = &mut self.around.control.lock().counters;
        counters.forks += 1;
        counters.blocks += fork.blocks;
        counters.short_forks += u64::from(fork.blocks <= depth);
        counters.deepest_fork = counters.deepest_fork.max(depth);
    }

    /// One process continues to its next crash point, or dies at this one.
    fn work(&mut self) -> Verdict {
        let count = u64::try_from(self.around.swarm.instances).expect("few");
        let at = usize::try_from(self.dice.below(count)).expect("few");
        self.line(["a", "b"][at]);
        if self.instances[at].is_idle() {
            self.begin(at);
        } else if self.dice.chance(self.around.swarm.faults.crash) {
            self.crash(at);
            return Ok(());
        }
        self.go_on(at)
    }

    /// A question is always under way, so that writers move between any two of its reads.
    fn ask(&mut self) -> Verdict {
        let last = self.around.swarm.instances;
        self.line("asker");
        if self.instances[last].is_idle() {
            let Self { dice, checker, history, instances, people, .. } = self;
            let since = checker.cursors.len();
            let newest = history.chain.head().time.get();
            let first = crate::world::THREE_PM - 10;
            let within = dice.between(first, newest + 10);
            let at = dice.chance(300).then(|| Timestamp::new(within).expect("in range"));
            let rules = people.rules.len();
            instances[last].ask(Asked { account: anybody(dice), at, since, rules });
        }
        self.go_on(last)
    }

    /// The process dies, and another one starts over the same store.
    pub(super) fn crash(&mut self, at: usize) {
        self.instances[at].start_again(&self.around);
        if let Some(clock) = self.clocks.get_mut(at) {
            clock.forget_failures();
        }
        let mut state = self.around.control.lock();
        state.counters.crashes += 1;
        state.trace.word("crashes");
    }

    fn begin(&mut self, at: usize) {
        let work = self.dice.below(18);
        let Self { dice, around, instances, .. } = self;
        let instance = &mut instances[at];
        around.control.lock().trace.number("begins", work);
        match work {
            0..11 => self.index(at),
            11..15 => {
                let deadline = dice.chance(300).then(|| {
                    let elapsed = pledge_core::stop::Clock::elapsed(&*around.clock);
                    elapsed + Duration::from_secs(dice.below(30))
                });
                instance.settle(&around.clock, deadline);
            }
            _ => instance.deliver(),
        }
    }

    /// Begins a step of an indexer.
    pub(super) fn index(&mut self, at: usize) {
        self.highest[at] = self.highest_shown();
        let newest = self.history.chain.head().time.get();
        let now = self.clocks[at].begin_poll(newest);
        self.instances[at].index(now);
    }

    /// Continues the work, and records its result.
    pub(super) fn go_on(&mut self, at: usize) -> Verdict {
        match self.instances[at].go_on(&self.around.control) {
            Err(Died) => {
                self.crash(at);
                Ok(())
            }
            Ok(None) => Ok(()),
            Ok(Some(done)) => self.done(at, done).map(|_| ()),
        }
    }

    /// Records the result of a piece of work; returns whether there was nothing to do.
    pub(super) fn done(&mut self, at: usize, done: Done) -> Result<bool, String> {
        // What was written before the answer may be part of it.
        self.check()?;
        let mut state = self.around.control.lock();
        state.counters.steps += 1;
        let rested = match done {
            Done::Indexed(indexer, poll) => {
                self.instances[at].take_back(indexer);
                state.trace.remark(|| format!("{poll:?}"));
                let has_stalled = self.clocks[at].has_stalled(&poll);
                state.counters.standstills += u64::from(has_stalled);
                let is_alone = self.clocks.len() == 1 && state.faults.is_store_well();
                if has_stalled && is_alone {
                    is_reported(self.fixture, &poll)?;
                }
                let (word, rested) = match &poll {
                    Poll::Advanced(_) => ("advanced", false),
                    Poll::Idle => ("idle", true),
                    Poll::Retry(IndexerError::Stranded(_)) => {
                        state.counters.set_aside += 1;
                        ("set aside", true)
                    }
                    Poll::Retry(_) => ("retry", false),
                    Poll::Stopped(_) => ("stopped", true),
                    Poll::Rewound(record) => {
                        state.counters.rewinds += 1;
                        let depth = |token: &pledge_core::event::RewoundToken| {
                            token.from.number.above(record.to.number).unwrap_or_default()
                        };
                        let deepest = record.tokens.iter().map(depth).max().unwrap_or_default();
                        state.counters.deepest_rewind = state.counters.deepest_rewind.max(deepest);
                        ("rewound", false)
                    }
                };
                state.trace.word(word);
                rested
            }
            Done::Settled(settled) => {
                state.trace.word(if settled.is_ok() { "settled" } else { "not settled" });
                state.trace.remark(|| format!("{settled:?}"));
                let report = settled.unwrap_or_default();
                state.counters.batches += report.batches;
                state.counters.stopped += u64::from(report.stopped);
                report.batches == 0
            }
            Done::Delivered(drained) => {
                state.trace.word(if drained.is_ok() { "delivered" } else { "not delivered" });
                state.trace.remark(|| format!("{drained:?}"));
                drained.is_ok()
            }
            Done::Answered(asked, answer) => {
                state.trace.word(if answer.is_ok() { "answered" } else { "no answer" });
                state.counters.answers += u64::from(answer.is_ok());
                drop(state);
                if let Ok(view) = &*answer {
                    self.checker.answer(&self.history, &self.people, &asked, view)?;
                }
                true
            }
        };
        Ok(rested)
    }
}

/// Asserts that a chain without progress for a minute is reported.
fn is_reported(fixture: &Fixture, poll: &Poll) -> Verdict {
    let chains = now(fixture.balances.chains()).expect("read");
    match &chains.first().expect("registered").status {
        ChainStatus::Degraded(_) => Ok(()),
        stopped if stopped.needs_operator() => Ok(()),
        other => Err(format!("the chain is {other} and does not move: {poll:?}")),
    }
}
