//! What a route asks for.

use std::fmt;
use std::str::FromStr;

/// What a caller may be allowed to do. A route names one, and what is not allowed is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read what is not public: texts of nodes, failures, work under way.
    ReadAll,
    /// Pause and resume a chain, a token or a contract.
    PauseChains,
    /// Go back to an earlier block.
    Rewind,
    /// Settle again what has failed.
    RetrySettlements,
    /// Change a programme's rates, weights and end.
    ChangeProgrammes,
    /// Invite, ban and remove users, and give them roles.
    ChangeUsers,
    /// Make, change and remove roles.
    ChangeRoles,
    /// Make and revoke the keys of other users' programs.
    ChangeApiKeys,
    /// Read who did what.
    ReadAudit,
}

/// A text that names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no permission")]
pub struct UnknownPermission(String);

impl Permission {
    /// Every permission, each once.
    pub const ALL: [Self; 9] = [
        Self::ReadAll,
        Self::PauseChains,
        Self::Rewind,
        Self::RetrySettlements,
        Self::ChangeProgrammes,
        Self::ChangeUsers,
        Self::ChangeRoles,
        Self::ChangeApiKeys,
        Self::ReadAudit,
    ];

    /// Its name: what it is about, a colon and what is done to it. A released name stays.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadAll => "all:read",
            Self::PauseChains => "chains:pause",
            Self::Rewind => "chains:rewind",
            Self::RetrySettlements => "settlements:retry",
            Self::ChangeProgrammes => "programmes:change",
            Self::ChangeUsers => "users:change",
            Self::ChangeRoles => "roles:change",
            Self::ChangeApiKeys => "api-keys:change",
            Self::ReadAudit => "audit:read",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let named = Self::ALL.into_iter().find(|permission| permission.as_str() == text);
        named.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_permission_has_a_name_of_its_own_that_leads_back_to_it() {
        for permission in Permission::ALL {
            assert_eq!(permission.to_string().parse(), Ok(permission));
        }
        assert!("chains:PAUSE".parse::<Permission>().is_err());
        assert!("".parse::<Permission>().is_err());
    }
}
