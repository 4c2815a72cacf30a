//! The pure parts: fold, accrue, settle. README.md defines an element.

#![allow(missing_docs, reason = "the macros of criterion generate public items")]

use std::cell::Cell;
use std::hint::black_box;
use std::mem;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pledge_benches::{account, at, mints, programme, time_of, transfers};
use pledge_core::ledger::{AccountStates, Checkpoint, TokenTotals, Transfer, fold};
use pledge_core::points::{AccountEntry, AccountRule, Programme, Rules, Ruling, settle};
use pledge_core::ports::{AccountHistory, ProgrammeState};
use pledge_core::types::{
    Account, EntryNumber, Epoch, Overflow, RateSchedule, Step, WeightBp, Window,
};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// A window edge after every mint.
const SETTLED: u64 = 10_000 * HOUR;
/// Transfers in a batch to fold, as in a slice of blocks: each makes two changes.
const BATCH: u64 = 5_000;

fn holders(accounts: u64) -> (AccountStates, TokenTotals) {
    let mut states = AccountStates::default();
    let folded = fold(TokenTotals::default(), &mut states, &mints(0..accounts), time_of);
    (states, folded.expect("mints fold").totals)
}

fn bench_fold(c: &mut Criterion) {
    let mut group = c.benchmark_group("fold");
    group.sample_size(20).throughput(Throughput::Elements(2 * BATCH));
    for (accounts, name) in [(1_000, "1,000 accounts"), (1_000_000, "1,000,000 accounts")] {
        let (mut states, totals) = holders(accounts);
        // Each batch touches other accounts than the one before.
        let next = Cell::new(accounts);
        let batch = || transfers(accounts, BATCH, next.replace(next.get() + BATCH));
        group.bench_function(format!("changes of {name}"), |b| {
            let fold = |batch: &mut Vec<_>| {
                fold(totals, &mut states, batch, time_of).expect("nobody is overdrawn")
            };
            b.iter_batched_ref(batch, fold, BatchSize::PerIteration);
        });
        group.bench_function(format!("baseline of {name}: states moved, nothing computed"), |b| {
            let shift = |batch: &mut Vec<_>| move_states(&mut states, batch);
            b.iter_batched_ref(batch, shift, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// What no fold can do without: each side's state is looked up, read and written.
fn move_states(states: &mut AccountStates, batch: &[Transfer]) {
    let mut carried = None;
    for side in batch.iter().flat_map(|transfer| [transfer.from, transfer.to]) {
        let account = Account::new(side).expect("no mints and burns here");
        let state = states.get_mut(&account).expect("all of them hold");
        carried = Some(mem::replace(state, carried.unwrap_or(*state)));
    }
    black_box(carried);
}

/// One rate for ever, and one that changes in the middle of a window each six hours of the day.
fn rules() -> [(&'static str, Programme); 2] {
    let step = |n: u64, rate: &str| Step {
        from: at(SETTLED + n * 6 * HOUR + HOUR / 2),
        value: rate.parse().expect("a rate"),
    };
    let steps = vec![step(0, "0.1"), step(1, "0.2"), step(2, "0"), step(3, "0.05")];
    let rates = RateSchedule::new("0.05".parse().expect("a rate"), steps).expect("ascending");
    let stepped = Programme { rates, ..programme() };
    [("at one rate", programme()), ("with 4 rate changes a day", stepped)]
}

fn bench_accrue(c: &mut Criterion) {
    let (states, _) = holders(1_000);
    let states: Vec<_> = states.into_values().collect();
    let starts = (0..24).map(|hour| SETTLED + hour * HOUR);
    let windows: Vec<_> =
        starts.map(|start| Window { start: at(start), end: at(start + HOUR) }).collect();
    let mut group = c.benchmark_group("accrue");
    group.throughput(Throughput::Elements((states.len() * windows.len()) as u64));
    let rule = AccountRule::default();
    for (name, programme) in rules() {
        group.bench_function(format!("account-windows {name}"), |b| {
            b.iter(|| {
                for state in black_box(&states) {
                    for window in &windows {
                        let state_at = |_| Ok::<_, Overflow>(Some(*state));
                        let accrual = programme.accrual(&rule);
                        black_box(accrual.accrue(window.start, window.end, state_at)).ok();
                    }
                }
            });
        });
    }
    group.finish();
}

fn bench_settle(c: &mut Criterion) {
    const ACCOUNTS: u64 = 100_000;
    let (states, _) = holders(ACCOUNTS);
    let histories = |changes| -> Vec<_> {
        (0..ACCOUNTS).map(account).map(|a| history(a, states[&a], changes)).collect()
    };
    let [(_, constant), (_, stepped)] = rules();
    let mut group = c.benchmark_group("settle");
    group.sample_size(20).throughput(Throughput::Elements(24 * ACCOUNTS));
    let (plain, weighted) = (Rules::default(), tenth_weighted(&constant, ACCOUNTS));
    for (name, programme, rules, histories) in [
        ("with balances that stand still", &constant, &plain, histories(0)),
        ("with 4 changes a day each", &constant, &plain, histories(4)),
        ("with 4 changes a day each, a tenth of them weighted", &constant, &weighted, histories(4)),
        ("with 4 changes a day each, 4 rate changes", &stepped, &plain, histories(4)),
    ] {
        let day = Window { start: at(SETTLED), end: at(SETTLED + DAY) };
        group.bench_function(format!("account-windows of a day {name}"), |b| {
            b.iter(|| settle(programme, Epoch::FIRST, day, rules, black_box(&histories)));
        });
    }
    group.finish();
}

/// One account in ten has a weight of its own from the middle of the day on.
fn tenth_weighted(programme: &Programme, accounts: u64) -> Rules {
    let state = ProgrammeState::undecided(programme.clone(), Epoch::FIRST, Vec::new());
    let (weight, until) = (WeightBp::new(15_000).expect("below 2^24"), None);
    let entry = |account| AccountEntry {
        account,
        number: EntryNumber::new(1),
        from: at(SETTLED + DAY / 2),
        ruling: Ruling::Weight { weight, until },
    };
    let entries = (0..accounts).step_by(10).map(account).map(entry);
    Rules::of(&state, entries).expect("small weights")
}

/// An account that held before the day, with changes spread over the day.
fn history(account: Account, state: Checkpoint, changes: u64) -> AccountHistory {
    let later = |n: u64| Checkpoint { time: at(SETTLED + n * 20_000), ..state };
    AccountHistory { account, opening: Some(state), changes: (0..changes).map(later).collect() }
}

criterion_group!(benches, bench_fold, bench_accrue, bench_settle);
criterion_main!(benches);
