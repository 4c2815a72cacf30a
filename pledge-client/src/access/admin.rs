//! What admins do.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answers::{
    ApiKey, AuditRecord, Grant, Invitation, NewApiKey, NewInvitation, RemovedRole, Role, User,
};
use super::{Act, Nothing, Reasoned};
use crate::client::Asking;
use crate::routes::{given, path, segment};
use crate::{Client, Error, Page, Pages};

/// What admins do. Each needs a credential ([`Client::showing`]).
#[derive(Debug, Clone, Copy)]
pub struct AdminRoutes<'a> {
    client: &'a Client,
}

/// A key that is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewKey {
    /// Its name, of which the owner has one key in force.
    pub name: String,
    /// The id of its owner; the caller's if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it may do, where its owner may too.
    pub grants: Vec<Grant>,
    /// When it is over, in unix seconds; never if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// Which records are listed; what is `None` leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What one actor did, such as `person:anna`.
    pub actor: Option<String>,
    /// Acts of one name.
    pub action: Option<String>,
    /// What was done to one object, such as `chain:1`.
    pub object: Option<String>,
}

impl<'a> AdminRoutes<'a> {
    pub(crate) const fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Users, the newest first.
    pub fn users(&self) -> Pages<Page<User>> {
        Pages::new(self.client, path(&["admin", "users"]), Vec::new())
    }

    /// A user by its id.
    pub async fn user(&self, user: &str) -> Result<User, Error> {
        self.client.get(&["admin", "users", segment(user)?], &[]).await
    }

    /// Gives a user these roles instead of its own.
    pub async fn change_grants(
        &self,
        user: &str,
        grants: &[Grant],
        act: &Act,
    ) -> Result<User, Error> {
        let path = &["admin", "users", segment(user)?, "grants"];
        self.write(Method::PUT, path, Grants { grants }, act).await
    }

    /// Ends the sign-ins of a user, and lets neither it nor its keys in.
    pub async fn ban(&self, user: &str, act: &Act) -> Result<User, Error> {
        self.act_on("users", user, "ban", act).await
    }

    /// Lets a banned user sign in again.
    pub async fn unban(&self, user: &str, act: &Act) -> Result<User, Error> {
        self.act_on("users", user, "unban", act).await
    }

    /// Removes a user for good.
    pub async fn remove_user(&self, user: &str, act: &Act) -> Result<User, Error> {
        self.act_on("users", user, "remove", act).await
    }

    /// Invitations, the newest first.
    pub fn invitations(&self) -> Pages<Page<Invitation>> {
        Pages::new(self.client, path(&["admin", "invitations"]), Vec::new())
    }

    /// Makes an invitation, which is open for this number of seconds; a week if `None`.
    pub async fn invite(
        &self,
        grants: &[Grant],
        lasts_seconds: Option<u64>,
        act: &Act,
    ) -> Result<NewInvitation, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            grants: &'a [Grant],
            #[serde(skip_serializing_if = "Option::is_none")]
            lasts_seconds: Option<u64>,
        }
        let body = Body { grants, lasts_seconds };
        self.write(Method::POST, &["admin", "invitations"], body, act).await
    }

    /// Withdraws an invitation.
    pub async fn revoke_invitation(&self, id: &str, act: &Act) -> Result<Invitation, Error> {
        self.act_on("invitations", id, "revoke", act).await
    }

    /// Roles, ascending by name.
    pub fn roles(&self) -> Pages<Page<Role>> {
        Pages::new(self.client, path(&["admin", "roles"]), Vec::new())
    }

    /// Makes a role that allows this.
    pub async fn add_role(
        &self,
        role: &str,
        permissions: &[&str],
        act: &Act,
    ) -> Result<Role, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            role: &'a str,
            permissions: &'a [&'a str],
        }
        let body = Body { role, permissions };
        self.write(Method::POST, &["admin", "roles"], body, act).await
    }

    /// Lets a role allow this instead.
    pub async fn change_role(
        &self,
        role: &str,
        permissions: &[&str],
        act: &Act,
    ) -> Result<Role, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            permissions: &'a [&'a str],
        }
        let path = &["admin", "roles", segment(role)?];
        self.write(Method::PUT, path, Body { permissions }, act).await
    }

    /// Removes a role.
    pub async fn remove_role(&self, role: &str, act: &Act) -> Result<RemovedRole, Error> {
        self.act_on("roles", role, "remove", act).await
    }

    /// Keys of programs, of all users or of one, the newest first.
    pub fn api_keys(&self, owner: Option<&str>) -> Pages<Page<ApiKey>> {
        let query = given([("owner", owner.map(str::to_owned))]);
        Pages::new(self.client, path(&["admin", "api-keys"]), query)
    }

    /// Makes a key.
    pub async fn add_api_key(&self, key: &NewKey, act: &Act) -> Result<NewApiKey, Error> {
        self.write(Method::POST, &["admin", "api-keys"], key, act).await
    }

    /// Revokes a key.
    pub async fn revoke_api_key(&self, id: &str, act: &Act) -> Result<ApiKey, Error> {
        self.act_on("api-keys", id, "revoke", act).await
    }

    /// Who did what, the newest first.
    pub fn audit(&self, filter: AuditFilter) -> Pages<Page<AuditRecord>> {
        let AuditFilter { actor, action, object } = filter;
        let query = given([("actor", actor), ("action", action), ("object", object)]);
        Pages::new(self.client, path(&["admin", "audit"]), query)
    }

    async fn act_on<T: DeserializeOwned>(
        &self,
        what: &str,
        id: &str,
        route: &str,
        act: &Act,
    ) -> Result<T, Error> {
        let path = &["admin", what, segment(id)?, route];
        self.write(Method::POST, path, Nothing {}, act).await
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: impl Serialize,
        act: &Act,
    ) -> Result<T, Error> {
        let body = Reasoned { body, reason: &act.reason };
        let key = Some(act.key.as_str());
        self.client.ask(Asking { method, path, query: &[], key, body: Some(&body) }).await
    }
}

#[derive(Debug, Serialize)]
struct Grants<'a> {
    grants: &'a [Grant],
}
