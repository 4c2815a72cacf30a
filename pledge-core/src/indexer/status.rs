//! What a chain's indexer is doing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audit::Attribution;
use crate::types::OutOfRange;

/// A chain's state. `Paused` and `Halted` last until an operator resumes the chain, also across
/// restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum ChainStatus {
    /// Behind the newest confirmed block, and catching up.
    #[default]
    Syncing,
    /// At the newest confirmed block.
    Live,
    /// Its nodes or its store fail, or nothing moves; it keeps trying.
    Degraded(String),
    /// Stopped by an operator, with the operator's reason if one was given.
    Paused(Option<String>),
    /// Cannot go on without an operator.
    Halted(String),
}

/// A state as it is stored: a name, and a reason where there is one.
#[derive(Serialize, Deserialize)]
struct Written {
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<ChainStatus> for Written {
    fn from(status: ChainStatus) -> Self {
        Self { status: status.name().to_owned(), reason: status.reason().map(str::to_owned) }
    }
}

impl TryFrom<Written> for ChainStatus {
    type Error = OutOfRange;

    fn try_from(written: Written) -> Result<Self, OutOfRange> {
        Self::from_parts(&written.status, written.reason)
    }
}

impl ChainStatus {
    /// The state with this name and reason, as [`ChainStatus::name`] and [`ChainStatus::reason`]
    /// return them.
    pub fn from_parts(name: &str, reason: Option<String>) -> Result<Self, OutOfRange> {
        match (name, reason) {
            ("syncing", None) => Ok(Self::Syncing),
            ("live", None) => Ok(Self::Live),
            ("paused", reason) => Ok(Self::Paused(reason)),
            ("degraded", Some(reason)) => Ok(Self::Degraded(reason)),
            ("halted", Some(reason)) => Ok(Self::Halted(reason)),
            (name, _) => Err(OutOfRange::new(
                "status",
                name,
                "syncing or live, paused, or degraded or halted with a reason",
            )),
        }
    }

    /// The state's name, as stored and as shown.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Syncing => "syncing",
            Self::Live => "live",
            Self::Degraded(_) => "degraded",
            Self::Paused(_) => "paused",
            Self::Halted(_) => "halted",
        }
    }

    /// The reason, for a state that has one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Degraded(reason) | Self::Halted(reason) => Some(reason),
            Self::Paused(reason) => reason.as_deref(),
            Self::Syncing | Self::Live => None,
        }
    }

    /// The state after an operator pauses the chain; otherwise why that is refused. A halted chain
    /// is not followed anyway, and a pause would hide why.
    pub fn paused(&self, by: &Attribution) -> Result<Self, String> {
        match self {
            Self::Halted(reason) => {
                Err(format!("it is halted, so it is not followed and need not be paused: {reason}"))
            }
            _ => Ok(Self::Paused(by.reason())),
        }
    }

    /// The state after an operator resumes the chain: one that was not stopped stays as it is.
    #[must_use]
    pub fn resumed(&self) -> Self {
        if self.needs_operator() { Self::Syncing } else { self.clone() }
    }

    /// Whether only an operator can resume the chain.
    pub const fn needs_operator(&self) -> bool {
        matches!(self, Self::Paused(_) | Self::Halted(_))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_kept_as_before_and_a_pause_with_its_reason() {
        let because = || "moving the node".to_owned();
        let cases = [
            (ChainStatus::Live, r#"{"status":"live"}"#),
            (ChainStatus::Paused(None), r#"{"status":"paused"}"#),
            (
                ChainStatus::Paused(Some(because())),
                r#"{"status":"paused","reason":"moving the node"}"#,
            ),
            (ChainStatus::Halted(because()), r#"{"status":"halted","reason":"moving the node"}"#),
        ];
        for (status, kept) in cases {
            assert_eq!(serde_json::to_string(&status).unwrap(), kept);
            assert_eq!(serde_json::from_str::<ChainStatus>(kept).unwrap(), status);
        }
        for wrong in [r#"{"status":"halted"}"#, r#"{"status":"asleep"}"#] {
            assert!(serde_json::from_str::<ChainStatus>(wrong).is_err(), "{wrong}");
        }
    }
}
