//! Whose rights a write may have changed, so that what lasts longer than a request looks again at once.

use std::fmt::{self, Debug};
use std::str::FromStr;

use pledge_core::types::OutOfRange;

use super::{ApiKeyId, Caller, Identity, UserId};

/// Whose rights may have changed, or may be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RightsOf {
    /// Those of everyone, as with a role.
    Everyone,
    /// Those of a user, in all its sessions and keys.
    User(UserId),
    /// Those of one key.
    ApiKey(ApiKeyId),
}

impl RightsOf {
    /// Those by which a caller acts; `None` for the anonymous one, whose rights do not change.
    pub const fn caller(caller: &Caller) -> Option<Self> {
        match caller.identity {
            Identity::Anonymous => None,
            Identity::User { user, .. } => Some(Self::User(user)),
            Identity::ApiKey { key, .. } => Some(Self::ApiKey(key)),
        }
    }

    /// Whether a caller acts by them.
    pub fn include(self, caller: &Caller) -> bool {
        match self {
            Self::Everyone => caller.identity != Identity::Anonymous,
            Self::User(user) => caller.user() == Some(user),
            Self::ApiKey(named) => {
                matches!(caller.identity, Identity::ApiKey { key, .. } if key == named)
            }
        }
    }
}

/// As instances write it to each other.
impl fmt::Display for RightsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::User(user) => write!(f, "user:{user}"),
            Self::ApiKey(key) => write!(f, "key:{key}"),
        }
    }
}

impl FromStr for RightsOf {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        match text.split_once(':') {
            None if text == "everyone" => Ok(Self::Everyone),
            Some(("user", user)) => user.parse().map(Self::User),
            Some(("key", key)) => key.parse().map(Self::ApiKey),
            _ => Err(OutOfRange::new("owner of rights", text, "everyone, user:ID or key:ID")),
        }
    }
}

/// Is notified of writes that may have changed rights, once they are done.
///
/// What it does is a hint: who acts by a right for longer than a request looks again by itself too.
pub trait RightsWatch: Debug + Send + Sync + 'static {
    /// Rights may have changed. Returns at once.
    fn rights_changed(&self, of: RightsOf);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::SessionId;

    const USER: UserId = UserId::from_bytes([1; 16]);
    const KEY: ApiKeyId = ApiKeyId::from_bytes([2; 16]);

    fn of(identity: Identity) -> Caller {
        Caller { identity, ..Caller::anonymous() }
    }

    #[test]
    fn the_rights_of_a_user_are_those_of_its_sessions_and_keys_and_of_no_one_else() {
        let session = SessionId::from_bytes([3; 16]);
        let person = of(Identity::User { user: USER, name: String::new(), session });
        let program = of(Identity::ApiKey { key: KEY, name: String::new(), owner: USER });
        let nobody = Caller::anonymous();
        let other = RightsOf::User(UserId::from_bytes([9; 16]));
        let included = |of: RightsOf| [&person, &program, &nobody].map(|caller| of.include(caller));
        assert_eq!(included(RightsOf::Everyone), [true, true, false]);
        assert_eq!(included(RightsOf::User(USER)), [true, true, false]);
        assert_eq!(included(RightsOf::ApiKey(KEY)), [false, true, false]);
        assert_eq!(included(other), [false; 3]);
    }

    #[test]
    fn what_one_instance_writes_another_one_reads() {
        for of in [RightsOf::Everyone, RightsOf::User(USER), RightsOf::ApiKey(KEY)] {
            assert_eq!(of.to_string().parse(), Ok(of));
        }
        for wrong in ["", "7", "everyone:", "user:", "user:x", "role:admin", "user"] {
            assert!(wrong.parse::<RightsOf>().is_err(), "{wrong}");
        }
    }
}
