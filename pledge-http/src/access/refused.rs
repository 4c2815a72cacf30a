//! The problem that a refused act is.

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::indexer::IndexerError;
use pledge_core::operate::OperateError;
use pledge_office::access::{AccessError, Refused};

use crate::problem::{Message, Problem, internal};

impl From<OperateError> for Problem {
    fn from(error: OperateError) -> Self {
        // No arm for the rest: a new error needs words in every language.
        let message = match error {
            OperateError::UnknownChain(chain) => Message::UnknownChain { chain: chain.to_string() },
            OperateError::UnknownToken(token) => Message::UnknownToken { token: token.to_string() },
            OperateError::UnknownProgramme(programme) => {
                Message::UnknownProgramme { programme: programme.to_string() }
            }
            OperateError::ChainHalted { name, .. } => Message::ChainHalted { chain: name },
            OperateError::ChainNotStopped { name, .. } => Message::ChainNotStopped { chain: name },
            OperateError::TokenNotStopped(token) => {
                Message::TokenNotStopped { token: token.to_string() }
            }
            OperateError::OtherStop { .. } => {
                return Self::invalid("found", Message::OtherStop {});
            }
            OperateError::NothingFailed(settlement) => {
                Message::NothingFailed { settlement: settlement.to_string() }
            }
            OperateError::ChainFollowed { name, .. } => Message::ChainFollowed { chain: name },
            OperateError::NothingAbove { to, .. } => {
                Message::NothingAbove { block: to.to_string() }
            }
            OperateError::PlanMoved => Message::PlanMoved {},
            OperateError::NoNode(chain) => Message::NoNode { chain: chain.to_string() },
            OperateError::Nodes(error) => {
                tracing::warn!(error = &*error, "the nodes of a chain cannot be used");
                Message::NodeUnavailable {}
            }
            OperateError::Rewind(error) => return of_rewind(error),
            OperateError::ProgrammeExists(programme) => {
                Message::ProgrammeExists { programme: programme.to_string() }
            }
            OperateError::RateSettled { programme, settled } => Message::RateSettled {
                programme: programme.to_string(),
                settled: settled.to_string(),
            },
            OperateError::OutOfRange(error) => return internal(&error),
            OperateError::Store(error) => return of_write(error),
        };
        Self::new(message)
    }
}

/// A rewind that the nodes did not allow. Their texts are in the log alone.
fn of_rewind(error: IndexerError) -> Problem {
    match error {
        IndexerError::Store(error) if error.kind() == StoreErrorKind::Invalid => {
            tracing::warn!(%error, "a rewind is refused");
            Problem::new(Message::RewindRefused {})
        }
        IndexerError::Store(error) => of_write(error),
        IndexerError::Chain(error) => {
            tracing::warn!(%error, "a rewind has no answer of a node");
            Problem::new(Message::NodeUnavailable {})
        }
        other => internal(&other),
    }
}

/// A write that the store refused: something else was written meanwhile.
fn of_write(error: StoreError) -> Problem {
    if error.kind() == StoreErrorKind::Conflict {
        return Problem::new(Message::StateMoved {});
    }
    error.into()
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(refused) => refused.into(),
            AccessError::Store(error) => of_write(error),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let message = match refused {
            Refused::NotAllowed(permission) => {
                Message::Forbidden { permission: permission.to_string() }
            }
            Refused::Gives(permission) => Message::GivesMore { permission: permission.to_string() },
            Refused::Outranked(permission) => {
                Message::Outranked { permission: permission.to_string() }
            }
            Refused::LastAdmin => Message::LastAdmin {},
            Refused::LastWayIn => Message::LastWayIn {},
            Refused::NameNeeded => Message::NameNeeded {},
            Refused::NameTaken => Message::NameTaken {},
            Refused::WalletTaken => Message::WalletTaken {},
            Refused::NoUser => Message::UnknownUser {},
            Refused::NotActive => Message::UserNotActive {},
            Refused::NoRole(role) => Message::UnknownRole { role: role.to_string() },
            Refused::RoleTaken(role) => Message::RoleTaken { role: role.to_string() },
            Refused::BuiltIn(role) => Message::RoleBuiltIn { role: role.to_string() },
            Refused::NoApiKey => Message::UnknownApiKey {},
            Refused::KeyNameTaken => Message::KeyNameTaken {},
            Refused::EndHasPassed => Message::EndHasPassed {},
            Refused::NoInvitation => Message::UnknownInvitation {},
            Refused::InvitationOver => Message::InvitationOver {},
            Refused::CredentialChanged => Message::SignInRefused {},
            Refused::TooMany { most, .. } => Message::TooMany { most: most.to_string() },
            // The list is open: a new refusal is an internal error until it has words here.
            other => return internal(&other),
        };
        Self::new(message)
    }
}
