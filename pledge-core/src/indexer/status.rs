//! What a chain's indexer is doing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A chain's state. `Paused` and `Halted` last until a person resumes the chain, also over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", content = "reason", rename_all = "snake_case")]
pub enum ChainStatus {
    /// Behind the newest confirmed block, and catching up.
    #[default]
    Syncing,
    /// At the newest confirmed block.
    Live,
    /// Its nodes fail or its store fails; it goes on trying.
    Degraded(String),
    /// Stopped by a person.
    Paused,
    /// Cannot go on without a person.
    Halted(String),
}

impl ChainStatus {
    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Syncing => "syncing",
            Self::Live => "live",
            Self::Degraded(_) => "degraded",
            Self::Paused => "paused",
            Self::Halted(_) => "halted",
        }
    }

    /// Why, where there is a why.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Degraded(reason) | Self::Halted(reason) => Some(reason),
            Self::Syncing | Self::Live | Self::Paused => None,
        }
    }

    /// Whether only a person can set it going again.
    pub const fn is_latched(&self) -> bool {
        matches!(self, Self::Paused | Self::Halted(_))
    }
}

impl fmt::Display for ChainStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{}: {reason}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}
