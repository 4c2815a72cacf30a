//! A reader that stays: it connects again whenever its connection ends, to either server, and goes on after
//! the last event that it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::updates::{Ask, Message, Way};

/// Where the two servers were last.
pub(super) type Addresses = Arc<Mutex<[String; 2]>>;

/// The wait before a reader connects again, in milliseconds, by chance.
const COMES_AGAIN: std::ops::Range<u64> = 5..150;

/// A reader in the background.
pub(super) struct Reader {
    pub(super) way: Way,
    pub(super) topics: String,
    record: Arc<Mutex<Record>>,
    moves: Arc<Notify>,
    task: JoinHandle<()>,
}

/// All that a reader has.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The place in the log at which it began.
    pub(super) begun: Option<u64>,
    /// The number that it names when it connects again.
    last: Option<u64>,
    /// The events that it shows, each higher than the one before.
    pub(super) shown: Vec<u64>,
    /// Events that came and were shown already.
    pub(super) repeated: u64,
    pub(super) resets: u64,
    pub(super) states: BTreeMap<String, Value>,
    pub(super) connections: u64,
    /// Why servers ended its connections, and how often.
    pub(super) cuts: BTreeMap<String, u64>,
}

impl Reader {
    pub(super) fn start(
        runtime: &Runtime,
        (way, topics): (Way, &str),
        addresses: Addresses,
        random: fastrand::Rng,
    ) -> Self {
        let (record, moves) = (Arc::default(), Arc::new(Notify::new()));
        let task = runtime.spawn(read(
            (way, topics.to_owned()),
            addresses,
            random,
            Arc::clone(&record),
            Arc::clone(&moves),
        ));
        Self { way, topics: topics.to_owned(), record, moves, task }
    }

    /// Has it drop its connection and come again.
    pub(super) fn moves(&self) {
        self.moves.notify_one();
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    (way, topics): (Way, String),
    addresses: Addresses,
    mut random: fastrand::Rng,
    record: Arc<Mutex<Record>>,
    moves: Arc<Notify>,
) {
    loop {
        let server = addresses.lock().unwrap()[random.usize(..2)].clone();
        let after = record.lock().unwrap().last;
        let ask = Ask { topics: &topics, after, bearer: None };
        if let Some(mut connection) = way.open(&server, ask).await {
            record.lock().unwrap().connections += 1;
            loop {
                tokio::select! {
                    message = connection.next() => match message {
                        Some(message) => record.lock().unwrap().take(message),
                        None => break,
                    },
                    () = moves.notified() => break,
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(random.u64(COMES_AGAIN))).await;
    }
}

impl Record {
    /// Takes a message as `docs/live.md` asks a reader to: an event that it has already is dropped.
    fn take(&mut self, message: Message) {
        match message {
            Message::Place(place) => {
                self.begun.get_or_insert(place);
                self.last = Some(place);
            }
            // Where it comes again, what it missed is still on its way.
            Message::Subscribed(place) => {
                self.begun.get_or_insert(place);
                self.last.get_or_insert(place);
            }
            Message::Event(id) if self.shown.last().is_some_and(|last| id <= *last) => {
                self.repeated += 1;
            }
            Message::Event(id) => {
                self.shown.push(id);
                self.last = Some(id);
            }
            Message::State { topic, state } => {
                self.states.insert(topic, state);
            }
            Message::Reset => self.resets += 1,
            Message::Cut(code) => *self.cuts.entry(code).or_default() += 1,
        }
    }
}
