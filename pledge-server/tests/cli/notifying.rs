//! The log of `pledge run`: each event once, also after a kill.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pledge_core::event::{Consumer, EventSeq};
use pledge_core::ports::{EventReads, EventStore};
use pledge_storage_sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, token};
use crate::process::{Folder, Running};

const RUN: [&str; 5] = ["run", "--listen", "127.0.0.1:0", "--log-format", "json"];

fn folder(node: &Node) -> Folder {
    Folder::with_config(&format!(
        "[chains.local]\nchain_id = {CHAIN}\nrpc_urls = [\"{}\"]\npoll_interval = \"50ms\"\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.url(),
        token()
    ))
}

/// The events logged from now on, up to the first of a type.
fn events_until(running: &Running, last: &str) -> Vec<Value> {
    let events = RefCell::new(Vec::new());
    running.wait_for("event_type", |line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let is_last = line["fields"]["event_type"] == last;
        events.borrow_mut().push(line);
        is_last
    });
    events.into_inner()
}

/// The level and the type of each.
fn types(events: &[Value]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|line| {
            let (level, kind) = (&line["level"], &line["fields"]["event_type"]);
            (level.as_str().unwrap(), kind.as_str().unwrap())
        })
        .collect()
}

fn sequence(event: &Value) -> EventSeq {
    EventSeq::new(event["fields"]["sequence"].as_u64().unwrap())
}

/// Waits until the log's position in the database is the newest event, and returns it.
fn until_recorded(folder: &Folder) -> EventSeq {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let file = folder.path().join("pledge.db");
        let store = SqliteStore::open(file.to_str().unwrap()).await.unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let log = Consumer::new("log").unwrap();
        loop {
            let position = store.delivered(&log).await.unwrap();
            if position > EventSeq::START && store.events(position, 1).await.unwrap().is_empty() {
                return position;
            }
            assert!(Instant::now() < until, "the log stays at event {position}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

#[test]
fn a_settlement_and_a_reorg_are_logged_once_each_and_not_again_after_a_kill() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node);
    let killed = folder.begin(&RUN);
    let mut events = events_until(&killed, "settled");
    node.chain.fork_at(1);
    node.mine_empty(THREE_PM + 3_600, 12);
    events.extend(events_until(&killed, "reorged"));
    events.extend(events_until(&killed, "settled"));
    assert_eq!(types(&events), [("INFO", "settled"), ("WARN", "reorged"), ("INFO", "settled")]);
    let recorded = until_recorded(&folder);
    drop(killed);
    let again = folder.begin(&RUN);
    node.mine_empty(THREE_PM + 7_200, 8);
    let events = events_until(&again, "settled");
    assert_eq!(types(&events), [("INFO", "settled")]);
    assert!(sequence(&events[0]) > recorded);
}

#[test]
fn a_settlement_is_one_line_of_values() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node);
    let running = folder.begin(&RUN);
    let events = events_until(&running, "settled");
    let fields = events.last().unwrap()["fields"].as_object().unwrap().clone();
    assert_eq!(fields["chain"], CHAIN);
    assert_eq!(fields["symbol"], "");
    assert_eq!((&fields["programme"], &fields["accounts"]), (&json!("main"), &json!(1)));
    assert_eq!(fields["settled"], "2026-01-01T16:00:00Z");
    assert_eq!(fields["points"], "6.666666666666666666");
    let message = fields["message"].as_str().unwrap();
    assert!(message.contains("main settled up to 2026-01-01T16:00:00Z, 6.6666"), "{message}");
    for (name, value) in &fields {
        let is_json_or_debug = value.as_str().is_some_and(|text| text.contains(['{', '(']));
        assert!(!is_json_or_debug, "{name}: {value}");
    }
}

#[test]
fn what_is_confirmed_is_logged_only_when_asked_for() {
    let node = Node::with_the_first_hour(NORMAL);
    let folder = folder(&node);
    let chatty = folder.begin_with(&[("RUST_LOG", "pledge_core::notify=debug")], &RUN);
    let events = events_until(&chatty, "settled");
    assert_eq!(types(&events), [("DEBUG", "confirmed"), ("INFO", "settled")]);
}
