//! The pure parts: fold, settle, accrue. Throughput is changes, or account-windows, a second.

#![allow(missing_docs, reason = "the macros of criterion generate public items")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pledge_benches::{START, TOKEN, mints, time_of, transfers};
use pledge_core::ledger::{AccountStates, Checkpoint, TokenTotals, fold};
use pledge_core::points::{Programme, accrue, settle};
use pledge_core::ports::AccountHistory;
use pledge_core::types::{
    Account, ChainId, Epoch, Overflow, Rate, Timestamp, TokenId, WeightBp, WeightSchedule,
};

const ACCOUNTS: u64 = 1_000_000;

fn programme() -> Programme {
    let token = TokenId { chain: ChainId::new(1), address: TOKEN };
    Programme::main(token, "0.05".parse::<Rate>().expect("a rate"))
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(START + seconds).expect("a small number of seconds")
}

fn holders(accounts: u64) -> (AccountStates, TokenTotals) {
    let mut states = AccountStates::default();
    let folded = fold(TokenTotals::default(), &mut states, &mints(accounts), time_of);
    (states, folded.expect("mints fold").totals)
}

fn bench_fold(c: &mut Criterion) {
    let (mut states, totals) = holders(ACCOUNTS);
    let batch = transfers(ACCOUNTS, 50_000, ACCOUNTS);
    let mut group = c.benchmark_group("fold");
    group.sample_size(20).throughput(Throughput::Elements(2 * batch.len() as u64));
    group.bench_function("changes, 1,000,000 accounts", |b| {
        b.iter(|| fold(totals, &mut states, black_box(&batch), |_| at(1_000_000_000)));
    });
    group.finish();
}

fn bench_settle(c: &mut Criterion) {
    let (states, _) = holders(100_000);
    let quiet: Vec<_> =
        states.iter().map(|(account, state)| history(*account, *state, 0)).collect();
    let busy: Vec<_> = states.iter().map(|(account, state)| history(*account, *state, 4)).collect();
    let (programme, day) = (programme(), 24 * 3_600);
    let from = at(10_000_800);
    let to = at(10_000_800 + day);
    let mut group = c.benchmark_group("settle");
    group.sample_size(20).throughput(Throughput::Elements(24 * quiet.len() as u64));
    for (name, histories) in [("still balances", &quiet), ("4 changes a day each", &busy)] {
        group.bench_function(format!("account-windows of a day, {name}"), |b| {
            b.iter(|| settle(&programme, Epoch::FIRST, from, to, black_box(histories)));
        });
    }
    group.finish();
}

fn history(account: Account, state: Checkpoint, changes: u64) -> AccountHistory {
    let later = |n: u64| Checkpoint { time: at(10_000_800 + n * 20_000), ..state };
    AccountHistory { account, opening: Some(state), changes: (0..changes).map(later).collect() }
}

fn bench_accrue(c: &mut Criterion) {
    let (states, _) = holders(1_000);
    let states: Vec<_> = states.into_values().collect();
    let (programme, weights) = (programme(), WeightSchedule::constant(WeightBp::ONE));
    let mut group = c.benchmark_group("accrue");
    group.throughput(Throughput::Elements(states.len() as u64));
    group.bench_function("points of an account at an instant", |b| {
        let now = at(10_000_000);
        b.iter_batched(
            || &states,
            |states| {
                for state in states {
                    let state_at = |time| Ok::<_, Overflow>((time >= state.time).then_some(*state));
                    let from = Timestamp::ZERO;
                    black_box(accrue(&programme.rates, &weights, from, now, state_at)).ok();
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, bench_fold, bench_settle, bench_accrue);
criterion_main!(benches);
