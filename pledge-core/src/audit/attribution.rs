//! Who acts, when and why.

use std::net::IpAddr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Actor, ActorKind, checked_line, line_text};
use crate::types::{OutOfRange, Timestamp};

/// Who makes a write, and why: what a record has apart from what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// Who acts, and what vouches for the name.
    pub actor: Actor,
    /// When, by a wall clock of the actor's side. It orders nothing: numbers do.
    pub at: Timestamp,
    /// Why, in the actor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The request that asked for it, by which its log lines are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// Where the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl Attribution {
    /// An act without a reason, which no request asked for.
    pub const fn new(actor: Actor, at: Timestamp) -> Self {
        Self { actor, at, reason: None, request: None, address: None }
    }

    /// An act of a program that embeds the library, under a name of its choice; `now` is the wall
    /// clock. An error for a name that [`Actor::new`] refuses, or a clock before 1970.
    pub fn program(name: &str, now: SystemTime) -> Result<Self, OutOfRange> {
        Ok(Self::new(Actor::new(ActorKind::Program, name)?, Timestamp::of_clock(now)?))
    }

    /// With the actor's reason.
    #[must_use]
    pub fn because(self, reason: Reason) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The reason as a status keeps it.
    pub fn reason(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| reason.as_str().to_owned())
    }
}

/// Why a person acts: one line of up to [`Reason::CHARS_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

impl Reason {
    /// The longest reason, in characters.
    pub const CHARS_MAX: usize = 1_000;

    /// One line, without control characters or spaces around it.
    pub fn new(text: &str) -> Result<Self, OutOfRange> {
        let bound = "1 to 1000 characters on one line, without spaces around them";
        checked_line("reason", text, Self::CHARS_MAX, bound).map(Self)
    }
}

line_text!(Reason);

/// The id of a request: 1 to [`RequestId::CHARS_MAX`] printable characters of ASCII, no space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

impl RequestId {
    /// The longest id, in characters.
    pub const CHARS_MAX: usize = 64;

    /// An id as the caller's request carries it.
    pub fn new(text: &str) -> Result<Self, OutOfRange> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain && (1..=Self::CHARS_MAX).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        let bound = "1 to 64 printable characters of ASCII, none of them a space";
        Err(OutOfRange::new("request id", format!("{text:?}"), bound))
    }
}

line_text!(RequestId);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_reason_is_one_line_with_a_bound() {
        assert_eq!(Reason::new("moving the node").unwrap().as_str(), "moving the node");
        assert!(Reason::new(&"ü".repeat(1_000)).is_ok());
        for wrong in ["", " ", " early", "late ", "two\nlines", "nul\0", &"x".repeat(1_001)] {
            let error = Reason::new(wrong).unwrap_err().to_string();
            assert!(error.contains("1 to 1000 characters"), "{error}");
        }
    }

    #[test]
    fn a_request_id_is_one_word_with_a_bound() {
        assert!(RequestId::new(&"r".repeat(64)).is_ok());
        for wrong in ["", "two words", "ü", "tab\t", &"r".repeat(65)] {
            let error = RequestId::new(wrong).unwrap_err().to_string();
            assert!(error.contains("printable characters"), "{error}");
        }
    }

    #[test]
    fn a_program_acts_at_the_second_of_its_clock() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_279_600_999);
        let by = Attribution::program("backend", now).unwrap();
        assert_eq!(by.at.get(), 1_767_279_600);
        assert_eq!(by.actor.to_string(), "program:backend");
        let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert!(Attribution::program("backend", before_1970).is_err());
    }

    #[test]
    fn what_is_not_known_is_left_out_of_the_text() {
        let by = Attribution::program("backend", SystemTime::UNIX_EPOCH).unwrap();
        let json = serde_json::to_string(&by).unwrap();
        assert_eq!(json, r#"{"actor":{"kind":"program","name":"backend"},"at":0}"#);
        let full = Attribution {
            reason: Some(Reason::new("why").unwrap()),
            request: Some(RequestId::new("r-1").unwrap()),
            address: Some("2001:db8::1".parse().unwrap()),
            ..by
        };
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Attribution>(&json).unwrap(), full);
    }
}
