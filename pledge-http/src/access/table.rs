//! Which route asks for what: the only table of it.
//!
//! A route is mounted by [`Entry::of`], and the document states the same one. A route without an
//! entry cannot be mounted, and an entry without a route fails a test.

use axum::http::Method;
use pledge_office::access::{Permission, Role};

use Permission as P;
use Rule::{May, Person, Read, SignIn, SignedIn};
use Touches::{Everyone, NamedKey, NamedUser, Own};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Everyone, where reading is public; else who may read everything.
    Read,
    /// Everyone: it is how a caller signs in. A credential is not looked at.
    SignIn,
    /// A caller that signed in, a person or a program.
    SignedIn,
    /// A person who signed in: it is about the sign-in itself.
    Person,
    /// Who may do this to what the path names.
    May(Permission),
}

/// Whose rights a write may change, or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touches {
    /// The caller's own.
    Own,
    /// Those of the user that the path names.
    NamedUser,
    /// Those of the key that the path names.
    NamedKey,
    /// Those of everyone.
    Everyone,
}

/// One route: its method, its path below the API, and what it asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// As HTTP writes it.
    pub(crate) method: &'static str,
    /// With the names of its parameters in braces.
    pub(crate) path: &'static str,
    /// What it asks for.
    pub(crate) rule: Rule,
    /// Whose rights it may change, if any.
    pub(crate) touches: Option<Touches>,
}

macro_rules! entries {
    ($($method:ident $path:literal $rule:expr $(, $touches:ident)?;)+) => {
        &[$(Entry {
            method: stringify!($method),
            path: $path,
            rule: $rule,
            touches: entries!(@touches $($touches)?),
        }),+]
    };
    (@touches) => { None };
    (@touches $touches:ident) => { Some($touches) };
}

/// Every route with a gatekeeper before it.
pub(crate) const TABLE: &[Entry] = entries! {
    GET "/chains" Read;
    GET "/chains/{chain_id}" Read;
    GET "/chains/{chain_id}/tokens" Read;
    GET "/chains/{chain_id}/tokens/{token}" Read;
    GET "/chains/{chain_id}/tokens/{token}/accounts" Read;
    GET "/chains/{chain_id}/tokens/{token}/accounts/{account}" Read;
    GET "/chains/{chain_id}/tokens/{token}/accounts/{account}/changes" Read;
    GET "/chains/{chain_id}/tokens/{token}/accounts/{account}/points" Read;
    GET "/chains/{chain_id}/tokens/{token}/accounts/{account}/statements" Read;
    GET "/accounts/{account}" Read;
    GET "/settlements" Read;
    GET "/settlements/{id}" Read;

    POST "/auth/nonce" SignIn;
    POST "/auth/wallet" SignIn;
    POST "/auth/password" SignIn;
    POST "/auth/register" SignIn;
    POST "/auth/refresh" SignIn;
    POST "/auth/logout" Person, Own;
    POST "/auth/logout-everywhere" Person, Own;
    POST "/auth/ticket" SignedIn;
    GET "/auth/me" SignedIn;
    PATCH "/auth/me" Person;
    GET "/auth/sessions" Person;
    POST "/auth/sessions/{session}/revoke" Person, Own;

    POST "/chains/{chain_id}/pause" May(P::PauseChains);
    POST "/chains/{chain_id}/resume" May(P::PauseChains);
    GET "/chains/{chain_id}/rewind" May(P::Rewind);
    POST "/chains/{chain_id}/rewind" May(P::Rewind);
    POST "/chains/{chain_id}/tokens/{token}/pause" May(P::PauseChains);
    POST "/chains/{chain_id}/tokens/{token}/resume" May(P::PauseChains);
    POST "/chains/{chain_id}/tokens/{token}/programmes" May(P::ChangeProgrammes);
    PUT "/chains/{chain_id}/tokens/{token}/programmes/{programme}" May(P::ChangeProgrammes);
    POST "/settlements/{id}/retry" May(P::RetrySettlements);

    GET "/admin/users" May(P::ChangeUsers);
    GET "/admin/users/{user}" May(P::ChangeUsers);
    PUT "/admin/users/{user}/grants" May(P::ChangeUsers), NamedUser;
    POST "/admin/users/{user}/ban" May(P::ChangeUsers), NamedUser;
    POST "/admin/users/{user}/unban" May(P::ChangeUsers);
    POST "/admin/users/{user}/remove" May(P::ChangeUsers), NamedUser;
    GET "/admin/invitations" May(P::ChangeUsers);
    POST "/admin/invitations" May(P::ChangeUsers);
    POST "/admin/invitations/{invitation}/revoke" May(P::ChangeUsers);
    GET "/admin/roles" May(P::ReadAll);
    POST "/admin/roles" May(P::ChangeRoles), Everyone;
    PUT "/admin/roles/{role}" May(P::ChangeRoles), Everyone;
    POST "/admin/roles/{role}/remove" May(P::ChangeRoles), Everyone;
    GET "/admin/api-keys" May(P::ChangeApiKeys);
    POST "/admin/api-keys" May(P::ChangeApiKeys);
    POST "/admin/api-keys/{key}/revoke" May(P::ChangeApiKeys), NamedKey;
    GET "/admin/audit" May(P::ReadAudit);
    GET "/admin/audit/export" May(P::ReadAudit);
};

/// The routes that are live. They ask for it themselves, and again while their reader stays.
const LIVE: &[Entry] = entries! {
    GET "/stream" Read;
    GET "/ws" Read;
};

impl Entry {
    /// The entry of a route; `None` if it is none of the table.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        Self::among(TABLE, method, path)
    }

    fn among(entries: &[Self], method: &Method, path: &str) -> Option<Self> {
        let is_asked = |entry: &&Self| entry.method == method.as_str() && entry.path == path;
        entries.iter().find(is_asked).copied()
    }
}

impl Rule {
    /// What the document states of a route.
    pub(crate) fn stated(method: &Method, path: &str) -> Option<Self> {
        let entry = Entry::of(method, path).or_else(|| Entry::among(LIVE, method, path));
        entry.map(|entry| entry.rule)
    }

    /// The permission that it needs, wherever that is.
    pub(crate) const fn permission(self) -> Option<Permission> {
        match self {
            May(permission) => Some(permission),
            Read | SignIn | SignedIn | Person => None,
        }
    }

    /// The least of the built-in roles that is enough, or a word for those that need none.
    pub(crate) fn least_role(self) -> String {
        match self {
            Read | SignIn => "public".to_owned(),
            SignedIn | Person => "member".to_owned(),
            May(permission) => {
                let mut roles = Role::built_in().into_iter();
                let least = roles.find(|role| role.permissions.contains(&permission));
                least.expect("an admin may do everything").name.to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_route_is_in_the_table_once() {
        let routes: BTreeSet<_> = TABLE.iter().map(|entry| (entry.path, entry.method)).collect();
        assert_eq!(routes.len(), TABLE.len());
    }

    #[test]
    fn what_writes_is_never_for_everyone() {
        let writes = TABLE.iter().filter(|entry| entry.method != "GET");
        for entry in writes.filter(|entry| !entry.path.starts_with("/auth/")) {
            assert!(entry.rule.permission().is_some(), "{} {}", entry.method, entry.path);
        }
    }

    /// Writes of users, roles, keys and sign-ins that take no right from anyone: a new one of those is decided
    /// about here or in the table.
    const HARMLESS: [&str; 11] = [
        "/auth/nonce",
        "/auth/wallet",
        "/auth/password",
        "/auth/register",
        // Where a copy of a token ends a sign-in, the answer is a refusal, and does not name whose.
        "/auth/refresh",
        "/auth/ticket",
        "/auth/me",
        "/admin/users/{user}/unban",
        "/admin/invitations",
        "/admin/invitations/{invitation}/revoke",
        "/admin/api-keys",
    ];

    #[test]
    fn of_each_write_about_access_it_is_decided_whose_rights_it_changes() {
        let is_of_access =
            |entry: &&Entry| ["/auth/", "/admin/"].iter().any(|of| entry.path.starts_with(of));
        let writes = TABLE.iter().filter(is_of_access).filter(|entry| entry.method != "GET");
        for Entry { method, path, touches, .. } in writes {
            assert_ne!(touches.is_some(), HARMLESS.contains(path), "{method} {path}");
        }
    }

    #[test]
    fn the_role_of_a_route_is_the_least_that_is_enough() {
        assert_eq!(Read.least_role(), "public");
        assert_eq!(SignedIn.least_role(), "member");
        assert_eq!(May(P::ReadAll).least_role(), "viewer");
        assert_eq!(May(P::PauseChains).least_role(), "operator");
        assert_eq!(May(P::ReadAudit).least_role(), "admin");
    }
}
