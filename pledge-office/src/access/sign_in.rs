//! Signing in, by a wallet or by name and password, and becoming a user.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pledge_core::audit::{Actor, ActorKind, Attribution};
use pledge_core::error::StoreError;
use pledge_core::types::Timestamp;

use super::{
    AccessError, AccessStore, Attempted, BadNonce, Client, ContractSignature, Expected, FailureKey,
    MalformedMessage, MalformedSignature, NewUser, NonceId, Nonces, NotSigned, OneUse, Password,
    PasswordHash, Passwords, PasswordsError, Profile, Refusal, Sessions, Shown, SignInMessage,
    SignedBy, SignedIn, Signs, UnfitPassword, UserId, UserName, Wallet, WalletError,
    WalletSignature, Wallets, called, message_digest,
};
use crate::base::{Random, WallClock, random_bytes};

/// Who may become a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Registration {
    /// Everyone.
    Open,
    /// Who has the code of an invitation.
    Invited,
    /// No one: users are made by admins.
    #[default]
    Closed,
}

/// What signing in needs.
#[derive(Debug, Clone)]
pub struct SignInParts {
    /// Where users are kept.
    pub store: Arc<dyn AccessStore>,
    /// Hashes passwords.
    pub passwords: Arc<dyn Passwords>,
    /// Asks chains about signatures.
    pub wallets: Wallets,
    /// Makes nonces and knows them again.
    pub nonces: Nonces,
    /// What the message of a wallet has to be.
    pub expected: Expected,
    /// Who may become a user.
    pub registration: Registration,
    /// Makes ids.
    pub random: Arc<dyn Random>,
    /// Judges the times of messages and nonces.
    pub clock: Arc<dyn WallClock>,
}

/// Lets users in who show who they are.
#[derive(Debug, Clone)]
pub struct SignIn {
    parts: SignInParts,
    sessions: Sessions,
}

/// Why nobody is let in. Every text is for the reader, and none has a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The message is none of EIP-4361.
    #[error(transparent)]
    Message(#[from] MalformedMessage),
    /// The text is no signature.
    #[error(transparent)]
    Signature(#[from] MalformedSignature),
    /// The message is not for this page, or not for now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The nonce is none of this server, or old.
    #[error(transparent)]
    Nonce(#[from] BadNonce),
    /// The nonce was used: the message has let its signer in before.
    #[error("the message was used before: ask for a new nonce and sign again")]
    NonceUsed,
    /// The account has not signed the message.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// Whether it has cannot be found out now.
    #[error("the chain of the account cannot be asked now: try again shortly")]
    Unavailable(#[source] WalletError),
    /// The account has signed, and is no user's.
    #[error("no user has this wallet: register first")]
    NotRegistered,
    /// The name is none, or the password is not its. The answer does not show which.
    #[error("name or password is wrong")]
    WrongPassword,
    /// Too many sign-ins have failed.
    #[error("too many sign-ins failed: try again in {} seconds", seconds(*.0))]
    Wait(Duration),
    /// As many passwords or signatures are being checked as may be.
    #[error("the server is busy: try again shortly")]
    Busy,
    /// The password is none to choose.
    #[error(transparent)]
    Password(#[from] UnfitPassword),
    /// No one may register.
    #[error("registration is closed: ask an admin to make a user for you")]
    Closed,
    /// Registering needs an invitation.
    #[error("registration is by invitation: send the code of yours as `invitation`")]
    InvitationNeeded,
    /// The store refused it: the name is taken, the user is banned.
    #[error(transparent)]
    Access(super::Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A message and its signature, as a client sends them.
#[derive(Debug, Clone, Copy)]
pub struct SignedMessage<'a> {
    /// The text of EIP-4361.
    pub message: &'a str,
    /// The signature, `0x` and hex digits.
    pub signature: &'a str,
}

/// By what a person becomes a user.
#[derive(Debug, Clone, Copy)]
pub enum Registering<'a> {
    /// By the password of its name, which the profile has.
    Password(&'a str),
    /// By a wallet.
    Wallet(SignedMessage<'a>),
}

/// What is left of a wait, in whole seconds, never fewer.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A wallet that has signed a message, whose nonce is not used yet.
struct Proof {
    wallet: Wallet,
    shown: Shown,
    nonce: NonceId,
}

impl SignIn {
    /// Over these parts; a sign-in that succeeds begins one of these sessions.
    pub const fn new(parts: SignInParts, sessions: Sessions) -> Self {
        Self { parts, sessions }
    }

    /// The sessions that it begins.
    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// A nonce for a message to sign, which is used once, within [`Nonces::SECONDS`].
    pub fn nonce(&self) -> String {
        let SignInParts { nonces, random, clock, .. } = &self.parts;
        nonces.make(clock.now(), random_bytes(random))
    }

    /// Lets a user in whose wallet signed a message for this page.
    ///
    /// The nonce is used when all else is right: a wrong signature takes nothing from the one who has the right
    /// one, and a wallet that is no user's can register by the same message.
    pub async fn by_wallet(
        &self,
        signed: SignedMessage<'_>,
        client: &Client,
    ) -> Result<SignedIn, SignInError> {
        let Proof { wallet, shown, nonce } = self.prove(signed).await?;
        let store = &self.parts.store;
        let user = store.user_of_wallet(&wallet).await?.ok_or(SignInError::NotRegistered)?;
        self.use_nonce(&nonce).await?;
        Ok(self.sessions.begin(user.id, shown, client).await?)
    }

    /// Lets a user in by name and password.
    ///
    /// A name that is none costs the same statements and the same hash as a wrong password. An attempt counts as
    /// failed before its password is looked at, so that attempts at the same time count too; one whose password is
    /// not looked at, since the server is busy, is taken back: nobody is locked out by others who keep it busy.
    pub async fn by_password(
        &self,
        name: &str,
        password: &str,
        client: &Client,
    ) -> Result<SignedIn, SignInError> {
        let SignInParts { store, passwords, .. } = &self.parts;
        let password = Password::typed(password).map_err(|_| SignInError::WrongPassword)?;
        let failures = FailureKey::new(name, client.address);
        match store.attempt(failures).await? {
            Attempted::May => {}
            Attempted::Wait(wait) => return Err(SignInError::Wait(wait)),
        }
        // Whether there is such a name must show in nothing: neither in what is read nor in what is hashed.
        let known = match UserName::new(name) {
            Ok(name) => store.password_of(&name).await?,
            Err(_) => None,
        };
        let hash = known.as_ref().and_then(|known| known.password.as_ref());
        let is_right = match passwords.verify(&password, hash).await {
            Err(PasswordsError::Busy) => {
                store.take_back(failures).await?;
                return Err(SignInError::Busy);
            }
            verified => verified?,
        };
        let (true, Some(known), Some(hash)) = (is_right, &known, hash) else {
            return Err(SignInError::WrongPassword);
        };
        let signed_in = self.sessions.begin(known.user, Shown::Password(hash.clone()), client);
        let signed_in = signed_in.await?;
        store.forget_failures(failures).await?;
        if passwords.is_outdated(hash) {
            self.hash_again(known.user, &password, hash).await?;
        }
        Ok(signed_in)
    }

    /// Replaces the hash of a password by one that costs more, where there is a place to make it now.
    async fn hash_again(
        &self,
        user: UserId,
        password: &Password,
        before: &PasswordHash,
    ) -> Result<(), SignInError> {
        let SignInParts { store, passwords, .. } = &self.parts;
        match passwords.hash(password).await {
            Ok(after) => {
                store.rehash_password(user, before, &after).await?;
                Ok(())
            }
            // The next sign-in does.
            Err(PasswordsError::Busy) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a user and lets it in. It has the role `member`, or the roles of its invitation.
    pub async fn register(
        &self,
        by: Registering<'_>,
        profile: Profile,
        invitation: Option<&str>,
        client: &Client,
    ) -> Result<SignedIn, SignInError> {
        let SignInParts { store, registration, random, clock, .. } = &self.parts;
        let code = match (registration, invitation) {
            (Registration::Closed, _) => return Err(SignInError::Closed),
            (Registration::Invited, None) => return Err(SignInError::InvitationNeeded),
            (_, None) => None,
            (_, Some(code)) => Some(OneUse::parse(code).ok_or(INVITATION_OVER)?.hash()),
        };
        // The code is checked in the transaction that makes the user, since it is used once.
        let id = UserId::from_bytes(random_bytes(random));
        let mut user = NewUser { id, profile, password: None, wallets: Vec::new() };
        let shown = match by {
            Registering::Password(password) => {
                let name = user.profile.name.as_ref().ok_or(NAME_NEEDED)?;
                let password = Password::chosen(password, name.as_str())?;
                let hash = self.parts.passwords.hash(&password).await?;
                user.password = Some(hash.clone());
                Shown::Password(hash)
            }
            Registering::Wallet(signed) => {
                let proof = self.prove(signed).await?;
                self.use_nonce(&proof.nonce).await?;
                user.wallets.push(proof.wallet);
                proof.shown
            }
        };
        let by = registers(&user, client, clock.now())?;
        let made = store.register_user(&user, code.as_ref(), &by).await?;
        Ok(self.sessions.begin(made.id, shown, client).await?)
    }

    /// Whether a wallet has signed a message that is for this page and for now.
    async fn prove(&self, signed: SignedMessage<'_>) -> Result<Proof, SignInError> {
        let SignInParts { wallets, nonces, expected, clock, .. } = &self.parts;
        let message = SignInMessage::parse(signed.message)?;
        let signature = WalletSignature::parse(signed.signature)?;
        // What costs nothing comes first. The chain is asked about a message that is right in all else.
        let now = clock.now();
        expected.check(&message, instant(now)?)?;
        let nonce = nonces.check(&message.nonce, now)?;
        let (chain, address) = (message.chain_id, message.address);
        let digest = message_digest(signed.message);
        let signed_by = wallets.check(chain, address, digest, &signature).await?;
        let (signs, shown) = match signed_by {
            SignedBy::Key => (Signs::ByKey, Shown::Key(address)),
            SignedBy::Contract => {
                let bytes = signature.bytes().clone();
                let kept = ContractSignature::new(address, chain, digest, bytes);
                let kept = kept.map_err(|_| MalformedSignature)?;
                (Signs::ByContract(chain), Shown::Contract(kept))
            }
        };
        Ok(Proof { wallet: Wallet { address, signs }, shown, nonce })
    }

    async fn use_nonce(&self, nonce: &NonceId) -> Result<(), SignInError> {
        let is_used_now = self.parts.store.use_nonce(nonce).await?;
        if is_used_now { Ok(()) } else { Err(SignInError::NonceUsed) }
    }
}

const INVITATION_OVER: SignInError = SignInError::Access(super::Refused::InvitationOver);
const NAME_NEEDED: SignInError = SignInError::Access(super::Refused::NameNeeded);

/// A user registers: it acts itself, under the name that it will have.
fn registers(user: &NewUser, client: &Client, now: Timestamp) -> Result<Attribution, StoreError> {
    let name = called(user.id, user.profile.name.as_ref(), user.wallets.first());
    let actor = Actor::new(ActorKind::Person, &name);
    let actor = actor.map_err(|error| StoreError::invalid("register a user", error.to_string()))?;
    Ok(client.attribution(actor, now))
}

fn instant(now: Timestamp) -> Result<DateTime<Utc>, StoreError> {
    let instant = i64::try_from(now.get()).ok().and_then(|now| DateTime::from_timestamp(now, 0));
    instant.ok_or_else(|| {
        StoreError::invalid("sign in", "the machine's clock is beyond all times: set it")
    })
}

impl From<AccessError> for SignInError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(refused) => Self::Access(refused),
            AccessError::Store(error) => Self::Store(error),
        }
    }
}

impl From<WalletError> for SignInError {
    fn from(error: WalletError) -> Self {
        match error {
            WalletError::NotSigned(not_signed) => Self::NotSigned(not_signed),
            WalletError::UnknownChain(chain) => Self::Refused(Refusal::Chain(chain)),
            WalletError::Busy(_) => Self::Busy,
            WalletError::Chain(_) => Self::Unavailable(error),
        }
    }
}

impl From<PasswordsError> for SignInError {
    fn from(error: PasswordsError) -> Self {
        match error {
            PasswordsError::Busy => Self::Busy,
            PasswordsError::Unreadable => {
                Self::Store(StoreError::corrupt("sign in", error.to_string()))
            }
        }
    }
}
