//! Why something is not well, for programs and for the public.

use pledge_core::indexer::ChainStatus;
use pledge_core::ledger::TokenStatus;
use serde::Serialize;
use utoipa::ToSchema;

/// Why a chain, a token or a settlement is not well. A code never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// A node or the store fails, or nothing moves; it is tried again.
    NodeOrStoreFails,
    /// An operator stopped it.
    PausedByOperator,
    /// The chain cannot go on without an operator.
    NeedsOperator,
    /// A block of the token cannot enter the ledger.
    LedgerFault,
    /// A batch of the settlement failed; it is tried again.
    BatchFails,
}

impl ReasonCode {
    /// Why a chain is not well; `None` if it is. Of one that is paused and halted, the pause.
    pub const fn of_chain(status: &ChainStatus) -> Option<Self> {
        match status {
            ChainStatus::Syncing | ChainStatus::Live => None,
            ChainStatus::Degraded(_) => Some(Self::NodeOrStoreFails),
            ChainStatus::Paused(_) | ChainStatus::PausedAndHalted { .. } => {
                Some(Self::PausedByOperator)
            }
            ChainStatus::Halted(_) => Some(Self::NeedsOperator),
        }
    }

    /// Why a token is not well; `None` if it is. Of one that is paused and halted, the pause.
    pub const fn of_token(status: &TokenStatus) -> Option<Self> {
        match status {
            TokenStatus::Active => None,
            TokenStatus::Halted(_) => Some(Self::LedgerFault),
            TokenStatus::Paused(_) | TokenStatus::PausedAndHalted { .. } => {
                Some(Self::PausedByOperator)
            }
        }
    }

    /// The reason for the public. Texts of nodes, servers and operators may contain hosts and keys, so
    /// only the command line and the log have them.
    pub(crate) fn text(self) -> String {
        let text = match self {
            Self::NodeOrStoreFails => {
                "a node or the store fails, or nothing moves; `pledge status` has the cause"
            }
            Self::PausedByOperator => "paused by an operator",
            Self::NeedsOperator => "an operator has to decide; `pledge status` has the cause",
            Self::LedgerFault => "a block cannot enter the ledger",
            Self::BatchFails => "a batch failed; `pledge settlements --failed` has the cause",
        };
        text.to_owned()
    }

    /// Why a token is not well, for the public: a fault of the ledger is worded from the chain alone.
    pub(crate) fn text_of_token(status: &TokenStatus) -> Option<String> {
        match status {
            TokenStatus::Halted(fault) => Some(fault.clone()),
            status => Self::of_token(status).map(Self::text),
        }
    }
}
