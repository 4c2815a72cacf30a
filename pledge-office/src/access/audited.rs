//! What the audit log has about users, roles and keys (pure).

use std::collections::BTreeSet;

use pledge_core::audit::{Act, Action, AuditObject, Snapshot};
use serde::Serialize;

use super::{
    ApiKey, GivenGrants, Invitation, InvitationEnd, Role, Scope, Session, SessionEnd, User, UserId,
};

/// What is done to a user, a role, a key or a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessAction {
    /// A user is made by another one.
    CreateUser,
    /// A user is made at its own wish.
    RegisterUser,
    /// A user is called otherwise.
    ChangeProfile,
    /// A user gets another password, or none.
    ChangePassword,
    /// A user signs in with one more wallet.
    AddWallet,
    /// A user no longer signs in with a wallet.
    RemoveWallet,
    /// A user gets other roles.
    ChangeGrants,
    /// A user may not sign in.
    BanUser,
    /// A user may sign in again.
    LiftBan,
    /// A user is removed.
    RemoveUser,
    /// Another user's sessions are ended.
    EndSessions,
    /// A refresh token was used twice, and its session ended.
    ReuseToken,
    /// A role is made.
    AddRole,
    /// A role gets other permissions.
    ChangeRole,
    /// A role is removed.
    RemoveRole,
    /// A key is made.
    AddApiKey,
    /// A key lets nobody in any more.
    RevokeApiKey,
    /// An invitation is made.
    Invite,
    /// An invitation is withdrawn.
    RevokeInvitation,
}

impl AccessAction {
    /// Every action, each once.
    pub const ALL: [Self; 19] = [
        Self::CreateUser,
        Self::RegisterUser,
        Self::ChangeProfile,
        Self::ChangePassword,
        Self::AddWallet,
        Self::RemoveWallet,
        Self::ChangeGrants,
        Self::BanUser,
        Self::LiftBan,
        Self::RemoveUser,
        Self::EndSessions,
        Self::ReuseToken,
        Self::AddRole,
        Self::ChangeRole,
        Self::RemoveRole,
        Self::AddApiKey,
        Self::RevokeApiKey,
        Self::Invite,
        Self::RevokeInvitation,
    ];

    /// Its name, as it is stored and shown. A released name stays.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateUser => "create_user",
            Self::RegisterUser => "register_user",
            Self::ChangeProfile => "change_profile",
            Self::ChangePassword => "change_password",
            Self::AddWallet => "add_wallet",
            Self::RemoveWallet => "remove_wallet",
            Self::ChangeGrants => "change_grants",
            Self::BanUser => "ban_user",
            Self::LiftBan => "lift_ban",
            Self::RemoveUser => "remove_user",
            Self::EndSessions => "end_sessions",
            Self::ReuseToken => "reuse_token",
            Self::AddRole => "add_role",
            Self::ChangeRole => "change_role",
            Self::RemoveRole => "remove_role",
            Self::AddApiKey => "add_api_key",
            Self::RevokeApiKey => "revoke_api_key",
            Self::Invite => "invite",
            Self::RevokeInvitation => "revoke_invitation",
        }
    }

    fn act(self, object: AuditObject, before: Option<Snapshot>, after: Option<Snapshot>) -> Act {
        let action = Action::new(self.name()).expect("a short plain word");
        Act { action, object, before, after }
    }

    /// An act on a user, with all that is shown of it before and after.
    pub fn on_user(self, before: Option<&User>, after: &User) -> Act {
        let fields = |user| snapshot(&UserFields::of(user));
        self.act(object("user", after.id), before.map(fields), Some(fields(after)))
    }

    /// An act on a role.
    pub fn on_role(self, before: Option<&Role>, after: Option<&Role>) -> Option<Act> {
        let name = &before.or(after)?.name;
        let fields = |role: &Role| snapshot(&RoleFields::of(role));
        Some(self.act(object("role", name), before.map(fields), after.map(fields)))
    }

    /// An act on a key.
    pub fn on_api_key(self, before: Option<&ApiKey>, after: &ApiKey) -> Act {
        let fields = |key| snapshot(&ApiKeyFields::of(key));
        self.act(object("api_key", after.id), before.map(fields), Some(fields(after)))
    }

    /// An act on an invitation.
    pub fn on_invitation(self, before: Option<&Invitation>, after: &Invitation) -> Act {
        let fields = |invitation| snapshot(&InvitationFields::of(invitation));
        self.act(object("invitation", after.id), before.map(fields), Some(fields(after)))
    }

    /// The sessions of a user were ended.
    pub fn sessions_ended(user: UserId, count: u64) -> Act {
        let before = snapshot(&CountFields { sessions: count });
        let after = snapshot(&CountFields { sessions: 0 });
        Self::EndSessions.act(object("user", user), Some(before), Some(after))
    }

    /// A session ended because a token of it was used twice.
    pub fn token_reused(session: &Session) -> Act {
        let fields = |ended: Option<SessionEnd>| {
            let user = session.user.to_string();
            snapshot(&SessionFields { user, ended: ended.map(SessionEnd::name) })
        };
        let ended = fields(Some(SessionEnd::TokenReused));
        Self::ReuseToken.act(object("session", session.id), Some(fields(None)), Some(ended))
    }
}

fn object(kind: &str, id: impl ToString) -> AuditObject {
    AuditObject::new(kind, &id.to_string()).expect("an id on one line")
}

fn snapshot(fields: &impl Serialize) -> Snapshot {
    Snapshot::of(fields).expect("the fields of a struct are an object")
}

#[derive(Serialize)]
struct UserFields<'a> {
    name: Option<&'a str>,
    display_name: Option<&'a str>,
    language: Option<&'a str>,
    time_zone: Option<&'a str>,
    has_password: bool,
    wallets: Vec<String>,
    grants: Vec<GrantFields<'a>>,
    banned: bool,
    removed: bool,
}

impl<'a> UserFields<'a> {
    fn of(user: &'a User) -> Self {
        let profile = &user.profile;
        Self {
            name: profile.name.as_ref().map(|name| name.as_str()),
            display_name: profile.display_name.as_ref().map(|name| name.as_str()),
            language: profile.language.as_ref().map(|tag| tag.as_str()),
            time_zone: profile.time_zone.as_ref().map(|zone| zone.as_str()),
            has_password: user.has_password,
            wallets: user.wallets.iter().map(ToString::to_string).collect(),
            grants: GrantFields::of(&user.grants),
            banned: user.banned.is_some(),
            removed: user.removed.is_some(),
        }
    }
}

/// A role, and where it is valid: everywhere, where it names nothing.
#[derive(Serialize)]
struct GrantFields<'a> {
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    chains: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<String>>,
}

impl<'a> GrantFields<'a> {
    fn of(grants: &'a GivenGrants) -> Vec<Self> {
        let fields = grants.as_slice().iter().map(|grant| {
            let (chains, tokens) = match &grant.scope {
                Scope::Everywhere => (None, None),
                Scope::Within { chains, tokens } => (
                    Some(chains.iter().map(|chain| chain.get()).collect()),
                    Some(tokens.iter().map(ToString::to_string).collect()),
                ),
            };
            Self { role: grant.role.as_str(), chains, tokens }
        });
        fields.collect()
    }
}

#[derive(Serialize)]
struct RoleFields {
    permissions: BTreeSet<&'static str>,
}

impl RoleFields {
    fn of(role: &Role) -> Self {
        Self { permissions: role.permissions.iter().map(|one| one.as_str()).collect() }
    }
}

#[derive(Serialize)]
struct ApiKeyFields<'a> {
    name: &'a str,
    prefix: &'a str,
    owner: String,
    grants: Vec<GrantFields<'a>>,
    until: Option<u64>,
    revoked: bool,
}

impl<'a> ApiKeyFields<'a> {
    fn of(key: &'a ApiKey) -> Self {
        Self {
            name: key.name.as_str(),
            prefix: key.prefix.as_str(),
            owner: key.owner.to_string(),
            grants: GrantFields::of(&key.grants),
            until: key.until.map(|until| until.get() / 1_000),
            revoked: key.revoked.is_some(),
        }
    }
}

#[derive(Serialize)]
struct InvitationFields<'a> {
    note: Option<&'a str>,
    grants: Vec<GrantFields<'a>>,
    until: u64,
    revoked: bool,
}

impl<'a> InvitationFields<'a> {
    fn of(invitation: &'a Invitation) -> Self {
        Self {
            note: invitation.note.as_ref().map(|note| note.as_str()),
            grants: GrantFields::of(&invitation.grants),
            until: invitation.until.get() / 1_000,
            revoked: matches!(invitation.end, Some(InvitationEnd::Revoked { .. })),
        }
    }
}

#[derive(Serialize)]
struct SessionFields {
    user: String,
    ended: Option<&'static str>,
}

#[derive(Serialize)]
struct CountFields {
    sessions: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Profile, RoleName, UserName};
    use crate::base::StoreTime;

    #[test]
    fn each_action_has_a_name_of_its_own_that_the_audit_log_takes() {
        let names: BTreeSet<_> = AccessAction::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(names.len(), AccessAction::ALL.len());
        assert!(names.into_iter().all(|name| Action::new(name).is_ok()));
    }

    #[test]
    fn an_act_on_a_user_has_what_is_shown_of_it() {
        let name = Some(UserName::new("anna").unwrap());
        let user = User {
            id: UserId::from_bytes([0xab; 16]),
            profile: Profile { name, ..Profile::default() },
            created: StoreTime::new(1).unwrap(),
            has_password: true,
            wallets: Vec::new(),
            grants: GivenGrants::everywhere(RoleName::new("viewer").unwrap()),
            banned: None,
            removed: None,
        };
        let act = AccessAction::CreateUser.on_user(None, &user);
        assert_eq!(act.object.to_string(), format!("user:{}", "ab".repeat(16)));
        let json = serde_json::to_string(&act.after).unwrap();
        let grants = r#""grants":[{"role":"viewer"}],"has_password":true"#;
        assert!(json.contains(grants) && json.contains(r#""name":"anna""#), "{json}");
    }
}
