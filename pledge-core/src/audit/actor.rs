//! Who acts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checked_line;
use crate::types::OutOfRange;

/// What vouches for an actor's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person who signed in.
    Person,
    /// A command on the machine, by the name of the system's user.
    CommandLine,
    /// The configuration file, by the key that was changed.
    Configuration,
    /// A program that embeds the library, by a name that it chose.
    Program,
}

impl ActorKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 4] =
        [Self::Person, Self::CommandLine, Self::Configuration, Self::Program];

    /// The kind as it is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::CommandLine => "command_line",
            Self::Configuration => "configuration",
            Self::Program => "program",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Result<Self, OutOfRange> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        let bound = "person, command_line, configuration or program";
        found.ok_or_else(|| OutOfRange::new("kind of actor", name, bound))
    }
}

/// Who acts: a name, and what vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedActor")]
pub struct Actor {
    /// What vouches for the name.
    pub kind: ActorKind,
    name: String,
}

/// An actor as it is read from outside.
#[derive(Deserialize)]
struct UncheckedActor {
    kind: ActorKind,
    name: String,
}

impl TryFrom<UncheckedActor> for Actor {
    type Error = OutOfRange;

    fn try_from(unchecked: UncheckedActor) -> Result<Self, OutOfRange> {
        Self::new(unchecked.kind, &unchecked.name)
    }
}

impl Actor {
    /// The longest name, in characters.
    pub const NAME_CHARS_MAX: usize = 160;

    /// A name of 1 to [`Actor::NAME_CHARS_MAX`] characters, none of them a control character, without
    /// spaces around it.
    pub fn new(kind: ActorKind, name: &str) -> Result<Self, OutOfRange> {
        let bound = "1 to 160 characters on one line, without spaces around them";
        let name = checked_line("name of an actor", name, Self::NAME_CHARS_MAX, bound)?;
        Ok(Self { kind, name })
    }

    /// The name, unique among actors of the kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// `KIND:NAME`, as a person types it.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

impl std::str::FromStr for Actor {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let (kind, name) =
            text.split_once(':').ok_or_else(|| OutOfRange::new("actor", text, "KIND:NAME"))?;
        Self::new(ActorKind::named(kind)?, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_read_as_it_is_shown() {
        for kind in ActorKind::ALL {
            let actor = Actor::new(kind, "Élise: night shift").unwrap();
            assert_eq!(actor.to_string().parse::<Actor>().unwrap(), actor);
            let json = serde_json::to_string(&actor).unwrap();
            assert!(json.contains(kind.name()), "{json}");
            assert_eq!(serde_json::from_str::<Actor>(&json).unwrap(), actor);
        }
    }

    #[test]
    fn a_name_is_one_short_line() {
        for wrong in ["", " root", "root ", "a\nb", "a\0b", &"x".repeat(161)] {
            let error = Actor::new(ActorKind::Person, wrong).unwrap_err().to_string();
            assert!(error.contains("1 to 160 characters"), "{error}");
            let json = serde_json::json!({ "kind": "person", "name": wrong });
            assert!(serde_json::from_value::<Actor>(json).is_err(), "{wrong:?}");
        }
        assert!(Actor::new(ActorKind::Person, &"é".repeat(160)).is_ok());
    }
}
