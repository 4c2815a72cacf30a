use super::*;
use crate::event::{EventSeq, SequencedEvent};

/// What the release of 30 November 2026 wrote, with what is about it now.
const EARLIER: [(&str, &str, Option<u64>); 8] = [
    (
        r#"{"type":"confirmed","chain":1,"from":1,"to":{"number":2,"hash":"0x0202020202020202020202020202020202020202020202020202020202020202"},"changes":12}"#,
        "chain:1",
        None,
    ),
    (
        r#"{"type":"reorged","chain":1,"to":{"number":2,"hash":"0x0202020202020202020202020202020202020202020202020202020202020202","parent_hash":"0x0101010101010101010101010101010101010101010101010101010101010101","time":24},"tokens":[]}"#,
        "chain:1",
        Some(24),
    ),
    (
        r#"{"type":"rewound","chain":1,"to":{"number":2,"hash":"0x0202020202020202020202020202020202020202020202020202020202020202","parent_hash":"0x0101010101010101010101010101010101010101010101010101010101010101","time":24},"tokens":[],"reason":"a test"}"#,
        "chain:1",
        Some(24),
    ),
    (
        r#"{"type":"rewound","chain":1,"to":{"number":2,"hash":"0x0202020202020202020202020202020202020202020202020202020202020202","parent_hash":"0x0101010101010101010101010101010101010101010101010101010101010101","time":24},"tokens":[]}"#,
        "chain:1",
        Some(24),
    ),
    (
        r#"{"type":"settled","programme":{"token":{"chain":1,"address":"0x7070707070707070707070707070707070707070"},"name":"main"},"settled":3600}"#,
        "programme:1:0x7070707070707070707070707070707070707070:main",
        Some(3_600),
    ),
    (
        r#"{"type":"token_halted","token":{"chain":1,"address":"0x7070707070707070707070707070707070707070"},"reason":"why\nand \"how\""}"#,
        "token:1:0x7070707070707070707070707070707070707070",
        None,
    ),
    (r#"{"type":"chain_halted","chain":1,"reason":"why"}"#, "chain:1", None),
    (r#"{"type":"consumer_dropped","consumer":"mail","delivered":7}"#, "consumer:mail", None),
];

#[test]
fn events_of_the_engine_are_read_and_written_as_earlier_releases_wrote_them() {
    for (text, subject, time) in EARLIER {
        let envelope = EventEnvelope::from_json(text).unwrap();
        assert_eq!(envelope.to_json(), text);
        assert_eq!((envelope.domain(), envelope.body()), ("engine", text));
        assert_eq!(envelope.subject().as_str(), subject);
        assert_eq!(envelope.block_time().map(Timestamp::get), time, "{text}");
        let event = envelope.engine().unwrap();
        assert_eq!(event.name(), envelope.kind());
        assert_eq!(EventEnvelope::from(event), envelope);
    }
}

#[test]
fn every_kind_of_the_engine_is_known_by_the_type_in_its_json() {
    let mut kinds: Vec<_> =
        EARLIER.map(|(text, ..)| EventEnvelope::from_json(text).unwrap().kind().to_owned()).into();
    kinds.dedup();
    assert_eq!(kinds, Event::KINDS);
}

/// An office's events, as a domain declares them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Lunar {
    Eclipsed { crater: String, at: Option<Timestamp> },
    Rebased { reason: String },
}

impl DomainEvent for Lunar {
    const DOMAIN: &'static str = "lunar";
    const KINDS: &'static [&'static str] = &["eclipsed", "rebased"];

    fn subject(&self) -> Subject {
        match self {
            Self::Eclipsed { crater, .. } => Subject::new(format!("crater:{crater}")).unwrap(),
            Self::Rebased { .. } => Subject::new(Self::DOMAIN).unwrap(),
        }
    }

    fn block_time(&self) -> Option<Timestamp> {
        match self {
            Self::Eclipsed { at, .. } => *at,
            Self::Rebased { .. } => None,
        }
    }
}

fn eclipsed(at: Option<u64>) -> Lunar {
    Lunar::Eclipsed { crater: "Tycho".to_owned(), at: at.map(|at| Timestamp::new(at).unwrap()) }
}

#[test]
fn an_event_of_a_domain_comes_back_as_it_was() {
    for (event, text) in [
        (
            eclipsed(Some(7)),
            r#"{"domain":"lunar","subject":"crater:Tycho","time":7,"body":{"type":"eclipsed","crater":"Tycho","at":7}}"#,
        ),
        (
            Lunar::Rebased { reason: "why".to_owned() },
            r#"{"domain":"lunar","subject":"lunar","body":{"type":"rebased","reason":"why"}}"#,
        ),
    ] {
        let envelope = EventEnvelope::of(&event).unwrap();
        assert_eq!(envelope.to_json(), text);
        let read = EventEnvelope::from_json(text).unwrap();
        assert_eq!(read, envelope);
        assert_eq!(read.open::<Lunar>().unwrap(), Some(event));
        assert_eq!(read.engine(), None);
    }
    assert_eq!(EventEnvelope::of(&eclipsed(None)).unwrap().block_time(), None);
}

#[test]
fn a_number_beside_an_event_changes_nothing_of_its_text() {
    let lunar = EventEnvelope::of(&eclipsed(Some(7))).unwrap().to_json();
    for event in EARLIER.map(|(text, ..)| text).into_iter().chain([&*lunar]) {
        let text = format!(r#"{{"sequence":9,"event":{event}}}"#);
        let read: SequencedEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(read.sequence, EventSeq::new(9));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}

#[test]
fn a_kind_of_a_later_release_is_passed_on_and_not_opened() {
    let engine = r#"{"type":"audited","chain":1,"body":{"b":1.0,"a":2}}"#;
    let lunar = r#"{"domain":"lunar","subject":"lunar","body":{"type":"landed","b":1.0,"a":2}}"#;
    for (text, subject) in [(engine, "engine"), (lunar, "lunar")] {
        let envelope = EventEnvelope::from_json(text).unwrap();
        assert_eq!(envelope.to_json(), text);
        assert_eq!(envelope.subject().as_str(), subject);
        assert_eq!((envelope.engine(), envelope.open::<Lunar>().unwrap()), (None, None));
    }
}

#[test]
fn a_body_that_is_not_that_of_its_kind_is_an_error() {
    let lunar = r#"{"domain":"lunar","subject":"lunar","body":{"type":"rebased","reason":3}}"#;
    let read = EventEnvelope::from_json(lunar).unwrap();
    assert!(matches!(read.open::<Lunar>(), Err(EnvelopeError::Malformed(_))));
    let engine = r#"{"type":"chain_halted","chain":"one","reason":"why"}"#;
    assert!(matches!(EventEnvelope::from_json(engine), Err(EnvelopeError::Malformed(_))));
}

/// A domain that takes the engine's name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Usurper {
    ChainHalted { chain: String },
}

impl DomainEvent for Usurper {
    const DOMAIN: &'static str = "engine";
    const KINDS: &'static [&'static str] = &["chain_halted"];

    fn subject(&self) -> Subject {
        Subject::new("chain:1").unwrap()
    }

    fn block_time(&self) -> Option<Timestamp> {
        None
    }
}

#[test]
fn an_event_in_the_engines_name_that_the_engine_cannot_read_is_refused() {
    let usurper = EventEnvelope::of(&Usurper::ChainHalted { chain: "one".to_owned() });
    assert!(matches!(usurper, Err(EnvelopeError::Malformed(_))), "{usurper:?}");
    let (text, ..) = EARLIER[6];
    let halted = EventEnvelope::from_json(text).unwrap().engine().unwrap();
    assert_eq!(EventEnvelope::of(&halted).unwrap(), EventEnvelope::from(halted));
}

#[test]
fn what_an_envelope_would_not_write_is_refused() {
    let kind = "k".repeat(EventEnvelope::KIND_BYTES_MAX + 1);
    for text in [
        "",
        "7",
        "[]",
        "{}",
        r#"{"kind":"confirmed"}"#,
        r#"{"type":7}"#,
        r#"{"type":""}"#,
        r#"{"type":"Landed"}"#,
        "{\"type\":\"landed\",\n\"at\":7}",
        &format!(r#"{{"type":"{kind}"}}"#),
        r#"{"domain":"lunar","body":{"type":"landed"}}"#,
        r#"{"domain":"lunar","subject":"lunar"}"#,
        r#"{"domain":"","subject":"lunar","body":{"type":"landed"}}"#,
        r#"{"domain":"lunar","subject":"","body":{"type":"landed"}}"#,
        r#"["landed"]"#,
        r#"["chain_halted",1,"why"]"#,
        r#" {"type":"landed"}"#,
        "{\"type\":\"landed\"} ",
        r#"{"domain":"lunar","subject":"lunar","body":[]}"#,
        r#"{"domain":"lunar","subject":"lunar","body":["landed"]}"#,
        r#"{"domain":"lunar","subject":"lunar","body":{"type":"landed"},"more":1}"#,
        r#"{"domain":"lunar","subject":"lunar", "body":{"type":"landed"}}"#,
        r#"{"domain":"lunar","body":{"type":"landed"},"subject":"lunar"}"#,
        r#"{"domain":"lunar","subject":"lunar","time":null,"body":{"type":"landed"}}"#,
        r#"{"domain":"lunar","subject":"lunar","time":1099511627776,"body":{"type":"landed"}}"#,
        r#"{"domain":"engine","subject":"chain:1","body":{"type":"chain_halted","chain":1,"reason":""}}"#,
    ] {
        assert!(EventEnvelope::from_json(text).is_err(), "{text}");
    }
}

/// Events whose JSON is an array, as that of every tuple.
#[derive(Debug, Serialize, Deserialize)]
struct Listed(String, u64);

impl DomainEvent for Listed {
    const DOMAIN: &'static str = "listed";
    const KINDS: &'static [&'static str] = &["landed"];

    fn subject(&self) -> Subject {
        Subject::new(Self::DOMAIN).unwrap()
    }

    fn block_time(&self) -> Option<Timestamp> {
        None
    }
}

#[test]
fn an_event_that_is_not_an_object_is_refused() {
    let listed = EventEnvelope::of(&Listed("landed".to_owned(), 7));
    assert!(matches!(listed, Err(EnvelopeError::NotAnEvent(_))), "{listed:?}");
}

#[test]
fn an_event_that_is_no_fact_but_a_document_is_refused() {
    let around = EventEnvelope::of(&Lunar::Rebased { reason: String::new() }).unwrap().body().len();
    let of_length =
        |bytes: usize| EventEnvelope::of(&Lunar::Rebased { reason: "x".repeat(bytes - around) });
    assert!(of_length(EventEnvelope::BODY_BYTES_MAX).is_ok());
    let long = of_length(EventEnvelope::BODY_BYTES_MAX + 1);
    assert!(matches!(long, Err(EnvelopeError::OutOfRange(_))), "{long:?}");
}
