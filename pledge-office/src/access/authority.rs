//! What a person may do to users, roles and keys (pure).
//!
//! A store calls these decisions in the transaction of the write, with what it has read under its lock.

use pledge_core::audit::Attribution;
use pledge_core::error::StoreError;

use super::{
    ApiKeyId, Caller, GivenGrants, Grant, Identity, Object, Permission, Role, RoleName, Scope,
    User, UserId, lacking, may,
};

/// By whose right a write is made. What it allows is read again in the transaction of the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// That of the machine's operator, who can write to the database anyway: of the command line.
    Machine,
    /// A user's, who signed in.
    User(UserId),
    /// That of a program's key.
    ApiKey(ApiKeyId),
}

/// Who makes a write, and by whose right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// By whose right.
    pub right: Right,
    /// Who, when and why, for the audit log.
    pub attribution: Attribution,
}

impl By {
    /// A caller of the API; `None` for the anonymous one.
    pub fn caller(caller: &Caller, attribution: Attribution) -> Option<Self> {
        let right = match caller.identity {
            Identity::Anonymous => return None,
            Identity::User { user, .. } => Right::User(user),
            Identity::ApiKey { key, .. } => Right::ApiKey(key),
        };
        Some(Self { right, attribution })
    }

    /// The machine's operator.
    pub const fn machine(attribution: Attribution) -> Self {
        Self { right: Right::Machine, attribution }
    }
}

/// Why a write to users, roles or keys is refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The caller lacks the permission for it, or may no longer sign in.
    #[error("this needs the permission {0}, which you do not have")]
    NotAllowed(Permission),
    /// It would give a permission that the caller lacks there.
    #[error("this gives the permission {0}, which you do not have there: leave it out")]
    Gives(Permission),
    /// The other user has a permission that the caller lacks there.
    #[error("the user has the permission {0}, which you do not have there: ask one who has it")]
    Outranked(Permission),
    /// It is the only user with the role `admin` that may sign in.
    #[error("the user is the last admin: give the role admin to another one first")]
    LastAdmin,
    /// Nothing would be left by which the user signs in.
    #[error("this is the last way in which the user signs in: add another one first")]
    LastWayIn,
    /// A password is used with a name.
    #[error("a user with a password needs a name: name one, or remove the password first")]
    NameNeeded,
    /// Another user has the name.
    #[error("the name is taken: choose another one")]
    NameTaken,
    /// Another user has the wallet.
    #[error("the wallet is one of another user: remove it there first")]
    WalletTaken,
    /// There is no such user, or it was removed.
    #[error("there is no such user")]
    NoUser,
    /// The user is banned or removed.
    #[error("the user may not sign in")]
    NotActive,
    /// There is no role of this name.
    #[error("there is no role `{0}`: make it first, or name another one")]
    NoRole(RoleName),
    /// There is a role of this name.
    #[error("there is a role `{0}` already: change it, or choose another name")]
    RoleTaken(RoleName),
    /// The role is built in.
    #[error("the role `{0}` is built in and stays as it is: make one of another name")]
    BuiltIn(RoleName),
    /// There is no such key.
    #[error("there is no such API key")]
    NoApiKey,
    /// The owner has a key of this name.
    #[error("the owner has a key of this name: choose another name, or revoke that key first")]
    KeyNameTaken,
    /// The time at which it would be over has passed.
    #[error("the end has passed: name a later one")]
    EndHasPassed,
    /// There is no such invitation.
    #[error("there is no such invitation")]
    NoInvitation,
    /// The code is none, was used, is over, or gives what the one who invited may no longer give.
    #[error("the invitation is not valid: ask for a new one")]
    InvitationOver,
    /// What was shown to sign in is no longer the user's.
    #[error("the password or wallet was changed meanwhile: sign in again")]
    CredentialChanged,
    /// There are as many as there may be.
    #[error("a user has at most {most} {what}: remove one first")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
}

/// Why a write to users, roles or keys was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// It is not allowed, or not possible as things are.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who makes a write, as its transaction found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acting {
    /// The machine's operator, who may do everything.
    Machine,
    /// A user that may sign in, and what it may do.
    User(UserId, Vec<Grant>),
    /// A key that is in force, and what both it and its owner may do.
    ApiKey(Vec<Grant>),
    /// What may do nothing: a user that may not sign in, a key that is over.
    Nobody,
}

impl Acting {
    /// Refuses one who lacks a permission.
    pub fn needs(&self, permission: Permission) -> Result<(), Refused> {
        let allowed = self.grants().is_none_or(|grants| may(grants, permission, Object::General));
        if allowed { Ok(()) } else { Err(Refused::NotAllowed(permission)) }
    }

    /// Refuses to give what the giver itself lacks.
    pub fn may_give(&self, given: &[Grant]) -> Result<(), Refused> {
        let lacks = self.grants().and_then(|has| lacking(has, given));
        lacks.map_or(Ok(()), |permission| Err(Refused::Gives(permission)))
    }

    /// Refuses to give permissions everywhere that the giver itself does not have everywhere.
    pub fn may_give_everywhere(&self, role: &Role) -> Result<(), Refused> {
        self.may_give(&[Grant { role: role.clone(), scope: Scope::Everywhere }])
    }

    /// Refuses an act on a user: on another one it needs a permission and all that the other has, since one who
    /// changes a user's password or roles has or takes what the user has. On itself it needs nothing. A key is
    /// never its owner itself: it may be allowed less.
    pub fn may_act_on(
        &self,
        user: UserId,
        has: &[Grant],
        permission: Permission,
    ) -> Result<(), Refused> {
        if matches!(self, Self::User(itself, _) if *itself == user) {
            return Ok(());
        }
        self.may_rule(has, permission)
    }

    /// Refuses an act on a user for which itself needs the permission too: what changes its own roles, for
    /// instance.
    pub fn may_rule(&self, has: &[Grant], permission: Permission) -> Result<(), Refused> {
        self.needs(permission)?;
        let lacks = self.grants().and_then(|own| lacking(own, has));
        lacks.map_or(Ok(()), |permission| Err(Refused::Outranked(permission)))
    }

    /// What it may do; `None` for everything.
    fn grants(&self) -> Option<&[Grant]> {
        match self {
            Self::Machine => None,
            Self::User(_, grants) | Self::ApiKey(grants) => Some(grants),
            Self::Nobody => Some(&[]),
        }
    }
}

/// Whether a user counts as an admin: it may sign in and has the built-in role `admin` everywhere.
pub fn is_admin(user: &User) -> bool {
    user.is_active() && gives_admin(&user.grants)
}

/// Whether grants have the built-in role `admin` everywhere.
pub fn gives_admin(grants: &GivenGrants) -> bool {
    let mut grants = grants.as_slice().iter();
    grants.any(|grant| grant.role.as_str() == Role::ADMIN && grant.scope == Scope::Everywhere)
}

/// Refuses a change of a user after which there is no admin any more. `are_others`: whether another user is an
/// admin.
pub fn keeps_an_admin(before: &User, after: &User, are_others: bool) -> Result<(), Refused> {
    let loses = is_admin(before) && !is_admin(after) && !are_others;
    if loses { Err(Refused::LastAdmin) } else { Ok(()) }
}

/// Refuses a user that could not sign in, though it is neither banned nor removed.
pub fn has_a_way_in(user: &User) -> Result<(), Refused> {
    if user.has_password && user.profile.name.is_none() {
        return Err(Refused::NameNeeded);
    }
    let has_one = user.has_password || !user.wallets.is_empty();
    if has_one { Ok(()) } else { Err(Refused::LastWayIn) }
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;
