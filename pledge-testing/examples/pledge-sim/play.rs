//! One seed, or many on several threads.

#![expect(clippy::disallowed_methods, reason = "a program may time itself; what it plays may not")]

use std::io::{Write, stderr, stdout};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pledge_storage_memory::MemoryStore;
use pledge_testing::Fixture;
use pledge_testing::sim::{Counters, Failure, Report, run};

const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Plays a seed; a panic is a failure like any other.
fn play(seed: u64, trace: bool) -> Result<Report, Box<Failure>> {
    let fixture = Fixture::new(Arc::new(MemoryStore::new()), ());
    let played = panic::catch_unwind(AssertUnwindSafe(|| run(seed, &fixture, trace)));
    played.unwrap_or_else(|_| {
        let reason = "it panicked, as printed above".to_owned();
        Err(Box::new(Failure { seed, reason, trace: None }))
    })
}

/// Plays one seed and prints what it met. Returns whether every law held.
pub(crate) fn one(seed: u64, trace: bool) -> bool {
    match play(seed, trace) {
        Ok(report) => {
            let lines = report.trace.unwrap_or_default();
            let (counters, hash) = (report.counters, report.trace_hash);
            print(&format!("{lines}\n{counters}seed {seed} holds, trace hash {hash:016x}"));
            true
        }
        Err(failure) => {
            let lines = failure.trace.as_deref().unwrap_or_default();
            print(&format!("{lines}\n{failure}"));
            false
        }
    }
}

/// Plays many seeds and prints the sum of what they met. Returns whether every law held, and every
/// counter is above zero.
pub(crate) fn many(from: u64, seeds: u64, threads: usize) -> bool {
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Counters::default()));
    let failed: Mutex<Option<Box<Failure>>> = Mutex::new(None);
    let began = Instant::now();
    let work = || {
        let mut own = Counters::default();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= seeds || failed.lock().expect("no holder panics").is_some() {
                break;
            }
            match play(from + nth, false) {
                Ok(report) => own.add(&report.counters),
                Err(failure) => first(&mut failed.lock().expect("no holder panics"), failure),
            }
        }
        sum.lock().expect("no holder panics").add(&own);
    };
    thread::scope(|scope| {
        let players: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut printed = Instant::now();
        while players.iter().any(|player| !player.is_finished()) {
            thread::sleep(Duration::from_millis(20));
            if printed.elapsed() >= PROGRESS_EVERY {
                printed = Instant::now();
                progress(next.load(Ordering::Relaxed).min(seeds), seeds);
            }
        }
    });
    let (sum, millis) = (sum.into_inner().expect("no holder panics"), began.elapsed().as_millis());
    let per_second = u128::from(sum.seeds) * 1_000 / millis.max(1);
    let per_core = per_second / u128::try_from(threads).expect("few");
    print(&format!("{sum}{per_second} seeds a second on {threads} threads, {per_core} on each"));
    match failed.into_inner().expect("no holder panics") {
        Some(failure) => {
            let seed = failure.seed;
            print(&format!(
                "FAILED {failure}\nagain: cargo run --release -p pledge-testing --example pledge-sim \
                 -- --seed {seed} --trace"
            ));
            false
        }
        None => reached_all(&sum, seeds),
    }
}

/// Keeps the lowest seed that failed.
fn first(failed: &mut Option<Box<Failure>>, failure: Box<Failure>) {
    if failed.as_ref().is_none_or(|known| failure.seed < known.seed) {
        *failed = Some(failure);
    }
}

/// What was never met was never tested: over many seeds that is a failure, too.
fn reached_all(sum: &Counters, seeds: u64) -> bool {
    const ENOUGH: u64 = 300;
    let never = sum.never();
    if never.is_empty() || seeds < ENOUGH {
        print(&format!("every law held over {seeds} seeds"));
        return true;
    }
    print(&format!("FAILED never reached: {}", never.join(", ")));
    false
}

fn progress(done: u64, seeds: u64) {
    let _ = write!(stderr(), "\r{done} of {seeds} seeds ");
}

pub(crate) fn print(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}
