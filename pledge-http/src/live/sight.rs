//! What a caller may follow, and which text of a message it gets (pure).

use pledge_office::access::{Caller, Object, Permission};

use super::Topic;

/// How much of a message a caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing: the message is not for it.
    Nothing,
    /// What is public: no texts of nodes, servers and operators.
    Public,
    /// Everything.
    Full,
}

/// How much a caller sees of something, where everyone may read if `public_reads`.
pub(super) fn sight(caller: &Caller, object: Object, public_reads: bool) -> Sight {
    if caller.may(Permission::ReadAll, object) {
        Sight::Full
    } else if public_reads {
        Sight::Public
    } else {
        Sight::Nothing
    }
}

/// Whether a caller may follow a topic.
pub(super) fn may_follow(caller: &Caller, topic: &Topic, public_reads: bool) -> bool {
    sight(caller, topic.object(), public_reads) != Sight::Nothing
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::Address;
    use pledge_core::types::{Account, ChainId, TokenId};
    use pledge_office::access::{Grant, Role, Scope};

    use super::*;

    const ONE: ChainId = ChainId::new(1);

    fn token(chain: ChainId) -> TokenId {
        TokenId { chain, address: Address::repeat_byte(1) }
    }

    fn caller(role: &str, scope: Scope) -> Caller {
        let role = Role::built_in().into_iter().find(|one| one.name.as_str() == role).unwrap();
        Caller { grants: vec![Grant { role, scope }], ..Caller::anonymous() }
    }

    fn on_chain_one() -> Scope {
        Scope::Within { chains: [ONE].into(), tokens: [].into() }
    }

    #[test]
    fn each_caller_sees_what_its_right_covers() {
        use Sight::{Full, Nothing, Public};
        let (viewer, scoped) =
            (caller("viewer", Scope::Everywhere), caller("viewer", on_chain_one()));
        let (member, nobody) = (caller("member", Scope::Everywhere), Caller::anonymous());
        let (one, two) = (Object::Chain(ONE), Object::Token(token(ChainId::new(2))));
        for (caller, object, public_reads, expected) in [
            (&viewer, Object::General, false, Full),
            (&viewer, two, false, Full),
            (&scoped, one, false, Full),
            (&scoped, two, false, Nothing),
            (&scoped, two, true, Public),
            (&scoped, Object::General, false, Nothing),
            (&member, one, true, Public),
            (&member, one, false, Nothing),
            (&nobody, one, true, Public),
            (&nobody, one, false, Nothing),
        ] {
            let seen = sight(caller, object, public_reads);
            assert_eq!(seen, expected, "{caller:?} of {object:?}, public: {public_reads}");
        }
    }

    #[test]
    fn a_topic_is_followed_by_whom_its_object_is_shown_to() {
        let account = Account::new(Address::repeat_byte(2)).unwrap();
        let of_one = Topic::Account(token(ONE), account);
        let scoped = caller("viewer", on_chain_one());
        assert!(may_follow(&scoped, &of_one, false));
        assert!(!may_follow(&scoped, &Topic::Chains, false));
        assert!(may_follow(&Caller::anonymous(), &Topic::Chains, true));
    }
}
