//! The deterministic simulation: the real drivers over a store, under everything that may go wrong.
//!
//! A seed decides all of it: the forks of the chain and the answers of its node, which calls of the
//! store fail, which succeed and are reported as failed, at which crash points a process dies, what
//! operators do meanwhile, and in which order two processes take turns. There is no clock, no
//! thread and no other randomness: the same seed gives the same trace hash.
//!
//! Then the faults end. Within a bounded number of steps the store must hold what
//! [`oracle`](super::oracle) gives for the canonical chain. Invariants are checked after every
//! write.

mod acts;
mod check;
mod contracts;
mod control;
mod convergence;
mod counters;
mod crash_points;
mod dice;
mod edges;
mod event;
mod history;
mod instance;
mod node;
mod operators;
mod play;
mod receiver;
mod sharing;
mod store;
mod swarm;
mod trace;
mod wall_clock;

use std::fmt;

pub use control::Fate;
pub use counters::Counters;
pub use crash_points::{Survived, every_point_survives};

use super::Fixture;
use play::Play;

/// The result of a run that broke no law.
#[derive(Debug, Clone)]
pub struct Report {
    pub seed: u64,
    /// A hash over everything that happened, in order.
    pub trace_hash: u64,
    /// How often each fault and event occurred.
    pub counters: Counters,
    /// What happened, line by line, if it was requested.
    pub trace: Option<String>,
}

/// The result of a run that broke a law.
#[derive(Debug, Clone)]
pub struct Failure {
    pub seed: u64,
    /// Which law, and how.
    pub reason: String,
    /// What happened before, line by line, if it was requested.
    pub trace: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.reason)
    }
}

/// Plays one seed over a fresh store. `trace` keeps a line for everything that happens.
pub fn run(seed: u64, fixture: &Fixture, trace: bool) -> Result<Report, Box<Failure>> {
    Play::new(seed, fixture, trace).run()
}

/// Plays seeds in turn, each over a fresh store, and sums up their counters.
pub fn run_all(
    seeds: impl IntoIterator<Item = u64>,
    fixture: impl Fn() -> Fixture,
) -> Result<Counters, Box<Failure>> {
    let mut sum = Counters::default();
    for seed in seeds {
        sum.add(&run(seed, &fixture(), false)?.counters);
    }
    Ok(sum)
}
