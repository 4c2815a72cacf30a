//! How a chain or a token is stopped, as a reader is shown it.

use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenStatus;

use super::ReasonCode;

/// The status of a chain or a token with its reasons: an answer shows them, and a caller names them again that
/// resumes what it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The name of the status.
    pub(crate) status: &'static str,
    /// Why it is not well, if it is not.
    pub(crate) reason: Option<String>,
    /// Why it is halted besides, while it is paused.
    pub(crate) halt_reason: Option<String>,
}

impl Stop {
    /// That of a chain. Texts of nodes, servers and operators are for who may read everything.
    pub(crate) fn of_chain(status: &ChainStatus, sees_all: bool) -> Self {
        let halt = status.halt_under_pause();
        let (reason, halt_reason) = if sees_all {
            (status.reason().map(str::to_owned), halt.map(str::to_owned))
        } else {
            let reason = ReasonCode::of_chain(status).map(ReasonCode::text);
            (reason, halt.map(|_| ReasonCode::NeedsOperator.text()))
        };
        Self { status: status.name(), reason, halt_reason }
    }

    /// That of a token, whose faults are worded from the chain alone.
    pub(crate) fn of_token(status: &TokenStatus, sees_all: bool) -> Self {
        let reason = match status.reason() {
            Some(reason) if sees_all => Some(reason.to_owned()),
            _ => ReasonCode::text_of_token(status),
        };
        let halt_reason = status.halt_under_pause().map(str::to_owned);
        Self { status: status.name(), reason, halt_reason }
    }
}
