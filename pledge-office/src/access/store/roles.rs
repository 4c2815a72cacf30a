//! The port of roles.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use crate::access::{AccessError, By, Role, RoleName};

/// Roles that people made. The built-in ones are not kept.
///
/// # Contract
/// - Each write needs [`Permission::ChangeRoles`](crate::access::Permission::ChangeRoles), and every permission that
///   a role gets by it, everywhere: a role may be given everywhere. It takes the lock of
///   [`UserWrites`](super::UserWrites).
/// - Each leaves one audit record about the role, with its permissions before and after, in its transaction. One
///   that changes nothing leaves none. A refused one writes nothing.
/// - A built-in role is neither added, changed nor removed.
/// - A changed role is in force at once for all who have it. Grants of a role that was removed stay and allow
///   nothing.
/// - A page is of stored roles by name ascending, and begins behind a name.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait RoleStore: Debug + Send + Sync + 'static {
    /// A stored role.
    async fn role(&self, name: &RoleName) -> Result<Option<Role>, StoreError>;

    /// A page of stored roles, at most `limit`.
    async fn roles(&self, after: Option<&RoleName>, limit: usize) -> Result<Vec<Role>, StoreError>;

    /// Adds a role of a new name.
    async fn add_role(&self, role: &Role, by: &By) -> Result<(), AccessError>;

    /// Gives the role of this name other permissions.
    async fn change_role(&self, role: &Role, by: &By) -> Result<(), AccessError>;

    /// Removes a role. One that is not there is no error.
    async fn remove_role(&self, name: &RoleName, by: &By) -> Result<(), AccessError>;
}
