//! The envelope that events of every domain travel in.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Event, Subject};
use crate::types::{OutOfRange, Timestamp, checked_name};

/// The events of one domain: a typed enum that converts to an [`EventEnvelope`] and back.
///
/// Its JSON is an object whose `type` names the kind, as `#[serde(tag = "type")]` writes it, and is the
/// body of the envelope. An event once written stays as it is, so a release reads the JSON of every
/// release before it: a new field is optional, a kind keeps its name.
pub trait DomainEvent: Serialize + DeserializeOwned {
    /// The domain: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
    const DOMAIN: &'static str;
    /// The kinds that this release knows. A later release may add some.
    const KINDS: &'static [&'static str];

    /// What the event is about.
    fn subject(&self) -> Subject;

    /// The block time of the fact; `None` for one that belongs to no block.
    fn block_time(&self) -> Option<Timestamp>;
}

/// An event of any domain: what is known about it without knowing the domain, and its body.
///
/// A reader that knows the domain opens it. One that does not passes it on, and the body stays the
/// same to the byte, through stores, archives and receivers.
///
/// # As JSON
/// An event of the engine is its body alone, `{"type":"confirmed","chain":1,…}`: the other parts
/// follow from it. One of another domain has them next to it:
/// `{"domain":"prices","subject":"price:PLGR","time":1767283200,"body":{"type":"halted",…}}`, without
/// `time` where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEnvelope {
    domain: String,
    kind: String,
    subject: Subject,
    block_time: Option<Timestamp>,
    body: Box<str>,
}

/// Why a text is no event, or an event not one of the type that it should be.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// A part is too long, or has characters that it may not have.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The text is not the JSON of an event.
    #[error("this is not the JSON of an event")]
    Malformed(#[from] serde_json::Error),
    /// The JSON is not as an event is written.
    #[error("this is not an event: {0}")]
    NotAnEvent(&'static str),
}

impl EventEnvelope {
    /// The longest body of another domain than the engine, in bytes: an event is a fact, not a document.
    pub const BODY_BYTES_MAX: usize = 64 << 10;
    /// The longest kind, in bytes.
    pub const KIND_BYTES_MAX: usize = 64;

    /// The envelope of an event. An error if a part is out of its bounds, or the JSON not an object with
    /// a `type`. Those of the engine are `From<Event>`.
    pub fn of<E: DomainEvent>(event: &E) -> Result<Self, EnvelopeError> {
        let body = serde_json::to_string(event)?;
        if E::DOMAIN == Event::DOMAIN {
            return Self::of_body(&body);
        }
        Self::of_parts(E::DOMAIN, event.subject(), event.block_time(), &body)
    }

    /// The event, if it is one of this domain and of a kind that this release knows. An error if its
    /// body is not that of its kind.
    pub fn open<E: DomainEvent>(&self) -> Result<Option<E>, EnvelopeError> {
        if self.domain != E::DOMAIN || !E::KINDS.contains(&&*self.kind) {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&self.body)?))
    }

    /// The event, if it is one of the engine that this release knows.
    pub fn engine(&self) -> Option<Event> {
        self.open().expect("no envelope of the engine is made without reading its body")
    }

    /// Reads the JSON that an envelope writes, and no other.
    pub fn from_json(text: &str) -> Result<Self, EnvelopeError> {
        // What earlier releases wrote is a body alone, so the first name distinguishes the two forms.
        if !text.starts_with("{\"domain\":") {
            return Self::of_body(text);
        }
        let Parts { domain, subject, time, body } = serde_json::from_str(text)?;
        if domain == Event::DOMAIN {
            return Err(EnvelopeError::NotAnEvent("an event of the engine is its body alone"));
        }
        let envelope = Self::of_parts(&domain, subject, time, body.get())?;
        if envelope.to_json() != text {
            return Err(EnvelopeError::NotAnEvent("it is written in another way"));
        }
        Ok(envelope)
    }

    /// The JSON of the whole envelope, on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("every envelope has its JSON")
    }

    fn of_parts(
        domain: &str,
        subject: Subject,
        block_time: Option<Timestamp>,
        body: &str,
    ) -> Result<Self, EnvelopeError> {
        let (domain, kind) = (checked_name("domain", domain)?, kind_of(body)?);
        if body.len() > Self::BODY_BYTES_MAX {
            let length = OutOfRange::new("length of an event", body.len(), "at most 65,536 bytes");
            return Err(length.into());
        }
        Ok(Self { domain, kind, subject, block_time, body: body.into() })
    }

    /// An event of the engine, whose other parts follow from its body. Of a kind that only a later
    /// release knows, nothing follows.
    fn of_body(body: &str) -> Result<Self, EnvelopeError> {
        let kind = kind_of(body)?;
        if Event::KINDS.contains(&&*kind) {
            let event: Event = serde_json::from_str(body)?;
            return Ok(Self::of_engine(&event, kind, body.to_owned()));
        }
        let (domain, subject) = (Event::DOMAIN.to_owned(), Subject::new(Event::DOMAIN)?);
        Ok(Self { domain, kind, subject, block_time: None, body: body.into() })
    }

    fn of_engine(event: &Event, kind: String, body: String) -> Self {
        let (subject, block_time) = (event.subject(), event.block_time());
        Self { domain: Event::DOMAIN.to_owned(), kind, subject, block_time, body: body.into() }
    }

    /// The domain that wrote the event.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Which of its domain's events it is: the `type` in its body.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the event is about.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The block time of the fact; `None` for one that belongs to no block.
    pub const fn block_time(&self) -> Option<Timestamp> {
        self.block_time
    }

    /// The domain's own JSON of the event: an object, on one line.
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl From<Event> for EventEnvelope {
    fn from(event: Event) -> Self {
        let body = serde_json::to_string(&event).expect("the engine's events are plain JSON");
        Self::of_engine(&event, event.name().to_owned(), body)
    }
}

/// The `type` of a body, which is an object on one line.
fn kind_of(body: &str) -> Result<String, EnvelopeError> {
    #[derive(Deserialize)]
    struct Tagged {
        r#type: String,
    }
    // A tagged struct is read from an array, too, by the order of its fields.
    if !body.starts_with('{') || !body.ends_with('}') {
        return Err(EnvelopeError::NotAnEvent("its JSON is not an object alone"));
    }
    let Tagged { r#type: kind } = serde_json::from_str(body)?;
    if body.contains(['\n', '\r']) {
        return Err(EnvelopeError::NotAnEvent("its JSON has more than one line"));
    }
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=EventEnvelope::KIND_BYTES_MAX).contains(&kind.len()) && kind.bytes().all(is_allowed) {
        return Ok(kind);
    }
    Err(OutOfRange::new("type of an event", kind, "1 to 64 characters of a-z, 0-9 and _").into())
}

/// The JSON of an event of another domain than the engine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts<'a> {
    domain: String,
    subject: Subject,
    time: Option<Timestamp>,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl Serialize for EventEnvelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let body: &RawValue = serde_json::from_str(&self.body).map_err(S::Error::custom)?;
        if self.domain == Event::DOMAIN {
            return body.serialize(serializer);
        }
        let length = 3 + usize::from(self.block_time.is_some());
        let mut parts = serializer.serialize_struct("EventEnvelope", length)?;
        parts.serialize_field("domain", &self.domain)?;
        parts.serialize_field("subject", &self.subject)?;
        if let Some(time) = self.block_time {
            parts.serialize_field("time", &time)?;
        }
        parts.serialize_field("body", body)?;
        parts.end()
    }
}

/// From JSON itself. A value that serde holds in between, as for a flattened or tagged field, has lost
/// its text and is refused.
impl<'de> Deserialize<'de> for EventEnvelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_json(text.get()).map_err(D::Error::custom)
    }
}

/// For people: one line, without a full stop.
impl fmt::Display for EventEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.engine() {
            Some(event) => event.fmt(f),
            None => write!(f, "{}: {} of {}", self.subject, self.kind, self.domain),
        }
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
