//! Signing in, and the caller itself.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answers::{EndedSessions, Me, Nonce, Session, Ticket, Tokens, User};
use crate::client::Asking;
use crate::{Client, Error, Page, Pages};

/// The routes of sign-in, and about the caller. All but the ways to sign in need a credential
/// ([`Client::showing`]).
#[derive(Debug, Clone, Copy)]
pub struct AuthRoutes<'a> {
    client: &'a Client,
}

/// Who becomes a user: by a name with a password, or by the message that a wallet signed.
#[derive(Clone, Default, Serialize)]
pub struct Person {
    /// Needed with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of 12 characters or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The text of EIP-4361, as it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `0x` and hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The code of an invitation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
    /// What other people read for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A tag of BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// As IANA names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What changes of a profile: `None` leaves a field, and `Some(None)` removes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProfileChange {
    /// What other people read for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Option<String>>,
    /// A tag of BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Option<String>>,
    /// As IANA names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Option<String>>,
}

impl<'a> AuthRoutes<'a> {
    pub(crate) const fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// A nonce for the message that a wallet signs.
    pub async fn nonce(&self) -> Result<Nonce, Error> {
        self.post("nonce", None::<&()>).await
    }

    /// Signs in with a message of EIP-4361 and its signature.
    pub async fn wallet(&self, message: &str, signature: &str) -> Result<Tokens, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            message: &'a str,
            signature: &'a str,
        }
        self.post("wallet", Some(&Body { message, signature })).await
    }

    /// Signs in with name and password.
    pub async fn password(&self, name: &str, password: &str) -> Result<Tokens, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            name: &'a str,
            password: &'a str,
        }
        self.post("password", Some(&Body { name, password })).await
    }

    /// Becomes a user, who is signed in at once.
    pub async fn register(&self, person: &Person) -> Result<Tokens, Error> {
        self.post("register", Some(person)).await
    }

    /// Exchanges a refresh token, once.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            refresh_token: &'a str,
        }
        self.post("refresh", Some(&Body { refresh_token })).await
    }

    /// A ticket that opens one stream.
    pub async fn ticket(&self) -> Result<Ticket, Error> {
        self.post("ticket", None::<&()>).await
    }

    /// Who asks, and what it may do.
    pub async fn me(&self) -> Result<Me, Error> {
        self.client.get(&["auth", "me"], &[]).await
    }

    /// Changes the profile of who asks.
    pub async fn change_me(&self, change: &ProfileChange) -> Result<User, Error> {
        let path = &["auth", "me"];
        let (method, query, body) = (Method::PATCH, &[], Some(change));
        self.client.ask(Asking { method, path, query, key: None, body }).await
    }

    /// The sign-ins of who asks, the newest first.
    pub fn sessions(&self) -> Pages<Page<Session>> {
        let path = ["auth", "sessions"].map(str::to_owned);
        Pages::new(self.client, path.into(), Vec::new())
    }

    /// Ends a sign-in of who asks.
    pub async fn revoke_session(&self, session: &str) -> Result<EndedSessions, Error> {
        let path = &["auth", "sessions", crate::routes::segment(session)?, "revoke"];
        let asking = Asking::<()> { method: Method::POST, path, query: &[], key: None, body: None };
        self.client.ask(asking).await
    }

    /// Signs out.
    pub async fn logout(&self) -> Result<EndedSessions, Error> {
        self.post("logout", None::<&()>).await
    }

    /// Signs out everywhere.
    pub async fn logout_everywhere(&self) -> Result<EndedSessions, Error> {
        self.post("logout-everywhere", None::<&()>).await
    }

    async fn post<T: DeserializeOwned, B: Serialize>(
        &self,
        route: &str,
        body: Option<&B>,
    ) -> Result<T, Error> {
        let (method, path) = (Method::POST, &["auth", route]);
        self.client.ask(Asking { method, path, query: &[], key: None, body }).await
    }
}
