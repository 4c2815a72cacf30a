//! The port of invitations.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use super::Position;
use crate::access::{AccessError, By, Invitation, InvitationId, NewInvitation};

/// Invitations, which [`UserWrites::register_user`](super::UserWrites::register_user) uses. Every time here is of the
/// database's clock.
///
/// # Contract
/// - Each write needs [`Permission::ChangeUsers`](crate::access::Permission::ChangeUsers), and an invitation gives no
///   permission that the actor lacks. Each role must be there. It takes the lock of
///   [`UserWrites`](super::UserWrites).
/// - Each leaves one audit record about the invitation in its transaction, without its hash. One that has ended or
///   is over stays as it is, and that leaves none. A refused write writes nothing.
/// - An id or a hash that is there already is a `Conflict`. A length of no time, or above
///   [`Invitation::LASTS_MAX`], is `Invalid`.
/// - A page is of invitations by their time, the newest first, then by id descending, and begins behind a position.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait InvitationStore: Debug + Send + Sync + 'static {
    /// Makes an invitation.
    async fn invite(&self, invitation: &NewInvitation, by: &By) -> Result<Invitation, AccessError>;

    /// Withdraws an invitation.
    async fn revoke_invitation(&self, id: InvitationId, by: &By)
    -> Result<Invitation, AccessError>;

    /// A page of invitations, at most `limit`.
    async fn invitations(
        &self,
        after: Option<Position<InvitationId>>,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError>;
}
