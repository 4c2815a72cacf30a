//! Sign-ins from their first token to their end.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::audit::{Actor, ActorKind};
use pledge_core::error::StoreError;
use pledge_core::types::{OutOfRange, Timestamp};

use super::{
    AccessClaims, AccessError, AccessStore, AccessTokens, ApiKeyText, Authenticator, Caller,
    Client, Credential, Identity, KeyCaller, Keys, NewSession, OneUse, RefreshTimes, RefreshToken,
    Refreshed, Session, SessionEnd, SessionId, Shown, SignedInBy, TicketHolder, TokenHash,
    Unauthenticated, UserId, WalletError, WalletSignature, Wallets,
};
use crate::base::{Random, StoreTime, WallClock, random_bytes};

/// What sign-ins need: where they are kept, and what makes their tokens.
#[derive(Debug, Clone)]
pub struct SessionParts {
    /// Where they are kept.
    pub store: Arc<dyn AccessStore>,
    /// Signs access tokens.
    pub tokens: Arc<dyn AccessTokens>,
    /// Asks the contracts again that accepted a signature.
    pub wallets: Wallets,
    /// The keys of [`Purpose::RefreshToken`](super::Purpose::RefreshToken).
    pub refresh_keys: Keys,
    /// How long sign-ins last.
    pub times: RefreshTimes,
    /// Makes ids and secrets.
    pub random: Arc<dyn Random>,
    /// Dates access tokens.
    pub clock: Arc<dyn WallClock>,
}

/// Sign-ins: begun, refreshed, ended, and known again in each request.
///
/// An access token lasts for 15 minutes and is signed, so that a forged one costs no read. That it is genuine lets
/// nobody in: the session, its user and what it may do are read in every request.
#[derive(Debug, Clone)]
pub struct Sessions {
    parts: SessionParts,
    /// Who finds out that a token was used twice.
    finder: Actor,
}

/// What a client gets for a sign-in or a refresh.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who it is now, and what it may do.
    pub caller: Caller,
    /// The access token.
    pub access_token: String,
    /// How long that lasts, in seconds.
    pub expires_in: u64,
    /// The refresh token, which is used once.
    pub refresh_token: RefreshToken,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// Why a sign-in is not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is none, was used, or its sign-in has ended. The answer does not show which.
    #[error("the refresh token is not valid: sign in again")]
    Over,
    /// The contract that signed cannot be asked now. The token is unused.
    #[error("the contract of this sign-in cannot be asked now: try again shortly")]
    Unavailable(#[source] WalletError),
    /// As many contracts are being asked as may be. The token is unused.
    #[error("the server is busy: try again shortly")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Over these parts.
    pub fn new(parts: SessionParts) -> Self {
        let finder = Actor::new(ActorKind::Program, "access").expect("a short plain word");
        Self { parts, finder }
    }

    /// Begins the session of a user that has shown who it is. A user that may not sign in, or no longer has what
    /// was shown, is refused.
    pub async fn begin(
        &self,
        user: UserId,
        shown: Shown,
        client: &Client,
    ) -> Result<SignedIn, AccessError> {
        let SessionParts { store, random, times, .. } = &self.parts;
        let token = RefreshToken::of_random(random_bytes(random));
        let session = NewSession {
            id: SessionId::from_bytes(random_bytes(random)),
            user,
            shown,
            token: token.hash(),
            address: Some(client.address),
            user_agent: client.user_agent.clone(),
        };
        let session = store.begin_session(&session, times).await?;
        let signed_in = self.signed_in(&session, token).await?;
        signed_in.ok_or(AccessError::Refused(super::Refused::NotActive))
    }

    /// Gives the next tokens for a refresh token. A contract that signed is asked first whether it still accepts
    /// that signature.
    pub async fn refresh(&self, token: &str, client: &Client) -> Result<SignedIn, RefreshError> {
        let SessionParts { store, times, refresh_keys, clock, .. } = &self.parts;
        let token = RefreshToken::parse(token).ok_or(RefreshError::Over)?;
        let known = store.session_of_token(&token.hash()).await?;
        self.ask_contract(&known.ok_or(RefreshError::Over)?).await?;
        let successors: Vec<RefreshToken> = token.successors(refresh_keys).collect();
        let hashes: Vec<TokenHash> = successors.iter().map(RefreshToken::hash).collect();
        let by = client.attribution(self.finder.clone(), clock.now());
        match store.refresh(&token.hash(), &hashes, times, &by).await? {
            Refreshed::Successor { session, token } => {
                let next = successors.into_iter().find(|next| next.hash() == token);
                let next = next.ok_or_else(|| {
                    StoreError::corrupt("refresh a sign-in", "the successor is none that was named")
                })?;
                self.signed_in(&session, next).await?.ok_or(RefreshError::Over)
            }
            Refreshed::Reused => {
                tracing::warn!(address = %client.address, "a refresh token was used twice: its sign-in has ended");
                Err(RefreshError::Over)
            }
            Refreshed::Over => Err(RefreshError::Over),
        }
    }

    /// Ends the session of a caller. One that acts without a session has none to end.
    pub async fn end(&self, caller: &Caller) -> Result<(), StoreError> {
        let Identity::User { user, session, .. } = caller.identity else {
            return Ok(());
        };
        self.parts.store.end_session(user, session, SessionEnd::Logout).await
    }

    /// Ends every session of a caller's user, and returns how many. A program ends none.
    pub async fn end_all(&self, caller: &Caller) -> Result<u64, StoreError> {
        let Identity::User { user, .. } = caller.identity else {
            return Ok(0);
        };
        self.parts.store.end_sessions(user, None, SessionEnd::Logout).await
    }

    /// A ticket that opens one stream as this caller, within [`TICKET_LASTS`](super::TICKET_LASTS); `None` for the anonymous one.
    pub async fn ticket(&self, caller: &Caller) -> Result<Option<OneUse>, StoreError> {
        let holder = match caller.identity {
            Identity::Anonymous => return Ok(None),
            Identity::User { session, .. } => TicketHolder::Session(session),
            Identity::ApiKey { key, .. } => TicketHolder::ApiKey(key),
        };
        let ticket = OneUse::random(&self.parts.random);
        self.parts.store.add_ticket(&ticket.hash(), holder).await?;
        Ok(Some(ticket))
    }

    /// The tokens of a session; `None` if it has ended meanwhile.
    async fn signed_in(
        &self,
        session: &Session,
        refresh_token: RefreshToken,
    ) -> Result<Option<SignedIn>, StoreError> {
        let SessionParts { store, tokens, random, clock, .. } = &self.parts;
        let Some(caller) = store.caller_of_session(session.id).await? else {
            return Ok(None);
        };
        let issued_at = clock.now();
        let claims = AccessClaims {
            user: session.user,
            session: session.id,
            issued_at,
            expires_at: end_of_token(issued_at).map_err(|_| {
                StoreError::invalid("sign a token", "the machine's clock is beyond all times")
            })?,
            id: random_bytes(random),
        };
        let (access_token, expires_in) = (tokens.sign(&claims), AccessClaims::SECONDS);
        Ok(Some(SignedIn { caller, access_token, expires_in, refresh_token }))
    }

    /// Asks the contract of a sign-in, if it is of one, whether it still accepts the signature. If not, the sign-in
    /// ends.
    async fn ask_contract(&self, session: &Session) -> Result<(), RefreshError> {
        let SignedInBy::Contract(signed) = &session.signed_in_by else {
            return Ok(());
        };
        if session.ended.is_some() {
            return Err(RefreshError::Over);
        }
        let signature = WalletSignature::from_bytes(signed.expose().clone());
        let Ok(signature) = signature else {
            return Err(
                StoreError::corrupt("refresh a sign-in", "its signature is too long").into()
            );
        };
        let checked =
            self.parts.wallets.check(signed.chain, signed.address, signed.digest, &signature);
        match checked.await {
            Ok(_) => Ok(()),
            Err(WalletError::NotSigned(_)) => {
                let (store, end) = (&self.parts.store, SessionEnd::SignatureRefused);
                store.end_session(session.user, session.id, end).await?;
                Err(RefreshError::Over)
            }
            // The chain is followed no longer, and no one can be asked. It may be followed again.
            Err(WalletError::UnknownChain(_)) => Err(RefreshError::Over),
            Err(WalletError::Busy(_)) => Err(RefreshError::Busy),
            Err(error @ WalletError::Chain(_)) => Err(RefreshError::Unavailable(error)),
        }
    }

    async fn caller_of_token(&self, token: &str) -> Result<Option<Caller>, StoreError> {
        let SessionParts { store, tokens, clock, .. } = &self.parts;
        let claims = match tokens.read(token, clock.now()) {
            Ok(claims) => claims,
            Err(error) => {
                tracing::debug!("an access token is refused: {error}");
                return Ok(None);
            }
        };
        let caller = store.caller_of_session(claims.session).await?;
        let caller = caller.filter(|caller| caller.user() == Some(claims.user));
        Ok(caller.map(|caller| {
            let until = earlier(caller.until, claims.expires_at);
            Caller { until, ..caller }
        }))
    }

    async fn caller_of_key(&self, key: &str) -> Result<Option<Caller>, StoreError> {
        let Some(key) = ApiKeyText::parse(key) else {
            return Ok(None);
        };
        let found = self.parts.store.caller_of_key(key.prefix(), &key.hash()).await?;
        match found {
            Some(found) => self.noted(found).await.map(Some),
            None => Ok(None),
        }
    }

    async fn caller_of_ticket(&self, ticket: &str) -> Result<Option<Caller>, StoreError> {
        let store = &self.parts.store;
        let Some(ticket) = OneUse::parse(ticket) else {
            return Ok(None);
        };
        match store.take_ticket(&ticket.hash()).await? {
            None => Ok(None),
            Some(TicketHolder::Session(session)) => {
                let caller = store.caller_of_session(session).await?;
                Ok(caller.map(|caller| self.until_token_ends(caller)))
            }
            Some(TicketHolder::ApiKey(key)) => {
                Ok(store.caller_of_key_id(key).await?.map(|found| found.caller))
            }
        }
    }

    /// A caller that ends as with an access token that is made now: then its tokens are refreshed, and what a
    /// refresh asks is asked again.
    fn until_token_ends(&self, caller: Caller) -> Caller {
        let token = end_of_token(self.parts.clock.now()).ok();
        Caller { until: token.map_or(caller.until, |end| earlier(caller.until, end)), ..caller }
    }

    /// Whether the time of a caller is over, by the clock by which access tokens are.
    fn is_over(&self, caller: &Caller) -> bool {
        let now = self.parts.clock.now().get() * 1_000;
        caller.until.is_some_and(|until| until.get() <= now)
    }

    /// The caller of a key, whose use is noted where it is due.
    async fn noted(
        &self,
        KeyCaller { caller, notes_use }: KeyCaller,
    ) -> Result<Caller, StoreError> {
        if let (true, Identity::ApiKey { key, .. }) = (notes_use, &caller.identity) {
            self.parts.store.note_key_use(*key).await?;
        }
        Ok(caller)
    }
}

#[async_trait]
impl Authenticator for Sessions {
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, Unauthenticated> {
        let caller = match credential {
            Credential::AccessToken(token) => self.caller_of_token(token).await?,
            Credential::ApiKey(key) => self.caller_of_key(key).await?,
            Credential::Ticket(ticket) => self.caller_of_ticket(ticket).await?,
        };
        caller.ok_or(Unauthenticated::Refused)
    }

    async fn check_again(&self, caller: &Caller) -> Result<Caller, Unauthenticated> {
        if self.is_over(caller) {
            return Err(Unauthenticated::Refused);
        }
        let store = &self.parts.store;
        let now = match caller.identity {
            Identity::Anonymous => Some(Caller::anonymous()),
            Identity::User { session, .. } => store.caller_of_session(session).await?,
            Identity::ApiKey { key, .. } => {
                store.caller_of_key_id(key).await?.map(|found| found.caller)
            }
        };
        let now = now.ok_or(Unauthenticated::Refused)?;
        Ok(Caller { until: caller.until, ..now })
    }
}

fn end_of_token(issued_at: Timestamp) -> Result<Timestamp, OutOfRange> {
    Timestamp::new(issued_at.get() + AccessClaims::SECONDS)
}

/// When a caller's token ends, or its session if that is earlier.
fn earlier(session: Option<StoreTime>, end_of_token: Timestamp) -> Option<StoreTime> {
    let token = StoreTime::new(end_of_token.get() * 1_000).ok();
    session.into_iter().chain(token).min()
}
