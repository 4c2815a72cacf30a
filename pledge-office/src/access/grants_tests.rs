//! Tests of grants: what a key may do for its owner, and what a giver lacks, against `may`.

use pledge_core::primitives::Address;
use pledge_core::types::{ChainId, TokenId};

use super::*;
use crate::access::Object;

const CHAINS: [ChainId; 2] = [ChainId::new(1), ChainId::new(2)];

fn token(chain: ChainId, byte: u8) -> TokenId {
    TokenId { chain, address: Address::repeat_byte(byte) }
}

/// Everything that a scope below may cover or not.
fn objects() -> Vec<Object> {
    let [one, two] = CHAINS;
    let chains = [one, two, ChainId::new(3)].map(Object::Chain);
    let tokens = [token(one, 1), token(one, 2), token(two, 1), token(two, 2)].map(Object::Token);
    [Object::General].into_iter().chain(chains).chain(tokens).collect()
}

fn scopes() -> Vec<Scope> {
    let [one, two] = CHAINS;
    let within = |chains: &[ChainId], tokens: &[TokenId]| Scope::Within {
        chains: chains.iter().copied().collect(),
        tokens: tokens.iter().copied().collect(),
    };
    vec![
        Scope::Everywhere,
        within(&[], &[]),
        within(&[one], &[]),
        within(&[one, two], &[]),
        within(&[], &[token(one, 1)]),
        within(&[two], &[token(one, 1), token(two, 2)]),
    ]
}

fn grant(permissions: &[Permission], scope: Scope) -> Grant {
    let name = RoleName::new("some").unwrap();
    Grant { role: Role { name, permissions: permissions.iter().copied().collect() }, scope }
}

/// Lists of grants: none, and each pair of scopes with permissions that overlap.
fn lists() -> Vec<Vec<Grant>> {
    use Permission::{PauseChains, ReadAll, Rewind};
    let mut lists = vec![Vec::new()];
    for one in scopes() {
        lists.push(vec![grant(&[ReadAll, PauseChains], one.clone())]);
        for other in scopes() {
            lists.push(vec![grant(&[ReadAll], one.clone()), grant(&[PauseChains, Rewind], other)]);
        }
    }
    lists
}

#[test]
fn two_lists_of_grants_together_allow_what_each_of_them_allows() {
    for one in lists() {
        for other in lists() {
            let common = both(&one, &other);
            for permission in Permission::ALL {
                for object in objects() {
                    let each = may(&one, permission, object) && may(&other, permission, object);
                    let together = may(&common, permission, object);
                    assert_eq!(together, each, "{permission} {object:?}: {one:?} and {other:?}");
                }
            }
        }
    }
}

#[test]
fn a_giver_lacks_nothing_where_it_may_all_that_it_gives() {
    for has in lists() {
        for given in lists() {
            let is_covered = objects().into_iter().all(|object| {
                let gives = |permission| may(&given, permission, object);
                Permission::ALL.into_iter().all(|it| !gives(it) || may(&has, it, object))
            });
            assert_eq!(lacking(&has, &given).is_none(), is_covered, "{has:?} gives {given:?}");
        }
    }
}

#[test]
fn a_permission_that_is_lacking_is_named() {
    let has = [grant(&[Permission::ReadAll], Scope::Everywhere)];
    let given = [grant(&[Permission::ReadAll, Permission::Rewind], Scope::Everywhere)];
    assert_eq!(lacking(&has, &given), Some(Permission::Rewind));
}

#[test]
fn a_grant_of_a_role_that_is_gone_allows_nothing() {
    let name = RoleName::new("auditor").unwrap();
    let grants = GivenGrants::everywhere(name.clone());
    assert_eq!(grants.resolved(&Roles::with([])), []);
    let role = Role { name, permissions: [Permission::ReadAudit].into() };
    let resolved = grants.resolved(&Roles::with([role]));
    assert!(may(&resolved, Permission::ReadAudit, Object::General));
}

#[test]
fn a_stored_role_does_not_replace_a_built_in_one() {
    let name = RoleName::new(Role::MEMBER).unwrap();
    let stored = Role { name: name.clone(), permissions: Permission::ALL.into() };
    let roles = Roles::with([stored]);
    assert_eq!(roles.find(&name).map(|role| role.permissions.len()), Some(0));
}

#[test]
fn grants_have_a_bound() {
    let many = |count: usize| {
        let one = GivenGrant { role: RoleName::new("viewer").unwrap(), scope: scopes().remove(2) };
        GivenGrants::new(vec![one; count])
    };
    assert!(many(16).is_ok() && many(17).is_err());
    let chains = |count: u64| {
        let chains = (0..count).map(ChainId::new).collect();
        let scope = Scope::Within { chains, tokens: BTreeSet::new() };
        GivenGrants::new(vec![GivenGrant { role: RoleName::new("viewer").unwrap(), scope }])
    };
    assert!(chains(64).is_ok() && chains(65).is_err());
}
