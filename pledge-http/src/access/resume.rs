//! The body of an act that ends a stop.

use pledge_core::audit::Reason;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::views::Stop;

/// The reason of an act that ends a stop, and which stop that is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResumeRequest {
    /// Kept with who did it.
    pub(crate) reason: Reason,
    /// The stop that the caller decided about. Where it is stopped otherwise by now, nothing is resumed. Without it
    /// whatever stops it is ended.
    #[serde(default)]
    pub(crate) found: Option<FoundStopRequest>,
}

/// A stop, as an answer about the chain or the token showed it to the caller.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoundStopRequest {
    status: StoppedStatus,
    /// The `reason` of the answer.
    #[serde(default)]
    reason: Option<String>,
    /// The `halt_reason` of the answer.
    #[serde(default)]
    halt_reason: Option<String>,
}

/// The status of what is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String", rename_all = "snake_case")]
pub(crate) enum StoppedStatus {
    /// By an operator, whether it is halted besides or not.
    Paused,
    /// By a fault.
    Halted,
}

impl StoppedStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Halted => "halted",
        }
    }
}

/// By way of a text: what is none at all is then a wrong field like any other.
impl TryFrom<String> for StoppedStatus {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let found = [Self::Paused, Self::Halted].into_iter().find(|status| status.name() == name);
        found.ok_or("not the status of what is stopped")
    }
}

impl FoundStopRequest {
    /// Whether it is the stop that the caller would be shown now.
    pub(crate) fn is(&self, shown: &Stop) -> bool {
        self.status.name() == shown.status
            && self.reason == shown.reason
            && self.halt_reason == shown.halt_reason
    }
}
