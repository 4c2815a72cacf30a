//! The ports of users.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;

use super::Position;
use crate::access::{
    AccessError, By, GivenGrants, NewUser, PasswordHash, PasswordSignIn, ProfileChange, SessionId,
    TokenHash, User, UserId, UserName, Wallet,
};

/// Reads users, also those that are banned or removed, unless it is said otherwise.
///
/// # Contract
/// - A user is returned with its wallets ascending and its grants as they were given. Roles that are gone stay
///   in the grants, and allow nothing.
/// - A name, and a wallet, lead to the one user that has it now: never to one that was removed.
/// - A page is of users by the time of their making, the newest first, then by id descending, and begins behind
///   a position.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait UserReads: Debug + Send + Sync + 'static {
    /// The user of an id.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user of a name.
    async fn user_named(&self, name: &UserName) -> Result<Option<User>, StoreError>;

    /// The user of a wallet.
    async fn user_of_wallet(&self, wallet: &Wallet) -> Result<Option<User>, StoreError>;

    /// What a sign-in under a name is decided by, read by one statement: also of a user that is banned, so that
    /// the answer takes no longer for one name than for another.
    async fn password_of(&self, name: &UserName) -> Result<Option<PasswordSignIn>, StoreError>;

    /// A page of users, at most `limit`.
    async fn users(
        &self,
        after: Option<Position<UserId>>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;
}

/// Makes users, and decides what they may do.
///
/// # Contract
/// - Each write reads what the actor may do, and what it changes, under one lock, which every write of
///   users, roles, keys and invitations takes first. So of two such writes the second sees the first.
/// - Each needs [`Permission::ChangeUsers`](crate::access::Permission::ChangeUsers), but for `register_user` and
///   for removing oneself. It is refused where the other user has a permission that the actor lacks
///   ([`Acting::may_act_on`](crate::access::Acting::may_act_on)), and where it gives one that the actor lacks
///   ([`Acting::may_give`](crate::access::Acting::may_give)).
/// - Each leaves one audit record about the user, with what it found and what it left, in its transaction. One that
///   changes nothing leaves none, and is no error. A refused one writes nothing.
/// - The last admin is neither removed nor banned, and keeps its role
///   ([`keeps_an_admin`](crate::access::keeps_an_admin)).
/// - A name and a wallet are of one user. Of two writers that take one at the same time one gets it, the other
///   is refused. A name that differs in case is no name.
/// - A user has a way in: a name with a password, or a wallet. It has at most
///   [`User::WALLETS_MAX`] wallets.
/// - An id that is there already is a `Conflict`, whatever else is the same.
/// - A ban and a removal end every session of the user in their transaction, and its keys let nobody in. A lifted
///   ban brings no session back; the keys are in force again.
/// - A removed user keeps its id and the time of its making, and loses name, profile, password, wallets, grants and
///   ban; its keys are revoked. Its name and wallets are free. It is never changed again: that is `NoUser`.
/// - A registered user has the role `member`, or the grants of its invitation. An invitation is used by one
///   user: of two at the same time one gets it. It is over too where the one who made it may not sign in any
///   more, or could not give these grants now.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait UserWrites: Debug + Send + Sync + 'static {
    /// Makes a user with grants.
    async fn create_user(
        &self,
        user: &NewUser,
        grants: &GivenGrants,
        by: &By,
    ) -> Result<User, AccessError>;

    /// Makes a user at its own wish: by the code of an invitation, or without one where everybody may register,
    /// which the caller decides.
    async fn register_user(
        &self,
        user: &NewUser,
        invitation: Option<&TokenHash>,
        by: &Attribution,
    ) -> Result<User, AccessError>;

    /// Gives a user these grants instead of its own. Each role must be there.
    async fn change_grants(
        &self,
        user: UserId,
        grants: &GivenGrants,
        by: &By,
    ) -> Result<User, AccessError>;

    /// Bans a user from now on, for the reason of the attribution. One that is banned stays so as it is.
    async fn ban_user(&self, user: UserId, by: &By) -> Result<User, AccessError>;

    /// Lets a user sign in again.
    async fn lift_ban(&self, user: UserId, by: &By) -> Result<User, AccessError>;

    /// Removes a user. One that was removed stays as it is.
    async fn remove_user(&self, user: UserId, by: &By) -> Result<User, AccessError>;
}

/// Changes what a user is called and how it signs in: its own, or another's as [`UserWrites`] does.
///
/// # Contract
/// - What is said of the writes of [`UserWrites`] is true of these, but that a user needs no permission for its
///   own. A key of the user is not the user.
/// - A change of the profile is made of what the write finds: what it does not name stays, also as a change at the
///   same time leaves it.
/// - Another password, or none, ends every session of the user but the one to keep. The same hash again is
///   another password.
/// - A removed wallet ends every session that began with it. A wallet that the user has is added without a change,
///   and one that it has not is removed so.
/// - A password that is hashed again replaces the hash that is named and no other, leaves no record and ends no
///   session.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Profiles: Debug + Send + Sync + 'static {
    /// Changes what the user writes about itself.
    async fn change_profile(
        &self,
        user: UserId,
        change: &ProfileChange,
        by: &By,
    ) -> Result<User, AccessError>;

    /// Gives the user another password, or none.
    async fn change_password(
        &self,
        user: UserId,
        password: Option<&PasswordHash>,
        keep: Option<SessionId>,
        by: &By,
    ) -> Result<User, AccessError>;

    /// Replaces the hash of the same password by one that costs more; whether it did.
    async fn rehash_password(
        &self,
        user: UserId,
        before: &PasswordHash,
        after: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Gives the user one more wallet.
    async fn add_wallet(&self, user: UserId, wallet: &Wallet, by: &By)
    -> Result<User, AccessError>;

    /// Takes a wallet from the user.
    async fn remove_wallet(
        &self,
        user: UserId,
        wallet: &Wallet,
        by: &By,
    ) -> Result<User, AccessError>;
}
