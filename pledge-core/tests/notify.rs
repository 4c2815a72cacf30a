//! Events in the log: the laws of a notifier, levels and fields.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pledge_core::event::{EventEnvelope, EventSeq, SequencedEvent};
use pledge_core::notify::LogNotifier;
use pledge_core::ports::{Notifier, NotifyError};
use pledge_testing::conformance::notifier::{Inbox, NotifierFixture, one_of_each};
use serde_json::Value;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::filter::LevelFilter;

/// What a subscriber wrote: one JSON object per line.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no holder panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn parsed(&self) -> Vec<Value> {
        let bytes = self.0.lock().expect("no holder panics").clone();
        let text = String::from_utf8(bytes).expect("the subscriber writes text");
        text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
    }
}

#[async_trait]
impl Inbox for Lines {
    async fn received(&self) -> Vec<SequencedEvent> {
        let event = |line: &Value| {
            let fields = &line["fields"];
            let sequence = EventSeq::new(fields["sequence"].as_u64().expect("a number"));
            let json = fields["event"].as_str().expect("the event as JSON");
            let event = EventEnvelope::from_json(json).expect("the event as it was");
            assert_eq!(fields["event_type"], event.kind());
            assert_eq!(fields["domain"], event.domain());
            SequencedEvent { sequence, event }
        };
        self.parsed().iter().map(event).collect()
    }
}

/// The notifier under a subscriber of its own, independent of other tests.
#[derive(Debug)]
struct Captured {
    notifier: LogNotifier,
    subscriber: Dispatch,
}

impl Captured {
    fn new(lines: &Lines, level: LevelFilter) -> Self {
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .finish();
        Self { notifier: LogNotifier, subscriber: Dispatch::new(subscriber) }
    }
}

#[async_trait]
impl Notifier for Captured {
    async fn notify(&self, event: &SequencedEvent) -> Result<(), NotifyError> {
        self.notifier.notify(event).with_subscriber(self.subscriber.clone()).await
    }
}

async fn fixture() -> NotifierFixture {
    let lines = Lines::default();
    let notifier = Captured::new(&lines, LevelFilter::DEBUG);
    NotifierFixture::new(Arc::new(notifier), Arc::new(lines), ())
}

pledge_testing::notifier_conformance!(fixture());

async fn logged(level: LevelFilter) -> Vec<Value> {
    let lines = Lines::default();
    let notifier = Captured::new(&lines, level);
    for event in one_of_each() {
        notifier.notify(&event).await.expect("a log takes everything");
    }
    lines.parsed()
}

#[tokio::test]
async fn the_level_shows_whether_an_operator_has_to_act() {
    let levels: Vec<_> =
        logged(LevelFilter::DEBUG).await.iter().map(|line| line["level"].clone()).collect();
    assert_eq!(levels, ["DEBUG", "INFO", "WARN", "ERROR", "ERROR", "WARN", "INFO"]);
}

#[tokio::test]
async fn what_is_confirmed_is_not_logged_at_info() {
    let lines = logged(LevelFilter::INFO).await;
    let types: Vec<_> = lines.iter().map(|line| line["fields"]["event_type"].clone()).collect();
    let expected = ["settled", "reorged", "token_halted", "chain_halted", "rewound", "rebased"];
    assert_eq!(types, expected);
}

#[tokio::test]
async fn the_message_is_for_people() {
    let lines = logged(LevelFilter::INFO).await;
    let message = lines[1]["fields"]["message"].as_str().expect("a message");
    assert!(message.starts_with("chain 11155111: a reorg took the ledger back to block 2"));
}
