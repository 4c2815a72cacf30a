//! What an event is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Consumer;
use crate::types::{ChainId, OutOfRange, ProgrammeId, TokenId};

/// What an event is about, as one text: a word for its kind, then what identifies it among its kind.
///
/// | subject | of |
/// |---|---|
/// | `chain:1` | a chain |
/// | `token:1:0xdAC1…1ec7` | a token |
/// | `programme:1:0xdAC1…1ec7:main` | a programme |
/// | `consumer:mail` | a consumer of events |
/// | `engine` | the domain itself: an event that is about no single thing |
///
/// An office domain adds words of its own, such as `price:PLGR`. Equal texts are equal subjects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subject(String);

impl Subject {
    /// The longest text, in bytes.
    pub const BYTES_MAX: usize = 160;

    /// A subject: 1 to 160 characters of `A-Z`, `a-z`, `0-9` and `-_.:/`, of which the first is a
    /// letter.
    pub fn new(text: impl Into<String>) -> Result<Self, OutOfRange> {
        let text = text.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
        if begins && text.len() <= Self::BYTES_MAX && text.bytes().all(is_allowed) {
            Ok(Self(text))
        } else {
            Err(OutOfRange::new(
                "subject",
                text,
                "1 to 160 of A-Z, a-z, 0-9, -_.:/ from a letter on",
            ))
        }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The subject that its parts make, none of which is long or has another character.
macro_rules! subject {
    ($($part:tt)+) => {
        Subject::new(format!($($part)+)).expect("identifiers of the engine are short and plain")
    };
}

impl From<ChainId> for Subject {
    fn from(chain: ChainId) -> Self {
        subject!("chain:{chain}")
    }
}

impl From<TokenId> for Subject {
    fn from(token: TokenId) -> Self {
        subject!("token:{token}")
    }
}

impl From<&ProgrammeId> for Subject {
    fn from(programme: &ProgrammeId) -> Self {
        subject!("programme:{programme}")
    }
}

impl From<&Consumer> for Subject {
    fn from(consumer: &Consumer) -> Self {
        subject!("consumer:{consumer}")
    }
}

impl TryFrom<String> for Subject {
    type Error = OutOfRange;

    fn try_from(text: String) -> Result<Self, OutOfRange> {
        Self::new(text)
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    #[test]
    fn the_longest_identifiers_of_the_engine_are_subjects() {
        let token = TokenId { chain: ChainId::new(u64::MAX), address: Address::repeat_byte(0xff) };
        let name = "x".repeat(32);
        let programme = ProgrammeId::new(token, &name).unwrap();
        let consumer = Consumer::new(&name).unwrap();
        let address = token.address;
        assert_eq!(Subject::from(token.chain).as_str(), "chain:18446744073709551615");
        let of_token = format!("18446744073709551615:{address}");
        assert_eq!(Subject::from(token).as_str(), format!("token:{of_token}"));
        assert_eq!(Subject::from(&programme).as_str(), format!("programme:{of_token}:{name}"));
        assert_eq!(Subject::from(&consumer).as_str(), format!("consumer:{name}"));
    }

    #[test]
    fn a_text_that_is_empty_long_or_of_other_characters_is_refused() {
        let long = "x".repeat(Subject::BYTES_MAX + 1);
        for text in ["", "1:chain", ":chain", "chain 1", "chain\n", "kette:ü", &long] {
            assert!(Subject::new(text).is_err(), "{text}");
        }
        assert!(Subject::new("x".repeat(Subject::BYTES_MAX)).is_ok());
    }
}
