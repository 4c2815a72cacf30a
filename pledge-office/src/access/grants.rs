//! The roles that a user or a key has, as they are kept, and what follows from them (pure).

use std::collections::{BTreeMap, BTreeSet};

use pledge_core::types::OutOfRange;

use super::{Grant, Permission, Role, RoleName, Scope, may};

/// A role by its name, and where it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenGrant {
    /// The role. One of this name may be missing: then it allows nothing.
    pub role: RoleName,
    /// Where it is valid.
    pub scope: Scope,
}

/// The grants of a user, a key or an invitation: few enough for a row of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenGrants(Vec<GivenGrant>);

impl GivenGrants {
    /// The most grants.
    pub const GRANTS_MAX: usize = 16;
    /// The most chains and tokens that all of them name together.
    pub const OBJECTS_MAX: usize = 64;

    /// Those of one who may do nothing.
    pub const NONE: Self = Self(Vec::new());

    /// Grants in their order. An error for more than [`GivenGrants::GRANTS_MAX`], and for more than
    /// [`GivenGrants::OBJECTS_MAX`] chains and tokens.
    pub fn new(grants: Vec<GivenGrant>) -> Result<Self, OutOfRange> {
        if grants.len() > Self::GRANTS_MAX {
            return Err(OutOfRange::new("number of grants", grants.len(), "at most 16"));
        }
        let objects: usize = grants.iter().map(|grant| grant.scope.objects()).sum();
        if objects > Self::OBJECTS_MAX {
            let bound = "at most 64 in all grants together";
            return Err(OutOfRange::new("number of chains and tokens", objects, bound));
        }
        Ok(Self(grants))
    }

    /// One role, everywhere.
    pub fn everywhere(role: RoleName) -> Self {
        Self(vec![GivenGrant { role, scope: Scope::Everywhere }])
    }

    /// The grants, in their order.
    pub fn as_slice(&self) -> &[GivenGrant] {
        &self.0
    }

    /// The names of their roles, each once.
    pub fn roles(&self) -> BTreeSet<&RoleName> {
        self.0.iter().map(|grant| &grant.role).collect()
    }

    /// What they allow, by the roles that there are. A grant of another role allows nothing.
    pub fn resolved(&self, roles: &Roles) -> Vec<Grant> {
        let resolve = |given: &GivenGrant| {
            let role = roles.0.get(&given.role)?.clone();
            Some(Grant { role, scope: given.scope.clone() })
        };
        self.0.iter().filter_map(resolve).collect()
    }
}

/// The roles that there are: the built-in ones, and those of a store.
#[derive(Debug, Clone)]
pub struct Roles(BTreeMap<RoleName, Role>);

impl Roles {
    /// The built-in roles and others, which are of other names.
    pub fn with(stored: impl IntoIterator<Item = Role>) -> Self {
        // A built-in role stays what it is, whatever is stored under its name.
        let all = stored.into_iter().chain(Role::built_in());
        Self(all.map(|role| (role.name.clone(), role)).collect())
    }

    /// The role of a name.
    pub fn find(&self, name: &RoleName) -> Option<&Role> {
        self.0.get(name)
    }
}

/// What two callers' grants both allow: what a key may do for its owner.
///
/// It allows something exactly where each of the two does.
pub fn both(one: &[Grant], other: &[Grant]) -> Vec<Grant> {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
    let common = pairs.map(|(one, other)| {
        let permissions = one.role.permissions.intersection(&other.role.permissions);
        let role =
            Role { name: one.role.name.clone(), permissions: permissions.copied().collect() };
        Grant { role, scope: one.scope.and(&other.scope) }
    });
    common.filter(|grant| !grant.role.permissions.is_empty() && !grant.scope.is_empty()).collect()
}

/// A permission that some grants give and others lack somewhere; `None` if these have all that those give.
pub fn lacking(has: &[Grant], given: &[Grant]) -> Option<Permission> {
    let lacks = |permission: Permission, scope: &Scope| {
        !scope.needed().into_iter().all(|object| may(has, permission, object))
    };
    let mut all = given.iter().flat_map(|grant| {
        grant.role.permissions.iter().map(|permission| (*permission, &grant.scope))
    });
    all.find(|(permission, scope)| lacks(*permission, scope)).map(|(permission, _)| permission)
}

#[cfg(test)]
#[path = "grants_tests.rs"]
mod tests;
