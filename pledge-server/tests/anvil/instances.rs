//! Two processes over one database and one Redis: the work is shared out, and done once.

mod instance;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pledge_examples::Traffic;
use pledge_server::verify::Verdict;
use pledge_server::wire;
use pledge_testing::{MySqlPlace, OwnServer};

use super::chains::{Chain, Engine, Setup};
use instance::{Instance, SettledBatch};

const BATCHES: usize = 2_000;
const STEPS_MAX: u64 = 2_000;
/// Longer than a lease and the time until another instance notices that it ended.
const ASLEEP: Duration = Duration::from_secs(14);
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(15);
/// Two instances that start together know of each other after one renewal, three seconds later.
const SHARED_WITHIN: Duration = Duration::from_secs(30);

/// A few transfers on each chain, hours after the last: windows close, and are settled in 16
/// shards.
async fn play(chains: &[Chain], step: u64) {
    for chain in chains {
        let traffic = Traffic {
            seed: step * 1_000 + chain.id.chain.get(),
            accounts: 60,
            blocks: 1,
            transfers_per_block: 3,
            block_seconds_max: 7_200,
        };
        traffic.play(&chain.anvil, &chain.token).await.unwrap();
    }
}

fn flush(redis: &OwnServer) {
    let port = redis.url().rsplit(':').next().unwrap().to_owned();
    let flushed = std::process::Command::new("redis-cli").args(["-p", &port, "FLUSHALL"]).output();
    assert!(flushed.unwrap().status.success());
}

/// How often each batch was settled, by both.
fn effects(instances: &[&Instance]) -> BTreeMap<SettledBatch, usize> {
    let mut effects = BTreeMap::new();
    for batch in instances.iter().flat_map(|instance| instance.settled()) {
        *effects.entry(batch).or_default() += 1;
    }
    effects
}

/// What happens to the two while they work.
struct Disturbance<'a> {
    redis: &'a OwnServer,
    sleeper: &'a Instance,
    other: &'a Instance,
    asleep_since: Option<Instant>,
    slept: bool,
    flushes: u32,
}

impl Disturbance<'_> {
    fn have_shared(&self) -> bool {
        [self.sleeper, self.other].iter().all(|instance| instance.settled().len() > BATCHES / 10)
    }

    fn at(&mut self, step: u64) {
        if step % 20 == 10 {
            flush(self.redis);
            self.flushes += 1;
        }
        match self.asleep_since {
            // Each does its share before: asleep, the one does nothing, however long the other
            // works.
            None if !self.slept && self.have_shared() => {
                self.sleeper.signal("STOP");
                self.asleep_since = Some(Instant::now());
            }
            Some(since) if since.elapsed() > ASLEEP => {
                self.sleeper.signal("CONT");
                (self.asleep_since, self.slept) = (None, true);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_settle_two_thousand_batches_once_each_whatever_happens_to_one_and_to_redis()
{
    let chains = [Chain::start(11_155_111).await, Chain::start(84_532).await];
    let (place, redis) = (MySqlPlace::new().await, OwnServer::redis(&[]).await);
    let setup = Setup::over(&place.url(), &chains.each_ref());
    setup.run(&["migrate"]);
    let one = Instance::start(&setup, "one", &redis.url());
    let other = Instance::start(&setup, "other", &redis.url());
    for instance in [&one, &other] {
        instance.until_it_follows(1, Instant::now() + SHARED_WITHIN).await;
    }
    let mut disturbance = Disturbance {
        redis: &redis,
        sleeper: &one,
        other: &other,
        asleep_since: None,
        slept: false,
        flushes: 0,
    };
    let mut step = 0;
    while !disturbance.slept || effects(&[&one, &other]).len() < BATCHES {
        play(&chains, step).await;
        disturbance.at(step);
        step += 1;
        let parts = [&one, &other].map(|instance| instance.settled().len());
        assert!(step < STEPS_MAX, "too few batches, or one did nearly all: {parts:?}");
    }
    let flushes = disturbance.flushes;

    let died = Instant::now();
    other.kill();
    one.until_it_follows(chains.len(), died + TAKEN_OVER_WITHIN).await;
    let taken_over = died.elapsed();
    one.terminate();

    let effects = effects(&[&one, &other]);
    let twice: Vec<_> = effects.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "settled more than once: {twice:?}");
    let parts = [&one, &other].map(|instance| instance.settled().len());
    println!(
        "{} batches, {parts:?} by each, {flushes} flushes, the other's work taken over after {} ms",
        effects.len(),
        taken_over.as_millis()
    );
    assert!(flushes > 2);

    setup.run(&["index", "--until-head"]);
    setup.run(&["settle", "--until-settled"]);
    let config = setup.config();
    let engine = Engine::new(&config, wire::open(&config.storage).await.unwrap()).await;
    for chain in &chains {
        let (found, expected) = (engine.digest(chain.id).await, engine.oracle(chain.id).await);
        assert!(found == expected, "the state differs from the oracle's on {}", chain.id);
    }
    assert!(engine.verify().await.iter().all(|report| report.verdict == Verdict::Ok));
    engine.stores.close().await;
}
