//! What a chain's indexer is doing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audit::Attribution;
use crate::ledger::write_status;
use crate::types::OutOfRange;

/// A chain's state. A pause and a halt last until an operator resumes the chain, also across
/// restarts; a chain may have both.
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
    /// Stopped by an operator, and unable to go on besides.
    PausedAndHalted {
        /// The operator's reason, if one was given.
        pause: Option<String>,
        /// Why it cannot go on.
        halt: String,
    },
}

/// A state as it is stored: a name, and a reason where there is one.
#[derive(Serialize, Deserialize)]
struct Written {
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    halt_reason: Option<String>,
}

impl From<ChainStatus> for Written {
    fn from(status: ChainStatus) -> Self {
        Self {
            status: status.name().to_owned(),
            reason: status.reason().map(str::to_owned),
            halt_reason: status.halt_under_pause().map(str::to_owned),
        }
    }
}

impl TryFrom<Written> for ChainStatus {
    type Error = OutOfRange;

    fn try_from(written: Written) -> Result<Self, OutOfRange> {
        Self::from_parts(&written.status, written.reason, written.halt_reason)
    }
}

impl ChainStatus {
    /// The state with this name and these reasons, as [`ChainStatus::name`], [`ChainStatus::reason`]
    /// and [`ChainStatus::halt_under_pause`] return them.
    pub fn from_parts(
        name: &str,
        reason: Option<String>,
        halt_under_pause: Option<String>,
    ) -> Result<Self, OutOfRange> {
        match (name, reason, halt_under_pause) {
            ("syncing", None, None) => Ok(Self::Syncing),
            ("live", None, None) => Ok(Self::Live),
            ("paused", reason, None) => Ok(Self::Paused(reason)),
            ("paused", pause, Some(halt)) => Ok(Self::PausedAndHalted { pause, halt }),
            ("degraded", Some(reason), None) => Ok(Self::Degraded(reason)),
            ("halted", Some(reason), None) => Ok(Self::Halted(reason)),
            (name, ..) => Err(OutOfRange::new(
                "status",
                name,
                "syncing or live, paused, or degraded or halted with a reason",
            )),
        }
    }

    /// The state's name, as stored and as shown: `paused` whether it is halted too or not.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Syncing => "syncing",
            Self::Live => "live",
            Self::Degraded(_) => "degraded",
            Self::Paused(_) | Self::PausedAndHalted { .. } => "paused",
            Self::Halted(_) => "halted",
        }
    }

    /// The reason of the state that is named, where it has one: of a chain that is paused and halted,
    /// the operator's.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Degraded(reason) | Self::Halted(reason) => Some(reason),
            Self::Paused(pause) | Self::PausedAndHalted { pause, .. } => pause.as_deref(),
            Self::Syncing | Self::Live => None,
        }
    }

    /// Why it is halted, where it is paused too.
    pub fn halt_under_pause(&self) -> Option<&str> {
        match self {
            Self::PausedAndHalted { halt, .. } => Some(halt),
            _ => None,
        }
    }

    /// The state after an operator pauses the chain; otherwise why that is refused. A halted chain
    /// is not followed anyway. What halted it meanwhile stays.
    pub fn paused(&self, by: &Attribution) -> Result<Self, String> {
        let pause = by.reason();
        match self {
            Self::Halted(reason) => {
                Err(format!("it is halted, so it is not followed and need not be paused: {reason}"))
            }
            Self::PausedAndHalted { halt, .. } => {
                Ok(Self::PausedAndHalted { pause, halt: halt.clone() })
            }
            _ => Ok(Self::Paused(pause)),
        }
    }

    /// The state after an operator resumes the chain, having found it as `found`: one that was not
    /// stopped stays as it is. Otherwise why that is refused: something else stops it than what the
    /// operator decided about.
    pub fn resumed(&self, found: &Self) -> Result<Self, String> {
        if !self.needs_operator() {
            return Ok(self.clone());
        }
        if self == found {
            return Ok(Self::Syncing);
        }
        Err(format!("it is {self}, not {found} as it was found: read it again, then resume it"))
    }

    /// The state after an indexer's report. A stopped chain stays so; a halt is kept next to a pause.
    pub(crate) fn reported(&self, report: &Self) -> Self {
        match (self, report) {
            (Self::Paused(pause) | Self::PausedAndHalted { pause, .. }, Self::Halted(halt)) => {
                Self::PausedAndHalted { pause: pause.clone(), halt: halt.clone() }
            }
            (kept, report) if kept.needs_operator() && !report.needs_operator() => kept.clone(),
            (_, report) => report.clone(),
        }
    }

    /// Whether an operator stopped it.
    pub const fn is_paused(&self) -> bool {
        matches!(self, Self::Paused(_) | Self::PausedAndHalted { .. })
    }

    /// Whether only an operator can resume the chain.
    pub const fn needs_operator(&self) -> bool {
        self.is_paused() || matches!(self, Self::Halted(_))
    }
}

impl fmt::Display for ChainStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_status(f, self.name(), self.reason(), self.halt_under_pause())
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
            (
                ChainStatus::PausedAndHalted { pause: None, halt: because() },
                r#"{"status":"paused","halt_reason":"moving the node"}"#,
            ),
        ];
        for (status, kept) in cases {
            assert_eq!(serde_json::to_string(&status).unwrap(), kept);
            assert_eq!(serde_json::from_str::<ChainStatus>(kept).unwrap(), status);
        }
        let of_live = r#"{"status":"live","halt_reason":"none of a live chain"}"#;
        for wrong in [r#"{"status":"halted"}"#, r#"{"status":"asleep"}"#, of_live] {
            assert!(serde_json::from_str::<ChainStatus>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn both_reasons_of_a_chain_that_is_paused_and_halted_are_shown() {
        let (pause, halt) = (Some("moving the node".to_owned()), "too deep".to_owned());
        let both = ChainStatus::PausedAndHalted { pause, halt: halt.clone() };
        assert_eq!(both.to_string(), "paused and halted: too deep; paused: moving the node");
        let silent = ChainStatus::PausedAndHalted { pause: None, halt };
        assert_eq!(silent.to_string(), "paused and halted: too deep");
    }
}
