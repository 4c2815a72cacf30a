//! What an act is about.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::checked_line;
use crate::points::Scope;
use crate::types::{ChainId, OutOfRange, ProgrammeId, Timestamp, TokenId, checked_name};

/// What an act is about: a kind, and an id that is unique among its kind.
///
/// Kinds are open, so that a domain of its own names what it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedObject")]
pub struct AuditObject {
    kind: String,
    id: String,
}

/// An object as it is read from outside.
#[derive(Deserialize)]
struct UncheckedObject {
    kind: String,
    id: String,
}

impl TryFrom<UncheckedObject> for AuditObject {
    type Error = OutOfRange;

    fn try_from(unchecked: UncheckedObject) -> Result<Self, OutOfRange> {
        Self::new(&unchecked.kind, &unchecked.id)
    }
}

impl AuditObject {
    /// The longest id, in characters.
    pub const ID_CHARS_MAX: usize = 160;

    /// A kind of 1 to 32 characters of `a-z`, `0-9`, `-` and `_`, and an id on one line.
    pub fn new(kind: &str, id: &str) -> Result<Self, OutOfRange> {
        let kind = checked_name("kind of object", kind)?;
        let bound = "1 to 160 characters on one line, without spaces around them";
        let id = checked_line("id of an object", id, Self::ID_CHARS_MAX, bound)?;
        Ok(Self { kind, id })
    }

    fn known(kind: &str, id: impl fmt::Display) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string() }
    }

    /// A chain, by its id.
    pub fn chain(chain: ChainId) -> Self {
        Self::known("chain", chain)
    }

    /// A token, by chain and address.
    pub fn token(token: TokenId) -> Self {
        Self::known("token", token)
    }

    /// A programme, by token and name.
    pub fn programme(programme: &ProgrammeId) -> Self {
        Self::known("programme", programme)
    }

    /// What a decision about points reaches.
    pub fn scope(scope: &Scope) -> Self {
        match scope {
            Scope::Programme(programme) => Self::programme(programme),
            Scope::Token(token) => Self::token(*token),
            Scope::Chain(chain) => Self::chain(*chain),
            Scope::All => Self::known("store", "all"),
        }
    }

    /// The settlement of a window, by its start.
    pub fn settlement(programme: &ProgrammeId, window_start: Timestamp) -> Self {
        Self::known("settlement", format_args!("{programme}:{}", window_start.get()))
    }

    /// An archive, by its digest.
    pub fn archive(digest: B256) -> Self {
        Self::known("archive", digest)
    }

    /// What the id is the id of.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id, unique among objects of the kind.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// `KIND:ID`, as a person types it.
impl fmt::Display for AuditObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

impl FromStr for AuditObject {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let (kind, id) =
            text.split_once(':').ok_or_else(|| OutOfRange::new("object", text, "KIND:ID"))?;
        Self::new(kind, id)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    #[test]
    fn the_longest_id_of_the_engine_is_within_the_bound() {
        let token = TokenId { chain: ChainId::new(u64::MAX), address: Address::repeat_byte(0xff) };
        let programme = ProgrammeId::new(token, &"p".repeat(32)).unwrap();
        let objects = [
            AuditObject::chain(token.chain),
            AuditObject::token(token),
            AuditObject::programme(&programme),
            AuditObject::settlement(&programme, Timestamp::MAX),
            AuditObject::archive(B256::repeat_byte(0xff)),
        ];
        for object in objects {
            assert_eq!(AuditObject::new(object.kind(), object.id()).unwrap(), object);
            assert_eq!(object.to_string().parse::<AuditObject>().unwrap(), object);
            let json = serde_json::to_string(&object).unwrap();
            assert_eq!(serde_json::from_str::<AuditObject>(&json).unwrap(), object);
        }
    }

    #[test]
    fn a_kind_is_a_name_and_an_id_is_one_line() {
        for wrong in ["chain", ":1", "Chain:1", "chain:", "chain:a\nb", "chain: 1"] {
            assert!(wrong.parse::<AuditObject>().is_err(), "{wrong:?}");
        }
        assert!(AuditObject::new("chain", &"1".repeat(161)).is_err());
    }
}
