//! Live readers of two real servers over one database and one real Redis, through reorgs, stops, kills and a
//! Redis that forgets, by seed: each ends with the state of a fresh reader, has missed no event and shows none
//! twice.
//!
//! `PLEDGE_SEED` replays the acts of one seed; `PLEDGE_LIVE_SEEDS` runs as many.

#![expect(clippy::print_stdout, reason = "the seed and the counts are the result of a run")]

mod act;
mod check;
mod reader;
mod stage;

use std::collections::BTreeMap;
use std::time::Instant;

use stage::{Over, Stage};

/// Acts of one seed.
const STEPS: u32 = 25;
/// One seed in this number is over MariaDB, where the instances divide the work by leases.
const MARIADB_EVERY: u64 = 10;

#[derive(Debug, Default)]
struct Tally {
    seeds: u64,
    over_mariadb: u64,
    events: u64,
    repeated: u64,
    connections: u64,
    reorgs: u32,
    terminated: u32,
    killed: u32,
    redis: u32,
    cuts: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, stage: &Stage, over: Over) {
        self.seeds += 1;
        self.over_mariadb += u64::from(over == Over::MariaDb);
        self.reorgs += stage.happened.reorgs;
        self.terminated += stage.happened.terminated;
        self.killed += stage.happened.killed;
        self.redis += stage.happened.redis;
        for reader in &stage.readers {
            let record = reader.record();
            self.events += record.shown.len() as u64;
            self.repeated += record.repeated;
            self.connections += record.connections;
            for (code, count) in &record.cuts {
                *self.cuts.entry(code.clone()).or_default() += count;
            }
        }
    }
}

/// Plays a seed to its end and checks what its readers have.
fn play(seed: u64, over: Over, tally: &mut Tally) {
    println!("PLEDGE_SEED={seed} over {over:?}");
    let mut stage = Stage::new(seed, over);
    for _ in 0..STEPS {
        stage.step();
    }
    stage.calm_down();
    stage.check();
    tally.add(&stage, over);
}

/// The database of a seed, so that a replay has the same one.
const fn over(seed: u64) -> Over {
    if seed.is_multiple_of(MARIADB_EVERY) { Over::MariaDb } else { Over::Sqlite }
}

#[test]
fn through_reorgs_stops_kills_and_a_redis_that_forgets_no_reader_misses_an_event_or_shows_one_twice()
 {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match (number("PLEDGE_SEED"), number("PLEDGE_LIVE_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(seeds)) => (0..seeds).map(|_| fastrand::u64(..)).collect(),
        // One over each database.
        (None, None) => {
            let seed = fastrand::u64(..u64::MAX / MARIADB_EVERY) * MARIADB_EVERY;
            vec![seed, seed + 1]
        }
    };
    let (begun, mut tally) = (Instant::now(), Tally::default());
    for seed in seeds {
        play(seed, over(seed), &mut tally);
    }
    println!("{tally:?} in {:.1?}", begun.elapsed());
}
