//! Who a request is from, and the port that finds it out.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use super::{ApiKeyId, Grant, Object, Permission, SessionId, UserId, may};
use crate::base::StoreTime;

/// Who sends a request, and what it may do, as both were when it was looked up.
///
/// It decides for that request alone. What lasts longer, such as a stream, looks again
/// ([`Authenticator::check_again`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
    /// What it may do, and where.
    pub grants: Vec<Grant>,
    /// When its credential ends, if it does; exclusive.
    pub until: Option<StoreTime>,
}

/// Who a caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It has shown no credential.
    Anonymous,
    /// A person who signed in.
    User {
        /// The user.
        user: UserId,
        /// Its name, for people.
        name: String,
        /// The sign-in.
        session: SessionId,
    },
    /// A program of a user.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// What the audit log calls it: the name of its owner, `/`, and its own.
        name: String,
        /// Whose it is.
        owner: UserId,
    },
}

impl Caller {
    /// One that has shown no credential, and may do what everyone may.
    pub const fn anonymous() -> Self {
        Self { identity: Identity::Anonymous, grants: Vec::new(), until: None }
    }

    /// Whether it may do something.
    pub fn may(&self, permission: Permission, object: Object) -> bool {
        may(&self.grants, permission, object)
    }

    /// The user that answers for it.
    pub const fn user(&self) -> Option<UserId> {
        match self.identity {
            Identity::Anonymous => None,
            Identity::User { user, .. } => Some(user),
            Identity::ApiKey { owner, .. } => Some(owner),
        }
    }
}

/// What a request shows to be let in. Its text is a secret, which no output has.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The token of a sign-in, of a few minutes.
    AccessToken(String),
    /// The key of a program.
    ApiKey(String),
    /// What opens one stream, once.
    Ticket(String),
}

impl Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AccessToken(_) => "AccessToken(***)",
            Self::ApiKey(_) => "ApiKey(***)",
            Self::Ticket(_) => "Ticket(***)",
        })
    }
}

/// Why a credential lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum Unauthenticated {
    /// It is none, it is over, it was revoked, or its user is banned: the text is the same for all of them.
    #[error("the credential is not valid: sign in again")]
    Refused,
    /// Whether it is could not be found out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds out who sends a request.
///
/// # Contract
/// - The session, or the key, is read from the store in every call: what was revoked, banned or removed
///   before the call is [`Unauthenticated::Refused`].
/// - A ticket lets in once. Of two callers that show it at the same time one gets in. Its caller is the one
///   that asked for it, and ends no later than an access token that is made now.
/// - A caller that is checked again has the grants that it has now, and keeps its end: from then on it is
///   [`Unauthenticated::Refused`].
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Authenticator: Debug + Send + Sync + 'static {
    /// The caller that shows a credential.
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, Unauthenticated>;

    /// A caller as it is now: an error once its credential, its session or its key has ended. The anonymous one
    /// stays.
    async fn check_again(&self, caller: &Caller) -> Result<Caller, Unauthenticated>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_never_shown() {
        let secret = || "s3cret".to_owned();
        let all = [Credential::AccessToken, Credential::ApiKey, Credential::Ticket];
        for credential in all.map(|of| of(secret())) {
            assert!(!format!("{credential:?}").contains("s3cret"));
        }
    }

    #[test]
    fn who_shows_nothing_may_do_nothing_that_needs_a_permission() {
        let anonymous = Caller::anonymous();
        assert!(Permission::ALL.iter().all(|it| !anonymous.may(*it, Object::General)));
        assert_eq!(anonymous.user(), None);
    }
}
