//! A server without its HTTP: sign-in over a file of `SQLite`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use k256::ecdsa::SigningKey;
use pledge_access::{JwtTokens, OsRandom};
use pledge_core::audit::{Actor, ActorKind, Attribution, AuditRecord};
use pledge_core::ports::{AuditQuery, AuditReads};
use pledge_core::primitives::{Address, Signature, hex};
use pledge_core::types::Timestamp;
use pledge_office::access::{
    Authenticator, By, Caller, Client, Credential, Expected, GivenGrants, NewUser, Nonces,
    Password, PasswordHash, Passwords, PasswordsError, Profile, Profiles, Purpose, RefreshTimes,
    Registration, RoleName, Secrets, SessionParts, Sessions, SignIn, SignInError, SignInParts,
    SignedIn, SignedMessage, Signs, Unauthenticated, User, UserId, UserName, UserReads, UserWrites,
    Wallet, Wallets, message_digest,
};
use pledge_office::base::{WallClock, random_bytes};
use pledge_storage_sqlite::SqliteStore;
use pledge_testing::ManualClock;
use tempfile::TempDir;

use crate::node::{CHAIN, Node};

pub(crate) const PASSWORD: &str = "correct horse battery";
const SECRET: &str = "the secret of these tests, of 32 bytes";

/// Hashes that cost nothing, counted. Those of an earlier form are outdated.
#[derive(Debug, Default)]
pub(crate) struct CountedPasswords {
    verified: AtomicUsize,
    /// Whether there is no place for one more.
    is_busy: AtomicBool,
}

const EARLIER: &str = "$earlier$";

fn hashed(password: &Password) -> PasswordHash {
    PasswordHash::new(&format!("$plain${}", hex::encode(password.expose()))).unwrap()
}

fn earlier(password: &Password) -> PasswordHash {
    PasswordHash::new(&format!("{EARLIER}{}", hex::encode(password.expose()))).unwrap()
}

#[async_trait]
impl Passwords for CountedPasswords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError> {
        Ok(hashed(password))
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        if self.is_busy.load(Ordering::SeqCst) {
            return Err(PasswordsError::Busy);
        }
        self.verified.fetch_add(1, Ordering::SeqCst);
        let is_right =
            |hash: &PasswordHash| *hash == hashed(password) || *hash == earlier(password);
        Ok(hash.is_some_and(is_right))
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        hash.expose().starts_with(EARLIER)
    }
}

pub(crate) struct World {
    pub(crate) sign_in: SignIn,
    pub(crate) store: SqliteStore,
    /// The machine's clock. The store has the database's.
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) node: Arc<Node>,
    pub(crate) passwords: Arc<CountedPasswords>,
    _folder: TempDir,
}

/// A key of an account.
pub(crate) struct Account(SigningKey);

impl Account {
    pub(crate) fn random() -> Self {
        Self(SigningKey::from_slice(&random_bytes::<32>(&OsRandom)).unwrap())
    }

    pub(crate) fn address(&self) -> Address {
        Address::from_private_key(&self.0)
    }

    pub(crate) fn sign(&self, message: &str) -> String {
        let digest = message_digest(message);
        let signed = self.0.sign_prehash_recoverable(digest.as_slice()).unwrap();
        hex::encode_prefixed(Signature::from(signed).as_bytes())
    }
}

pub(crate) fn client() -> Client {
    Client { address: "198.51.100.7".parse().unwrap(), user_agent: None, request: None }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Registration::Closed).await
    }

    pub(crate) async fn with(registration: Registration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("sqlite:{}", folder.path().join("pledge.db").display());
        let store = SqliteStore::open(&file).await.unwrap();
        let clock = Arc::new(ManualClock::default());
        clock.advance(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap());
        let (node, passwords) = (Arc::new(Node::new()), Arc::new(CountedPasswords::default()));
        let secrets = Secrets::new(&[SECRET]).unwrap();
        let wallets = Wallets::new([(CHAIN, node.clone() as _)].into());
        let sessions = Sessions::new(SessionParts {
            store: Arc::new(store.clone()),
            tokens: Arc::new(JwtTokens::new(&secrets.keys(Purpose::AccessToken), "app.example")),
            wallets: wallets.clone(),
            refresh_keys: secrets.keys(Purpose::RefreshToken),
            times: RefreshTimes::USUAL,
            random: Arc::new(OsRandom),
            clock: clock.clone(),
        });
        let parts = SignInParts {
            store: Arc::new(store.clone()),
            passwords: passwords.clone(),
            wallets,
            nonces: Nonces::new(secrets.keys(Purpose::Nonce)),
            expected: Expected {
                scheme: "https".to_owned(),
                domain: "app.example".to_owned(),
                chains: vec![CHAIN],
            },
            registration,
            random: Arc::new(OsRandom),
            clock: clock.clone(),
        };
        let sign_in = SignIn::new(parts, sessions);
        Self { sign_in, store, clock, node, passwords, _folder: folder }
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        self.sign_in.sessions()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The machine's operator.
    pub(crate) fn operator(&self) -> By {
        let actor = Actor::new(ActorKind::CommandLine, "root").unwrap();
        By::machine(Attribution::new(actor, self.now()))
    }

    async fn create(&self, name: Option<&str>, wallets: Vec<Wallet>, role: &str) -> User {
        let password = name.map(|_| hashed(&Password::typed(PASSWORD).unwrap()));
        let name = name.map(|name| UserName::new(name).unwrap());
        let user = NewUser {
            id: UserId::from_bytes(random_bytes(&OsRandom)),
            profile: Profile { name, ..Profile::default() },
            password,
            wallets,
        };
        let grants = GivenGrants::everywhere(RoleName::new(role).unwrap());
        self.store.create_user(&user, &grants, &self.operator()).await.unwrap()
    }

    /// A user with [`PASSWORD`].
    pub(crate) async fn user(&self, name: &str, role: &str) -> User {
        self.create(Some(name), Vec::new(), role).await
    }

    /// Gives a user a hash of [`PASSWORD`] in the earlier form.
    pub(crate) async fn give_earlier_hash(&self, user: UserId) {
        let hash = earlier(&Password::typed(PASSWORD).unwrap());
        self.store.change_password(user, Some(&hash), None, &self.operator()).await.unwrap();
    }

    /// The hash of a user's password.
    pub(crate) async fn hash_of(&self, name: &str) -> PasswordHash {
        let known = self.store.password_of(&UserName::new(name).unwrap()).await.unwrap();
        known.unwrap().password.unwrap()
    }

    /// A user with a wallet.
    pub(crate) async fn wallet_user(&self, address: Address, signs: Signs) -> User {
        self.create(None, vec![Wallet { address, signs }], "viewer").await
    }

    /// A message of an account with a nonce of its own.
    pub(crate) fn message(&self, account: Address) -> String {
        let nonce = self.sign_in.nonce();
        format!(
            "app.example wants you to sign in with your Ethereum account:\n{}\n\n\n\
             URI: https://app.example/login\nVersion: 1\nChain ID: 56\nNonce: {nonce}\nIssued At: {}",
            account.to_checksum(None),
            self.now(),
        )
    }

    pub(crate) async fn by_password(
        &self,
        name: &str,
        password: &str,
    ) -> Result<SignedIn, SignInError> {
        self.sign_in.by_password(name, password, &client()).await
    }

    /// Signs in with [`PASSWORD`].
    pub(crate) async fn signed_in(&self, name: &str) -> SignedIn {
        self.by_password(name, PASSWORD).await.unwrap()
    }

    pub(crate) async fn by_wallet(
        &self,
        message: &str,
        signature: &str,
    ) -> Result<SignedIn, SignInError> {
        self.sign_in.by_wallet(SignedMessage { message, signature }, &client()).await
    }

    pub(crate) async fn authenticate(
        &self,
        credential: Credential,
    ) -> Result<Caller, Unauthenticated> {
        self.sessions().authenticate(&credential).await
    }

    /// Who acts with an access token.
    pub(crate) async fn caller(&self, signed_in: &SignedIn) -> Result<Caller, Unauthenticated> {
        self.authenticate(Credential::AccessToken(signed_in.access_token.clone())).await
    }

    pub(crate) async fn is_let_in(&self, signed_in: &SignedIn) -> bool {
        match self.caller(signed_in).await {
            Ok(_) => true,
            Err(Unauthenticated::Refused) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// The actions of the audit log, oldest first.
    pub(crate) async fn audited(&self) -> Vec<AuditRecord> {
        let mut records = self.store.audit(&AuditQuery::newest(100)).await.unwrap();
        records.reverse();
        records
    }

    /// How many passwords were verified.
    pub(crate) fn verified(&self) -> usize {
        self.passwords.verified.load(Ordering::SeqCst)
    }

    /// Whether others take every place in which passwords are hashed.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.passwords.is_busy.store(is_busy, Ordering::SeqCst);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
