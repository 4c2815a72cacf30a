//! An engine over a network that keeps failing, on random histories.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_core::indexer::Poll;
use pledge_core::points::{Settler, SettlerConfig, SettlerError};
use pledge_storage_mysql::{MySqlDatabase, MySqlStore, Timeouts};
use pledge_testing::fault_proxy::{Fate, Flow};
use pledge_testing::generators::{Step, mine};
use pledge_testing::world::{CONFIRMATIONS, NOW, World};
use pledge_testing::{FaultProxy, MySqlPlace};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::stage::{COMMIT, fixture, run};

const STEPS: usize = 240;
const POLLS_MAX: usize = 40;
/// How often each fault happens.
const TIMES: usize = 5;
const SHORT: Timeouts =
    Timeouts { connection: Duration::from_secs(2), answer: Duration::from_millis(700) };

/// What the network does while the engine is at a step, or to the next packet that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    CommitReplyDropped,
    CommitReplySwallowed,
    CommitCut,
    StatementReplyDropped,
    StatementCut,
    EveryConnectionCut,
    EveryConnectionKilled,
    NewConnectionsRefused,
    Delayed,
    Silent,
}

const FAULTS: [Fault; 10] = [
    Fault::CommitReplyDropped,
    Fault::CommitReplySwallowed,
    Fault::CommitCut,
    Fault::StatementReplyDropped,
    Fault::StatementCut,
    Fault::EveryConnectionCut,
    Fault::EveryConnectionKilled,
    Fault::NewConnectionsRefused,
    Fault::Delayed,
    Fault::Silent,
];

fn seed() -> u64 {
    match std::env::var("PLEDGE_SEED") {
        Ok(text) => text.parse().expect("PLEDGE_SEED is a number that a failure printed"),
        Err(_) => RandomState::new().hash_one("a storm"),
    }
}

/// Steps, and the faults that happen in every second one of those that use the store.
fn history(seed: u64) -> (Vec<Step>, Vec<Fault>) {
    let step = prop_oneof![
        6 => mine(),
        1 => (1..CONFIRMATIONS + 8).prop_map(Step::Fork),
        4 => Just(Step::Index),
        3 => (1_u64..6).prop_map(Step::Settle),
    ];
    let faults: Vec<_> = FAULTS.iter().copied().cycle().take(TIMES * FAULTS.len()).collect();
    let input = (vec(step, STEPS), Just(faults).prop_shuffle());
    let config = Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    input.new_tree(&mut TestRunner::new(config)).unwrap().current()
}

async fn apply(fault: Fault, proxy: &FaultProxy, place: &MySqlPlace) {
    match fault {
        Fault::CommitReplyDropped => proxy.trap(COMMIT, Fate::DropReply),
        Fault::CommitReplySwallowed => proxy.trap(COMMIT, Fate::SwallowReply),
        Fault::CommitCut => proxy.trap(COMMIT, Fate::CutBefore),
        Fault::StatementReplyDropped => proxy.trap("START TRANSACTION", Fate::DropReply),
        Fault::StatementCut => proxy.trap("INSERT INTO", Fate::CutBefore),
        Fault::EveryConnectionCut => proxy.cut(),
        Fault::EveryConnectionKilled => kill_all(place).await,
        Fault::NewConnectionsRefused => {
            proxy.refuse(true);
            proxy.cut();
        }
        Fault::Delayed => proxy.set_both(Flow::Delay(Duration::from_millis(3))),
        Fault::Silent => proxy.set_both(Flow::Swallow),
    }
}

async fn kill_all(place: &MySqlPlace) {
    let mut outsider = place.outsider().await;
    let others = "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist \
                  WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let ids: Vec<u64> = sqlx::query_scalar(others).fetch_all(&mut outsider).await.unwrap();
    for id in ids {
        // It may have ended by itself meanwhile.
        let kill = sqlx::AssertSqlSafe(format!("KILL {id}"));
        let _ = sqlx::raw_sql(kill).execute(&mut outsider).await;
    }
    run(&mut outsider, "DO 1").await;
}

/// Plays a step as far as the network lets it. What cannot be done now is done later.
async fn play(world: &mut World, step: &Step) -> u64 {
    let mut refusals = 0;
    match step {
        Step::Mine(later, moves) => world.mine_moves(*later, moves),
        Step::Fork(depth) => world.fork(*depth),
        Step::Index => {
            for _ in 0..POLLS_MAX {
                match world.indexer.poll(NOW).await {
                    Poll::Idle => break,
                    Poll::Advanced(_) | Poll::Rewound(_) => {}
                    Poll::Retry(_) => {
                        refusals += 1;
                        if refusals == 2 {
                            break;
                        }
                    }
                    Poll::Stopped(status) => panic!("the chain stopped: {status}"),
                }
            }
        }
        Step::Settle(_) => {
            if let Err(SettlerError::Store(error)) = world.settle().await {
                let passing = [StoreErrorKind::Unavailable, StoreErrorKind::Conflict];
                assert!(passing.contains(&error.kind()), "{error}");
                refusals += 1;
            }
        }
        Step::Decide(_) => panic!("a storm draws no decisions"),
    }
    refusals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_in_a_storm_ends_where_the_oracle_does() {
    let seed = seed();
    println!("replay with PLEDGE_SEED={seed}");
    let place = MySqlPlace::new().await;
    let proxy = place.proxy().await;
    let database = MySqlDatabase::open_with(&place.url_through(&proxy), SHORT).await.unwrap();
    let mut world = World::new(fixture(&MySqlStore::over(database))).await;
    let (steps, mut faults) = history(seed);
    let (mut refusals, mut uses) = (0, 0);
    for step in &steps {
        // A trap stays until a packet meets it; whatever else there was is over after its step.
        if !proxy.has_trap() {
            proxy.calm();
            uses += usize::from(matches!(step, Step::Index | Step::Settle(_)));
            if matches!(step, Step::Index | Step::Settle(_))
                && uses % 2 == 0
                && let Some(fault) = faults.pop()
            {
                apply(fault, &proxy, &place).await;
            }
        }
        refusals += play(&mut world, step).await;
    }
    let counts = proxy.counts();
    println!("{refusals} refusals, {counts:?}");
    proxy.calm();
    world.index().await;
    // A slow machine must not fail the end: it is written and read with patience.
    world.fixture = fixture(&MySqlStore::open(&place.url()).await.unwrap());
    let (balances, points) = (world.fixture.balances.clone(), world.fixture.points.clone());
    world.settler = Settler::new(balances, points, SettlerConfig::default());
    world.run().await;
    assert_eq!(world.digest().await, world.oracle(), "replay with PLEDGE_SEED={seed}");
    for reached in [
        counts.replies_dropped,
        counts.cut_before,
        counts.resets,
        counts.refused,
        counts.slowed,
        counts.bytes_swallowed,
        refusals,
    ] {
        assert!(reached > 0, "a fault was never met: {counts:?}");
    }
}
