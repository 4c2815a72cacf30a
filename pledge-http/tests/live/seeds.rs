//! Readers through reorgs, restarts and lost hints, by seed: each ends with the state of a fresh reader,
//! and has missed no event.
//!
//! `PLEDGE_SEED` replays one seed; `PLEDGE_LIVE_SEEDS` runs as many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pledge_core::event::EventSeq;
use pledge_core::ports::EventReads;
use pledge_http::live::{EventHints, Hub};
use pledge_office::access::RightsOf;
use serde_json::Value;

use crate::support::{ALICE, PATIENCE, Place, Server, Stream, account_topic, soon};

/// Seeds of a run of all tests.
const SEEDS: u64 = 10;
const STEPS: u32 = 25;

/// Hints from one instance to the other, of which some are lost, as by a Redis that is flushed or away.
#[derive(Debug, Default)]
struct Lossy(Mutex<Wire>);

#[derive(Debug, Default)]
struct Wire {
    to: Vec<Hub>,
    is_lost: bool,
    passed: u64,
    lost: u64,
}

#[async_trait]
impl EventHints for Lossy {
    async fn publish(&self, newest: EventSeq) {
        let mut wire = self.0.lock().expect("no holder panics");
        if wire.is_lost {
            wire.lost += 1;
        } else {
            wire.passed += 1;
            wire.to.iter().for_each(|hub| hub.hint(Some(newest)));
        }
    }

    async fn publish_rights(&self, _: RightsOf) {}
}

/// A reader, with all that it has.
struct Reader {
    topics: String,
    stream: Stream,
    first: u64,
    events: Vec<u64>,
    resets: u32,
    states: BTreeMap<String, Value>,
}

impl Reader {
    async fn new(server: &Server, topics: String) -> Self {
        let stream = server.stream(&topics).await;
        let (events, states) = (Vec::new(), BTreeMap::new());
        let mut reader = Self { topics, stream, first: 0, events, resets: 0, states };
        // The place at which it begins comes with the first states.
        while reader.states.is_empty() {
            reader.take().await;
        }
        let place = reader.stream.begun.clone().expect("a stream begins with its place");
        reader.first = place.parse().expect("a number");
        reader
    }

    /// Takes a message; whether the stream goes on.
    async fn take(&mut self) -> bool {
        let Some(message) = self.stream.next().await else { return false };
        match message.name.as_str() {
            "cut" => return false,
            "reset" => self.resets += 1,
            "state" => {
                let topic = message.data["topic"].as_str().expect("a topic").to_owned();
                self.states.insert(topic, message.data["state"].clone());
            }
            _ => {
                let id = message.id.expect("an event has its number").parse().expect("a number");
                self.events.push(id);
            }
        }
        true
    }

    async fn reconnect(&mut self, server: &Server) {
        let last = self.stream.last_id.clone();
        let query = format!("topics={}", self.topics);
        self.stream = Stream::open(server.address, &query, &[("Last-Event-ID", &last)]).await;
        self.stream.last_id = last;
    }
}

struct Run {
    place: Place,
    wire: Arc<Lossy>,
    servers: [Option<Server>; 2],
    readers: Vec<(usize, Reader)>,
    random: fastrand::Rng,
}

impl Run {
    async fn new(seed: u64) -> Self {
        let (place, wire) = (Place::new().await, Arc::new(Lossy::default()));
        let random = fastrand::Rng::with_seed(seed);
        let mut run = Self { place, wire, servers: [None, None], readers: Vec::new(), random };
        run.restart(0).await;
        run.restart(1).await;
        for number in 0..4 {
            let topics = match number {
                0 => "chains".to_owned(),
                1 => "settlements".to_owned(),
                2 => account_topic(ALICE),
                _ => format!("chains,settlements,{}", account_topic(ALICE)),
            };
            let at = number % 2;
            let reader = Reader::new(run.server(at), topics).await;
            run.readers.push((at, reader));
        }
        run
    }

    fn server(&self, at: usize) -> &Server {
        self.servers[at].as_ref().expect("both servers run")
    }

    /// Ends a server and begins another; its readers come again to either.
    async fn restart(&mut self, at: usize) {
        if let Some(server) = self.servers[at].take() {
            let hub = server.hub.clone();
            let draining = tokio::spawn(async move { hub.drain().await });
            for (of, reader) in &mut self.readers {
                if *of == at {
                    while reader.take().await {}
                }
            }
            soon("the drain", draining).await.expect("a drain ends");
        }
        let mut parts = self.place.parts();
        parts.hints = Some(self.wire.clone());
        // Without a hint it takes a while, so that lost hints matter.
        parts.limits.look_every = Duration::from_millis(30);
        let server = Server::begin(parts).await;
        self.servers[at] = Some(server);
        let hubs = self.servers.iter().flatten().map(|server| server.hub.clone());
        self.wire.0.lock().expect("no holder panics").to = hubs.collect();
        for index in 0..self.readers.len() {
            if self.readers[index].0 == at {
                let to = self.random.usize(..2);
                self.move_to(index, to).await;
            }
        }
    }

    async fn move_to(&mut self, index: usize, at: usize) {
        let server = self.servers[at].as_ref().expect("both servers run");
        let (of, reader) = &mut self.readers[index];
        *of = at;
        reader.reconnect(server).await;
    }

    async fn step(&mut self) {
        match self.random.u8(..10) {
            0..4 => {
                let amount = self.random.u64(1..9);
                self.place.mine(&[(ALICE, amount)]).await;
            }
            4 => {
                let (blocks, amount) = (self.random.u64(1..5), self.random.u64(1..9));
                self.place.reorg(blocks, &[(ALICE, amount)]).await;
            }
            5 => {
                self.place.mine_later(3_600, &[]).await;
                self.place.settle().await;
            }
            6 => {
                let at = self.random.usize(..2);
                self.restart(at).await;
            }
            7 => {
                let (index, at) = (self.random.usize(..self.readers.len()), self.random.usize(..2));
                self.move_to(index, at).await;
            }
            8 => {
                let mut wire = self.wire.0.lock().expect("no holder panics");
                wire.is_lost = !wire.is_lost;
            }
            // Some read in between, and some do not.
            _ => {
                let index = self.random.usize(..self.readers.len());
                let reader = &mut self.readers[index].1;
                let _ = tokio::time::timeout(Duration::from_millis(5), reader.take()).await;
            }
        }
        self.hint();
    }

    /// As a server does for the hub of its own process after a commit.
    fn hint(&mut self) {
        let at = self.random.usize(..2);
        self.server(at).hub.hint(None);
    }

    /// Every reader ends with what a fresh one has, and has each event of its topics after its beginning,
    /// once or more, in order but for repetitions.
    async fn check(&mut self, seed: u64) {
        let log =
            self.place.store.events(EventSeq::START, 10_000).await.expect("the store answers");
        for index in 0..self.readers.len() {
            let fresh = self.fresh(self.readers[index].1.topics.clone()).await;
            let reader = &mut self.readers[index].1;
            let expected: Vec<u64> = log
                .iter()
                .filter(|event| is_of(event.event.kind(), &reader.topics))
                .map(|event| event.sequence.get())
                .filter(|id| *id > reader.first)
                .collect();
            let until = tokio::time::Instant::now() + PATIENCE;
            while reader.states != fresh || distinct(&reader.events).len() < expected.len() {
                let took = tokio::time::timeout_at(until, reader.take()).await;
                assert_eq!(
                    took,
                    Ok(true),
                    "seed {seed}: reader {index} of {} has {:?}\nand not {fresh:?}\nevents {:?}\nand not {expected:?}",
                    reader.topics,
                    reader.states,
                    distinct(&reader.events)
                );
            }
            assert_eq!(distinct(&reader.events), expected, "seed {seed}: reader {index}");
            assert_eq!(reader.resets, 0, "seed {seed}: reader {index}: nothing was pruned");
        }
    }

    /// The states that a fresh reader of a hub without any other has.
    async fn fresh(&self, topics: String) -> BTreeMap<String, Value> {
        let server = self.place.serve().await;
        let number = topics.split(',').count();
        let mut reader = Reader::new(&server, topics).await;
        while reader.states.len() < number {
            assert!(reader.take().await);
        }
        reader.states
    }
}

fn distinct(events: &[u64]) -> Vec<u64> {
    let mut distinct = events.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

/// Whether an event of a kind belongs to one of the topics.
fn is_of(kind: &str, topics: &str) -> bool {
    let of = match kind {
        "confirmed" => &["chains"][..],
        "reorged" => &["chains", "settlements"],
        "settled" => &["settlements"],
        _ => &[],
    };
    topics.split(',').any(|topic| of.contains(&topic))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_reorgs_restarts_and_lost_hints_every_reader_ends_as_a_fresh_one_and_misses_no_event()
 {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("PLEDGE_SEED") {
        Some(seed) => vec![seed],
        None => {
            (0..number("PLEDGE_LIVE_SEEDS").unwrap_or(SEEDS)).map(|_| fastrand::u64(..)).collect()
        }
    };
    let (mut passed, mut lost, mut events) = (0, 0, 0);
    for seed in &seeds {
        println!("PLEDGE_SEED={seed}");
        let mut run = Run::new(*seed).await;
        for _ in 0..STEPS {
            run.step().await;
        }
        run.check(*seed).await;
        let wire = run.wire.0.lock().expect("no holder panics");
        passed += wire.passed;
        lost += wire.lost;
        events +=
            run.readers.iter().map(|(_, reader)| distinct(&reader.events).len()).sum::<usize>();
    }
    println!(
        "{} seeds: {events} events to readers, {passed} hints passed, {lost} lost",
        seeds.len()
    );
}
