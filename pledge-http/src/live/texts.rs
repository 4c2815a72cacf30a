//! The messages of a stream: written once, and shared by all who get them (pure).

use axum::body::Bytes;
use axum::extract::ws::Utf8Bytes;
use pledge_core::event::{Event, EventEnvelope, EventSeq, SequencedEvent};
use pledge_core::ports::KeptEvents;
use pledge_office::access::Object;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Topic;
use super::queue::Weight;
use super::sight::Sight;
use super::touched::{StateKey, Touched};
use crate::views::ReasonCode;

/// One message in the form of each transport. A clone shares the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// As a server-sent event, with its fields and the empty line behind it.
    pub(super) event: Bytes,
    /// As a text frame.
    pub(super) frame: Utf8Bytes,
}

impl Message {
    /// A message of JSON; its name and, where it is an event, its id are fields of their own in a
    /// server-sent event.
    fn new(name: &str, id: Option<EventSeq>, json: String) -> Self {
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        let event = format!("{id}event: {name}\ndata: {json}\n\n");
        Self { event: event.into(), frame: json.into() }
    }
}

impl Weight for Message {
    /// Of the transport with the longer form.
    fn bytes(&self) -> usize {
        self.event.len()
    }
}

/// What readers get of one fact: those who see everything, and the public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    /// What it is about, by which rights are decided.
    pub(super) object: Object,
    pub(super) full: Message,
    pub(super) public: Message,
}

impl Texts {
    /// The message for a reader that sees as much; `None` for one that sees nothing of it.
    pub(super) fn seen(&self, sight: Sight) -> Option<Message> {
        match sight {
            Sight::Nothing => None,
            Sight::Public => Some(self.public.clone()),
            Sight::Full => Some(self.full.clone()),
        }
    }

    /// The texts of an event.
    pub(super) fn of_event(event: &SequencedEvent, touched: &Touched) -> Self {
        let full = event_message(event.sequence, &event.event, touched);
        let public = match public_event(&event.event) {
            Some(public) => event_message(event.sequence, &public, touched),
            None => full.clone(),
        };
        Self { object: touched.object, full, public }
    }

    /// The texts of a state, of which `full` and `public` are the JSON; `None` where both are one.
    pub(super) fn of_state(key: StateKey, full: &RawValue, public: Option<&RawValue>) -> Self {
        let message = |state| {
            let topic = key.topic().to_string();
            Message::new("state", None, json(&StateMessage { r#type: "state", topic, state }))
        };
        let full = message(full);
        let public = public.map_or_else(|| full.clone(), message);
        Self { object: key.object(), full, public }
    }
}

#[derive(Serialize)]
struct EventMessage<'a> {
    r#type: &'static str,
    /// Text, since numbers of JSON are exact up to 2^53 for many readers.
    id: String,
    kind: &'a str,
    topics: Vec<String>,
    event: &'a EventEnvelope,
}

#[derive(Serialize)]
struct StateMessage<'a> {
    r#type: &'static str,
    topic: String,
    state: &'a RawValue,
}

#[derive(Serialize)]
struct ResetMessage {
    r#type: &'static str,
    after: String,
    oldest: String,
    newest: String,
}

fn json(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("messages are plain data")
}

fn event_message(id: EventSeq, event: &EventEnvelope, touched: &Touched) -> Message {
    let topics = touched.topics.iter().map(Topic::to_string).collect();
    let kind = event.kind();
    let message = EventMessage { r#type: "event", id: id.to_string(), kind, topics, event };
    Message::new(kind, Some(id), json(&message))
}

/// The message to a reader whose events may be gone: what it has is of no use, and a snapshot follows.
pub(super) fn reset(after: EventSeq, kept: KeptEvents) -> Message {
    let KeptEvents { oldest, newest } = kept;
    let [after, oldest, newest] = [after, oldest, newest].map(|id| id.to_string());
    let message = ResetMessage { r#type: "reset", after, oldest, newest };
    Message::new("reset", None, json(&message))
}

/// The event without what nodes, servers and operators wrote; `None` where it has nothing of them.
fn public_event(event: &EventEnvelope) -> Option<EventEnvelope> {
    let public = match event.engine()? {
        Event::ChainHalted { chain, .. } => {
            Event::ChainHalted { chain, reason: ReasonCode::NeedsOperator.text() }
        }
        Event::Rewound { record, reason: Some(_) } => Event::Rewound { record, reason: None },
        _ => return None,
    };
    Some(public.into())
}

#[cfg(test)]
mod tests {
    use pledge_core::types::ChainId;

    use super::super::touched::touched;
    use super::*;

    fn texts(event: Event) -> Texts {
        let event = SequencedEvent { sequence: EventSeq::new(5), event: event.into() };
        Texts::of_event(&event, &touched(&event.event))
    }

    fn halted() -> Texts {
        texts(Event::ChainHalted { chain: ChainId::new(1), reason: "https://key@node".to_owned() })
    }

    #[test]
    fn an_event_is_one_json_in_both_transports_and_its_id_a_field_of_server_sent_events() {
        let Texts { full, .. } = halted();
        let frame = r#"{"type":"event","id":"5","kind":"chain_halted","topics":["chains"],"event":{"type":"chain_halted","chain":1,"reason":"https://key@node"}}"#;
        assert_eq!(full.frame.as_str(), frame);
        let event = format!("id: 5\nevent: chain_halted\ndata: {frame}\n\n");
        assert_eq!(full.event, event.as_bytes());
    }

    #[test]
    fn the_public_sees_no_text_of_a_node() {
        let texts = halted();
        let public = texts.seen(Sight::Public).unwrap();
        assert!(!public.frame.as_str().contains("node@") && !public.frame.as_str().contains("key"));
        assert!(texts.seen(Sight::Full).unwrap().frame.as_str().contains("https://key@node"));
        assert_eq!(texts.seen(Sight::Nothing), None);
    }

    #[test]
    fn a_state_has_no_id_so_that_a_reader_goes_on_after_its_last_event() {
        let state = RawValue::from_string("[1]".to_owned()).unwrap();
        let texts = Texts::of_state(StateKey::Settlements, &state, None);
        let expected =
            "event: state\ndata: {\"type\":\"state\",\"topic\":\"settlements\",\"state\":[1]}\n\n";
        assert_eq!(texts.public.event, expected.as_bytes());
    }
}
