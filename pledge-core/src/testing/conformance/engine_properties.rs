//! Properties of the engine over a store, on random histories. A failure prints its history.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::run;
use crate::event::RewindCause;
use crate::ports::Rewind;
use crate::stop::Stop;
use crate::testing::Fixture;
use crate::testing::generators::{ACCOUNTS, Step, blocks, steps};
use crate::testing::oracle::points_of;
use crate::testing::world::{CHAIN, World, account, at, token};
use crate::types::{ProgrammeId, RawPoints, Timestamp};

/// A fresh store, for each case anew.
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

/// Plays one step. Between steps the engine may be anywhere.
pub(super) async fn play(world: &mut World, step: &Step) {
    match step {
        Step::Mine(later, moves) => world.mine_moves(*later, moves),
        Step::Fork(depth) => world.fork(*depth),
        Step::Index => world.index().await,
        Step::Settle(batches) => settle_some(world, *batches).await,
    }
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
    let progress = |report: &crate::points::SettleReport| {
        if report.batches >= batches {
            stop.request();
        }
    };
    let report = world.settler.run(token(), &stop, progress).await;
    report.expect("a calm store settles");
}

/// Law 1: whatever happened on the way, the state is that of one clean pass.
pub fn any_history_equals_the_oracle(cases: u32, fresh: impl Fn() -> Fresh) {
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
pub fn an_interrupted_settlement_equals_an_uninterrupted_one(
    cases: u32,
    fresh: impl Fn() -> Fresh,
) {
    check(cases, (blocks(40), 1_u64..4), |(steps, batches)| {
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
pub fn an_outage_equals_no_outage(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, blocks(40), |steps| {
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
pub fn points_of_all_accounts_equal_rate_times_supply(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, (blocks(40), 0_u64..50_000, 0_u64..50_000), |(steps, a, b)| {
        run(async {
            let world = settled(fresh().await, &steps).await;
            let (from, to) = (at(a.min(b)), at(a.max(b)));
            let mut sum = RawPoints::ZERO;
            for number in 1..=ACCOUNTS {
                sum = sum.checked_add(earned(&world, number, &[from, to]).await[0]).expect("fits");
            }
            assert_eq!(sum, supply_points(&world, from, to));
        });
    });
}

/// Law 3: however an interval is cut, the parts sum to the whole, and a second algorithm agrees.
pub fn splitting_an_interval_changes_nothing(cases: u32, fresh: impl Fn() -> Fresh) {
    let cuts = proptest::collection::vec(0_u64..60_000, 2..9);
    check(cases, (blocks(40), cuts), |(steps, mut cuts)| {
        run(async {
            let world = settled(fresh().await, &steps).await;
            cuts.sort_unstable();
            let cuts: Vec<_> = cuts.into_iter().map(at).collect();
            let (first, last) = (cuts[0], *cuts.last().expect("at least two"));
            let programme = world.programme().clone();
            let transfers = world.chain.transfers();
            for number in 1..=ACCOUNTS {
                let parts = earned(&world, number, &cuts).await;
                let sum = parts.iter().try_fold(RawPoints::ZERO, |sum, raw| sum.checked_add(*raw));
                let whole = earned(&world, number, &[first, last]).await;
                assert_eq!(sum.expect("fits"), whole[0]);
                let naive = points_of(&programme, &transfers, account(number), first, last);
                assert_eq!(whole[0], naive);
            }
        });
    });
}

/// Two branches in turn, and back again: only the last counts.
pub fn reorgs_leave_what_a_clean_pass_gives(cases: u32, fresh: impl Fn() -> Fresh) {
    let parts = (blocks(25), 1_u64..18, blocks(25), 1_u64..18, blocks(25));
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

/// Going back from anywhere gives every byte of what was there.
pub fn a_rewind_is_the_exact_inverse_of_any_blocks(cases: u32, fresh: impl Fn() -> Fresh) {
    check(cases, (blocks(25), blocks(25)), |(below, above)| {
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

/// Rate times the integral of the supply: a zero-account view of the same chain.
fn supply_points(world: &World, from: Timestamp, to: Timestamp) -> RawPoints {
    use alloy_primitives::U256;
    let mut supply = U256::ZERO;
    let mut since = from;
    let mut area = RawPoints::ZERO;
    let rate = U256::from(world.programme().rates.at(from).e18()) * U256::from(10_000);
    let mut grow = |supply: U256, since: Timestamp, until: Timestamp| {
        let seconds = until.get().saturating_sub(since.get());
        let raw =
            RawPoints::of_constant(crate::types::Amount::new(supply), rate * U256::from(seconds));
        area = area.checked_add(raw).expect("fits");
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
