//! What must be true in the calm: every reader shows each event of its topics once, and the state that a
//! fresh reader gets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pledge_core::event::EventSeq;
use pledge_server::config::Config;
use pledge_server::wire;
use serde_json::Value;

use super::reader::Reader;
use super::stage::{CONFIRMATIONS, Stage};
use crate::node::CHAIN;
use crate::process::Running;
use crate::updates::{Ask, Message, Way};

/// The longest that servers and readers take to come to rest: a lease of a killed instance ends first.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_millis(100);

type States = BTreeMap<String, Value>;

/// An event of the log: its number and its kind.
type Logged = (u64, String);

impl Stage {
    pub(super) fn check(&self) {
        self.until_confirmed();
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.compare();
            match found {
                Ok(()) => return,
                Err(difference) => assert!(Instant::now() < until, "{difference}"),
            }
            std::thread::sleep(LOOKS_EVERY);
        }
    }

    fn until_confirmed(&self) {
        let confirmed = self.node.chain.head().number.get() - CONFIRMATIONS;
        for server in self.servers() {
            server.get_within(PATIENCE, &format!("chains/{CHAIN}"), |chain| {
                chain["status"] == "live" && chain["last_confirmed_block"] == confirmed
            });
        }
    }

    fn compare(&self) -> Result<(), String> {
        let log = self.runtime.block_on(self.log());
        for (number, reader) in self.readers.iter().enumerate() {
            let named = || format!("reader {number} ({:?} of {})", reader.way, reader.topics);
            let (begun, shown, has) = {
                let record = reader.record();
                assert_eq!(record.resets, 0, "{}: nothing was removed from the log", named());
                (record.begun, record.shown.clone(), record.states.clone())
            };
            let expected = of_topics(&log, &reader.topics, begun.expect("it has begun"));
            if shown != expected {
                return Err(format!("{} shows {shown:?} and not {expected:?}", named()));
            }
            for server in self.servers() {
                let (fresh, read) = (self.fresh(server, reader), of_routes(server, &reader.topics));
                if has != fresh || has != read {
                    let others = format!("a fresh reader {fresh:#?} and the routes {read:#?}");
                    return Err(format!("{} has {has:#?},\n{others}", named()));
                }
            }
        }
        Ok(())
    }

    /// The store's own log, read past the servers.
    async fn log(&self) -> Vec<Logged> {
        let file = self.folder.path().join("pledge.toml");
        let config = Config::load(Some(&file), &Vec::new()).unwrap();
        let stores = wire::open(&config.storage).await.unwrap();
        let events = stores.events.events(EventSeq::START, 100_000).await.unwrap();
        stores.close().await;
        let logged = |event: &pledge_core::event::SequencedEvent| {
            (event.sequence.get(), event.event.kind().to_owned())
        };
        events.iter().map(logged).collect()
    }

    /// The states that a reader gets that begins now.
    fn fresh(&self, server: &Running, reader: &Reader) -> States {
        let number = reader.topics.split(',').count();
        self.runtime.block_on(async {
            let mut states = States::new();
            let ask = Ask { topics: &reader.topics, after: None, bearer: None };
            let opened = Way::EventStream.open(&server.server, ask).await;
            let mut connection = opened.expect("a server in the calm");
            while states.len() < number {
                let next = tokio::time::timeout(PATIENCE, connection.next()).await;
                let message = next.expect("a state in time").expect("an open stream");
                if let Message::State { topic, state } = message {
                    states.insert(topic, state);
                }
            }
            states
        })
    }
}

/// What the routes answer about the same, without the ages, which a state has not.
fn of_routes(server: &Running, topics: &str) -> States {
    let read = |topic: &str| match topic.split(':').collect::<Vec<_>>()[..] {
        ["chains"] => {
            let mut chain = server.get(&format!("chains/{CHAIN}"));
            chain["head_age_seconds"] = Value::Null;
            chain["last_confirmed_age_seconds"] = Value::Null;
            chain
        }
        ["settlements"] => server.get("settlements?limit=100"),
        ["account", chain, token, account] => {
            server.get(&format!("chains/{chain}/tokens/{token}/accounts/{account}"))
        }
        _ => panic!("{topic} is no topic of a reader"),
    };
    topics.split(',').map(|topic| (topic.to_owned(), read(topic))).collect()
}

/// The numbers of the events after a place that belong to any of the topics, as `docs/live.md` has them.
fn of_topics(log: &[Logged], topics: &str, begun: u64) -> Vec<u64> {
    let is_of = |kind: &str| {
        topics.split(',').any(|topic| match topic {
            "chains" => {
                ["confirmed", "reorged", "rewound", "token_halted", "chain_halted"].contains(&kind)
            }
            "settlements" => ["settled", "reorged", "rewound"].contains(&kind),
            _ => false,
        })
    };
    let after = log.iter().filter(|(number, kind)| *number > begun && is_of(kind));
    after.map(|(number, _)| *number).collect()
}
