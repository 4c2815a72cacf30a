//! What is kept of users, roles, keys and sign-ins: the ports.

mod api_keys;
mod attempts;
mod invitations;
mod requests;
mod roles;
mod sessions;
mod users;

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::error::StoreError;

pub use api_keys::ApiKeyStore;
pub use attempts::AttemptStore;
pub use invitations::InvitationStore;
pub use requests::RequestStore;
pub use roles::RoleStore;
pub use sessions::SessionStore;
pub use users::{Profiles, UserReads, UserWrites};

use crate::base::StoreTime;

/// Where a page begins: behind what has this time and this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<Id> {
    /// The time by which the pages are ordered.
    pub at: StoreTime,
    /// The id, for what has the same time.
    pub id: Id,
}

/// Removes what is over.
///
/// # Contract
/// - Removed are sessions with their tokens 30 days after they ended or were over, revoked or used invitations and
///   those that are over 30 days later, failures that are forgotten, tickets that are over, nonces a day after no
///   instance takes them, and requests that are no longer known. Nothing else is.
/// - Each call removes at most `limit` of each.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait AccessUpkeep: Debug + Send + Sync + 'static {
    /// Removes what is over, and returns how many rows of all kinds together: zero once nothing is left.
    async fn prune_access(&self, limit: usize) -> Result<u64, StoreError>;
}

/// Everything that is kept of access: a store implements the parts over one database.
///
/// # Contract
/// - A write happens whole or not at all, and is durable once it returns `Ok`.
/// - No secret is kept as it is: passwords as their hashes, tokens, codes and keys as theirs.
pub trait AccessStore:
    UserReads
    + UserWrites
    + Profiles
    + RoleStore
    + SessionStore
    + ApiKeyStore
    + InvitationStore
    + AttemptStore
    + RequestStore
    + AccessUpkeep
{
}

impl<T> AccessStore for T where
    T: UserReads
        + UserWrites
        + Profiles
        + RoleStore
        + SessionStore
        + ApiKeyStore
        + InvitationStore
        + AttemptStore
        + RequestStore
        + AccessUpkeep
{
}
