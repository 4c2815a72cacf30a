//! Properties of the engine over a store, on random histories. A failure prints its history.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;

use alloy_primitives::U512;
use pledge_core::error::StoreErrorKind;
use pledge_core::event::RewindCause;
use pledge_core::ports::{Rewind, Statement};
use pledge_core::stop::Stop;
use pledge_core::types::{Account, ProgrammeId, RawPoints, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::run;
use crate::Fixture;
use crate::digest::sum_of;
use crate::generators::{ACCOUNTS, Choice, Step, blocks, decided_blocks, steps};
use crate::oracle::points_by_decisions;
use crate::world::{CHAIN, World, account, at, token};

properties! {
    __engine_properties_properties of engine_properties:
    any_history_equals_the_oracle
    an_interrupted_settlement_equals_an_uninterrupted_one
    an_outage_equals_no_outage
    points_of_all_accounts_equal_rate_times_supply
    integrals_of_all_accounts_are_the_supplys_whatever_is_decided
    statements_name_the_newest_entry_before_the_end_of_their_window
    splitting_an_interval_changes_nothing
    reorgs_leave_what_a_clean_pass_gives
    statements_sum_to_the_total_and_only_grow
    a_rewind_is_the_exact_inverse_of_any_blocks
}

/// A future of a fresh store, one for each case.
pub type Fresh = Pin<Box<dyn Future<Output = Fixture>>>;

/// Runs a property over random input. A failing case is shrunk and printed with its seed, which
/// `PLEDGE_SEED` replays.
pub(crate) fn check<S: Strategy>(cases: u32, strategy: S, law: impl Fn(S::Value))
where
    S::Value: std::fmt::Debug,
{
    let seed = match std::env::var("PLEDGE_SEED") {
        Ok(text) => text.parse().expect("PLEDGE_SEED is a number that a failure printed"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    let rng_seed = RngSeed::Fixed(seed);
    let config = Config { cases, rng_seed, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |input| {
        law(input);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\nreplay with PLEDGE_SEED={seed}");
    }
}

/// Plays one step. Between steps the engine may be in any state.
pub(super) async fn play(world: &mut World, step: &Step) {
    match step {
        Step::Mine(later, moves) => world.mine_moves(*later, moves),
        Step::Fork(depth) => world.fork(*depth),
        Step::Index => world.index().await,
        Step::Settle(batches) => settle_some(world, *batches).await,
        Step::Decide(choice) => decide(world, choice).await,
    }
}

/// Has a person decide. A refusal must leave every byte as it was.
async fn decide(world: &mut World, choice: &Choice) {
    let before = world.digest().await;
    let decision = world.decision(choice);
    match world.decide(decision.clone()).await {
        Ok(_) | Err(StoreErrorKind::Conflict) => {}
        Err(kind) => panic!("{decision:?} is {kind:?}"),
    }
    assert_eq!(world.digest().await, before, "a decision changes nothing that is settled");
}

/// A world in which all of a history is confirmed and settled, from 15:00 on.
async fn settled(fixture: Fixture, steps: &[Step]) -> World {
    let mut world = World::new(fixture).await;
    world.mine(0, &[]);
    for step in steps {
        play(&mut world, step).await;
    }
    world.confirm(2_000_000);
    world.run().await;
    world
}

/// Stops the settler after some batches, as a signal would.
async fn settle_some(world: &World, batches: u64) {
    let stop = Stop::never();
    if batches == 0 {
        stop.request();
    }
    let progress = |report: &pledge_core::points::SettleReport| {
        if report.batches >= batches {
            stop.request();
        }
    };
    let report = world.settler.run(token(), &stop, progress).await;
    report.expect("a calm store settles");
}

/// Law 1: whatever happened on the way, the state is that of one clean pass.
fn any_history_equals_the_oracle(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, steps(60), |steps| {
        run(async {
            let mut world = World::new(fresh().await).await;
            for step in &steps {
                play(&mut world, step).await;
            }
            world.run().await;
            assert_eq!(world.digest().await, world.oracle());
        });
    });
}

/// Law 3: stopping after every batch changes no byte.
fn an_interrupted_settlement_equals_an_uninterrupted_one(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, (decided_blocks(40), 1_u64..4), |(steps, batches)| {
        run(async {
            let mut worlds = [World::new(fresh().await).await, World::new(fresh().await).await];
            for world in &mut worlds {
                for step in &steps {
                    play(world, step).await;
                }
                world.index().await;
            }
            let [straight, interrupted] = &worlds;
            straight.settle().await.expect("settles");
            for _ in 0..10_000 {
                settle_some(interrupted, batches).await;
                if interrupted.settle_done().await {
                    break;
                }
            }
            assert_eq!(interrupted.digest().await, straight.digest().await);
        });
    });
}

/// Settling after every block gives what settling once at the end gives.
fn an_outage_equals_no_outage(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, decided_blocks(40), |steps| {
        run(async {
            let mut on_time = World::new(fresh().await).await;
            let mut late = World::new(fresh().await).await;
            for step in &steps {
                play(&mut on_time, step).await;
                play(&mut late, step).await;
                on_time.run().await;
            }
            late.run().await;
            assert_eq!(late.digest().await, on_time.digest().await);
        });
    });
}

/// Law 4: over any interval, the points of all accounts are the rate times the supply's integral.
fn points_of_all_accounts_equal_rate_times_supply(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, (blocks(40), 0_u64..50_000, 0_u64..50_000), |(steps, a, b)| {
        run(async {
            let world = settled(fresh().await, &steps).await;
            let (from, to) = (at(a.min(b)), at(a.max(b)));
            let mut sum = RawPoints::ZERO;
            for number in 1..=ACCOUNTS {
                sum = sum.try_add(earned(&world, number, &[from, to]).await[0]).expect("fits");
            }
            assert_eq!(sum, supply_points(&world, from, to));
        });
    });
}

/// Law 4, whatever people decide: over any interval, the balance-seconds of all accounts, of those that
/// earn nothing too, are the integral of the supply.
fn integrals_of_all_accounts_are_the_supplys_whatever_is_decided(
    cases: u32,
    fresh: impl Fn() -> Fresh,
) {
    check(cases, (decided_blocks(40), 0_u64..50_000, 0_u64..50_000), |(steps, a, b)| {
        run(async {
            let world = settled(fresh().await, &steps).await;
            let (from, to) = (at(a.min(b)), at(a.max(b)));
            let mut sum = U512::ZERO;
            for number in 1..=ACCOUNTS {
                let integral_at = async |time| {
                    let view = world.queries.account(token(), account(number), None, Some(time));
                    U512::from(view.await.expect("confirmed").balance_seconds.get())
                };
                sum += integral_at(to).await - integral_at(from).await;
            }
            let unit = U512::from(world.programme().rates.at(from).e18()) * U512::from(10_000);
            assert_eq!(sum * unit, supply_points(&world, from, to).get());
        });
    });
}

/// P10: a statement names the newest of the account's entries that hold from before its window's end on.
fn statements_name_the_newest_entry_before_the_end_of_their_window(
    cases: u32,
    fresh: impl Fn() -> Fresh,
) {
    check(cases, steps(40), |steps| {
        run(async {
            let mut world = World::new(fresh().await).await;
            for step in &steps {
                play(&mut world, step).await;
            }
            world.run().await;
            let id = ProgrammeId::main(token());
            for account in (1..=ACCOUNTS).map(account) {
                let entries = world.fixture.points.entries(&id, &[account]).await.expect("read");
                for row in listed(&world, account, 100).await {
                    let before = entries.iter().filter(|entry| entry.from < row.window.end);
                    let newest = before.map(|entry| entry.number).max().unwrap_or_default();
                    assert_eq!(row.entry, newest, "{row:?} of {entries:?}");
                }
            }
        });
    });
}

/// Law 3: however an interval is cut, the parts sum to the whole, and a second algorithm agrees.
fn splitting_an_interval_changes_nothing(cases: u32, fresh: impl Fn() -> Fresh) {
    let cuts = proptest::collection::vec(0_u64..60_000, 2..9);
    check(cases, (decided_blocks(40), cuts), |(steps, mut cuts)| {
        run(async {
            let world = settled(fresh().await, &steps).await;
            cuts.sort_unstable();
            let cuts: Vec<_> = cuts.into_iter().map(at).collect();
            let (first, last) = (cuts[0], *cuts.last().expect("at least two"));
            let programme = world.programme().clone();
            let transfers = world.chain.transfers();
            for number in 1..=ACCOUNTS {
                let parts = earned(&world, number, &cuts).await;
                let sum = parts.iter().try_fold(RawPoints::ZERO, |sum, raw| sum.try_add(*raw));
                let whole = earned(&world, number, &[first, last]).await;
                assert_eq!(sum.expect("fits"), whole[0]);
                let over = (first, last);
                let taken = world.taken();
                let account = account(number);
                let naive = points_by_decisions(&programme, &transfers, taken, account, over);
                assert_eq!(whole[0], naive);
            }
        });
    });
}

/// Two branches in turn, and back again: only the last counts.
fn reorgs_leave_what_a_clean_pass_gives(cases: u32, fresh: impl Fn() -> Fresh) {
    let parts = (decided_blocks(25), 1_u64..18, blocks(25), 1_u64..18, blocks(25));
    check(cases, parts, |(first, one, second, two, third)| {
        run(async {
            let mut world = World::new(fresh().await).await;
            for (depth, steps) in [(0, first), (one, second), (two, third)] {
                if depth > 0 {
                    world.fork(depth);
                }
                for step in &steps {
                    play(&mut world, step).await;
                }
                world.run().await;
                assert_eq!(world.digest().await, world.oracle());
            }
        });
    });
}

/// Law 8: through any reorgs, what is listed for an account sums to its total, in pages of every
/// size, and what was listed once stays as it was.
fn statements_sum_to_the_total_and_only_grow(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, (steps(40), 1_usize..6), |(steps, limit)| {
        run(async {
            let mut world = World::new(fresh().await).await;
            let mut published: Vec<_> = (1..=ACCOUNTS).map(|_| Vec::new()).collect();
            for step in &steps {
                play(&mut world, step).await;
                if matches!(step, Step::Mine(..)) {
                    continue;
                }
                for (number, published) in (1..).zip(&mut published) {
                    let listed = listed(&world, account(number), limit).await;
                    assert!(listed.starts_with(published), "{listed:?} was {published:?}");
                    let id = ProgrammeId::main(token());
                    let totals = world.fixture.points.totals(&id, &[account(number)]).await;
                    let total = totals.expect("read").value[0].map(|standing| standing.raw);
                    assert_eq!(sum_of(&listed), Ok(total.unwrap_or_default()), "{listed:?}");
                    *published = listed;
                }
            }
        });
    });
}

/// An account's statements, in pages of some size.
async fn listed(world: &World, account: Account, limit: usize) -> Vec<Statement> {
    let id = ProgrammeId::main(token());
    let mut listed: Vec<Statement> = Vec::new();
    loop {
        let after = listed.last().map(Statement::place);
        let page = world.queries.statements(&id, account, after, limit).await.expect("read");
        assert!(page.len() <= limit);
        let full = page.len() == limit;
        listed.extend(page);
        if !full {
            return listed;
        }
    }
}

/// Going back from anywhere gives every byte of what was there.
fn a_rewind_is_the_exact_inverse_of_any_blocks(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, (decided_blocks(25), blocks(25)), |(below, above)| {
        run(async {
            let mut world = World::new(fresh().await).await;
            for step in &below {
                play(&mut world, step).await;
            }
            world.confirm_later(100);
            world.run().await;
            let before = world.digest().await;
            let to = world.cursor().await.expect("something is confirmed");
            for step in &above {
                play(&mut world, step).await;
            }
            world.confirm_later(10_000);
            world.run().await;
            let from = world.cursor().await.expect("something is confirmed").id();
            let rewind = Rewind {
                chain: CHAIN,
                to,
                tokens: vec![(token(), from)],
                contracts: Vec::new(),
                cause: RewindCause::Reorg,
            };
            world.fixture.balances.rewind(&rewind).await.expect("the ancestor is held");
            assert_eq!(world.digest().await, before);
        });
    });
}

/// What account `number` earned between the edges.
async fn earned(world: &World, number: u64, edges: &[Timestamp]) -> Vec<RawPoints> {
    let id = ProgrammeId::main(token());
    let buckets = world.queries.points_between(&id, account(number), edges).await;
    buckets.expect("the edges are confirmed").into_iter().map(|bucket| bucket.raw).collect()
}

/// Rate times the integral of the supply.
fn supply_points(world: &World, from: Timestamp, to: Timestamp) -> RawPoints {
    use alloy_primitives::U256;
    let mut supply = U256::ZERO;
    let mut since = from;
    let mut area = RawPoints::ZERO;
    let rate = U256::from(world.programme().rates.at(from).e18()) * U256::from(10_000);
    let mut grow = |supply: U256, since: Timestamp, until: Timestamp| {
        let seconds = until.get().saturating_sub(since.get());
        let raw = RawPoints::of_constant(
            pledge_core::types::Amount::new(supply),
            rate * U256::from(seconds),
        );
        area = area.try_add(raw).expect("fits");
    };
    for (block, transfer) in world.chain.transfers() {
        let time = block.time.clamp(from, to);
        grow(supply, since, time);
        since = time;
        if transfer.from.is_zero() {
            supply += transfer.amount.get();
        }
        if transfer.to.is_zero() {
            supply -= transfer.amount.get();
        }
    }
    grow(supply, since, to);
    area
}
