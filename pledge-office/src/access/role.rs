//! Named sets of permissions, and what they allow (pure).

use std::collections::BTreeSet;
use std::fmt;

use pledge_core::types::{ChainId, OutOfRange, TokenId};

use super::Permission;

/// The name of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// A name: 1 to 32 characters of `a-z`, `0-9` and `-`, the first one a letter.
    pub fn new(name: &str) -> Result<Self, OutOfRange> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let begins_well = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if name.len() <= 32 && begins_well && name.bytes().all(is_allowed) {
            Ok(Self(name.to_owned()))
        } else {
            let bounds = "1 to 32 characters of a-z, 0-9 and -, the first one a letter";
            Err(OutOfRange::new("role", name, bounds))
        }
    }

    /// The name, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name, which no other role has.
    pub name: RoleName,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
}

impl Role {
    /// The name of the built-in role that allows everything.
    pub const ADMIN: &'static str = "admin";
    /// The name of the built-in role that allows nothing but what concerns its own account.
    pub const MEMBER: &'static str = "member";

    /// Whether a name is that of a built-in role.
    pub fn is_built_in(name: &RoleName) -> bool {
        Self::built_in().iter().any(|role| role.name == *name)
    }

    /// The roles that are always there, from the one that allows least.
    ///
    /// A `member` does what concerns its own account, which needs no permission. A `viewer` reads
    /// everything, an `operator` steers the engine too, and an `admin` may do everything.
    pub fn built_in() -> [Self; 4] {
        use Permission as P;
        let role = |name: &str, permissions: &[Permission]| {
            let name = RoleName::new(name).expect("a plain word");
            Self { name, permissions: permissions.iter().copied().collect() }
        };
        let viewer = [P::ReadAll];
        let steering = [P::PauseChains, P::Rewind, P::RetrySettlements, P::ChangeProgrammes];
        let operator = [&viewer[..], &steering].concat();
        [
            role(Self::MEMBER, &[]),
            role("viewer", &viewer),
            role("operator", &operator),
            role(Self::ADMIN, &P::ALL),
        ]
    }
}

/// Where a role is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere, also for what is of no chain.
    Everywhere,
    /// On some chains with all that is on them, and on some tokens. Never for what is of no chain.
    Within {
        /// Chains with their tokens and contracts.
        chains: BTreeSet<ChainId>,
        /// Single tokens, on any chain.
        tokens: BTreeSet<TokenId>,
    },
}

/// A role that a caller has, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What the caller may do there.
    pub role: Role,
    /// Where it is valid.
    pub scope: Scope,
}

/// What is acted on or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// Something that is of no chain, such as a user, or of every chain.
    General,
    /// A chain, or something on it that is no token.
    Chain(ChainId),
    /// A token, its programmes and their accounts.
    Token(TokenId),
}

/// Whether the grants of a caller allow something. Without a grant nothing is allowed.
pub fn may(grants: &[Grant], permission: Permission, object: Object) -> bool {
    let allows =
        |grant: &Grant| grant.role.permissions.contains(&permission) && grant.scope.covers(object);
    grants.iter().any(allows)
}

impl Scope {
    /// How many chains and tokens it names.
    pub fn objects(&self) -> usize {
        match self {
            Self::Everywhere => 0,
            Self::Within { chains, tokens } => chains.len() + tokens.len(),
        }
    }

    /// Whether it is nowhere.
    pub fn is_empty(&self) -> bool {
        *self != Self::Everywhere && self.objects() == 0
    }

    /// Where both are valid.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Everywhere, scope) | (scope, Self::Everywhere) => scope.clone(),
            (
                Self::Within { chains, tokens },
                Self::Within { chains: others, tokens: other_tokens },
            ) => {
                let covered = |scope: &Self, token: &TokenId| scope.covers(Object::Token(*token));
                let mine = tokens.iter().filter(|token| covered(other, token));
                let theirs = other_tokens.iter().filter(|token| covered(self, token));
                let chains = chains.intersection(others).copied().collect();
                Self::Within { chains, tokens: mine.chain(theirs).copied().collect() }
            }
        }
    }

    /// The objects that grants must cover to cover all of it.
    pub fn needed(&self) -> Vec<Object> {
        match self {
            Self::Everywhere => vec![Object::General],
            Self::Within { chains, tokens } => {
                let chains = chains.iter().map(|chain| Object::Chain(*chain));
                chains.chain(tokens.iter().map(|token| Object::Token(*token))).collect()
            }
        }
    }

    fn covers(&self, object: Object) -> bool {
        let Self::Within { chains, tokens } = self else {
            return true;
        };
        match object {
            Object::General => false,
            Object::Chain(chain) => chains.contains(&chain),
            Object::Token(token) => chains.contains(&token.chain) || tokens.contains(&token),
        }
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::Address;

    use super::*;

    const ONE: ChainId = ChainId::new(1);
    const TWO: ChainId = ChainId::new(2);

    const fn token(chain: ChainId, byte: u8) -> TokenId {
        TokenId { chain, address: Address::repeat_byte(byte) }
    }

    fn grant(role: &str, scope: Scope) -> Grant {
        let role = Role::built_in().into_iter().find(|one| one.name.as_str() == role).unwrap();
        Grant { role, scope }
    }

    fn within(chains: &[ChainId], tokens: &[TokenId]) -> Scope {
        let (chains, tokens) = (chains.iter().copied().collect(), tokens.iter().copied().collect());
        Scope::Within { chains, tokens }
    }

    #[test]
    fn each_built_in_role_allows_what_the_one_before_does_and_more() {
        let roles = Role::built_in();
        for pair in roles.windows(2) {
            assert!(pair[0].permissions.is_subset(&pair[1].permissions));
            assert!(pair[0].permissions.len() < pair[1].permissions.len());
        }
        assert_eq!(roles[3].permissions.len(), Permission::ALL.len());
    }

    #[test]
    fn nothing_is_allowed_without_a_grant() {
        for permission in Permission::ALL {
            assert!(!may(&[], permission, Object::General));
            assert!(!may(&[grant("member", Scope::Everywhere)], permission, Object::Chain(ONE)));
        }
    }

    #[test]
    fn a_role_on_a_chain_is_valid_for_what_is_on_it_and_nothing_else() {
        let grants = [grant("admin", within(&[ONE], &[]))];
        let allowed = |object| may(&grants, Permission::PauseChains, object);
        assert!(allowed(Object::Chain(ONE)) && allowed(Object::Token(token(ONE, 1))));
        assert!(!allowed(Object::Chain(TWO)) && !allowed(Object::Token(token(TWO, 1))));
        assert!(!allowed(Object::General));
    }

    #[test]
    fn a_role_on_a_token_is_not_valid_for_its_chain() {
        let grants = [grant("operator", within(&[], &[token(ONE, 1)]))];
        let allowed = |object| may(&grants, Permission::PauseChains, object);
        assert!(allowed(Object::Token(token(ONE, 1))));
        assert!(!allowed(Object::Token(token(ONE, 2))) && !allowed(Object::Token(token(TWO, 1))));
        assert!(!allowed(Object::Chain(ONE)) && !allowed(Object::General));
    }

    #[test]
    fn the_permission_of_one_grant_does_not_widen_the_scope_of_another() {
        let grants = [grant("viewer", Scope::Everywhere), grant("operator", within(&[ONE], &[]))];
        assert!(may(&grants, Permission::ReadAll, Object::General));
        assert!(may(&grants, Permission::PauseChains, Object::Chain(ONE)));
        assert!(!may(&grants, Permission::PauseChains, Object::Chain(TWO)));
        assert!(!may(&grants, Permission::PauseChains, Object::General));
    }

    #[test]
    fn the_name_of_a_role_is_a_short_plain_word() {
        for name in ["viewer", "a", "season-2-operator"] {
            assert_eq!(RoleName::new(name).unwrap().as_str(), name);
        }
        for name in ["", "Viewer", "2nd", "-x", "a b", "ä", &"a".repeat(33)] {
            assert!(RoleName::new(name).is_err(), "{name}");
        }
    }
}
