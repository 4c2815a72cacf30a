//! The deterministic simulation: the real drivers over a store, under everything that may go wrong.
//!
//! A seed decides all of it: the forks of the chain and what its node answers, which calls of the store
//! fail, which happen and are answered as failed, at which crash points a process dies, what people do
//! meanwhile, and in which order two processes take turns. There is no clock, no thread and no other
//! randomness: the same seed gives the same trace hash.
//!
//! Then it becomes calm. What the store holds must be what [`oracle`](super::oracle) gives for the
//! canonical chain, within a bounded number of steps. Invariants are checked after every write.

mod check;
mod control;
mod convergence;
mod counters;
mod crash_points;
mod dice;
mod edges;
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

use std::fmt;

pub use control::Fate;
pub use counters::Counters;
pub use crash_points::{Survived, every_point_survives};

use super::Fixture;
use play::Play;

/// What a run was.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// A hash over everything that happened, in order.
    pub trace_hash: u64,
    /// What it met.
    pub counters: Counters,
    /// What happened, line by line, if that was asked for.
    pub trace: Option<String>,
}

/// A run that broke a law.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// Which law, and how.
    pub reason: String,
    /// What happened before, line by line, if that was asked for.
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

/// Plays seeds in turn, each over a fresh store, and sums up what they met.
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
