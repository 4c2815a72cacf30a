//! Invitations, as they are kept.

use std::time::Duration;

use super::{GivenGrants, InvitationId, Note, TokenHash, UserId};
use crate::base::StoreTime;

/// An invitation that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// Random bytes, which no other invitation has.
    pub id: InvitationId,
    /// The hash of its code.
    pub hash: TokenHash,
    /// The roles that the user gets.
    pub grants: GivenGrants,
    /// For how long it is open, from now on: up to [`Invitation::LASTS_MAX`].
    pub lasts: Duration,
    /// What it is for.
    pub note: Option<Note>,
}

/// What lets a person become a user, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The id, which its audit records have.
    pub id: InvitationId,
    /// The roles that the user gets.
    pub grants: GivenGrants,
    /// What it is for.
    pub note: Option<Note>,
    /// Whose right it uses: a user's, also where a key of it was used. `None` is the machine's operator.
    pub by: Option<UserId>,
    /// When it was made.
    pub created: StoreTime,
    /// When it is over; exclusive.
    pub until: StoreTime,
    /// What became of it.
    pub end: Option<InvitationEnd>,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationEnd {
    /// A user was made by it.
    Used {
        /// When that was.
        at: StoreTime,
        /// The user that was made.
        user: UserId,
    },
    /// It was withdrawn.
    Revoked {
        /// When that was.
        at: StoreTime,
    },
}

impl Invitation {
    /// The longest time for which one is open.
    pub const LASTS_MAX: Duration = Duration::from_secs(30 * 86_400);

    /// Whether a user can be made by it.
    pub fn is_open(&self, now: StoreTime) -> bool {
        self.end.is_none() && now < self.until
    }
}
