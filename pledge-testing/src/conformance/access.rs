//! What the laws of access are stated with.

use std::fmt::Debug;

use pledge_core::audit::{Actor, ActorKind, Attribution, AuditRecord, Reason};
use pledge_core::ports::AuditQuery;
use pledge_core::primitives::Address;
use pledge_core::types::{ChainId, Timestamp};
use pledge_office::access::{
    AccessError, ApiKey, ApiKeyId, By, GivenGrant, GivenGrants, KeyName, KeyPrefix, NewApiKey,
    NewSession, NewUser, PasswordHash, Permission, Profile, RefreshTimes, Refused, Right, Role,
    RoleName, Scope, Session, SessionId, Shown, Signs, TokenHash, User, UserId, UserName, Wallet,
};

use crate::OfficeFixture;

pub(super) const fn user_id(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

pub(super) const fn session_id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

pub(super) fn password(text: &str) -> PasswordHash {
    PasswordHash::new(&format!("$argon2id${text}")).expect("a hash of a test")
}

pub(super) fn user_name(name: &str) -> UserName {
    UserName::new(name).expect("a name of a test")
}

pub(super) fn role_name(name: &str) -> RoleName {
    RoleName::new(name).expect("a name of a test")
}

pub(super) fn hash(text: &str) -> TokenHash {
    TokenHash::of(text)
}

pub(super) const fn key_wallet(byte: u8) -> Wallet {
    Wallet { address: Address::repeat_byte(byte), signs: Signs::ByKey }
}

pub(super) const fn contract_wallet(byte: u8, chain: u64) -> Wallet {
    Wallet { address: Address::repeat_byte(byte), signs: Signs::ByContract(ChainId::new(chain)) }
}

/// A user with a name and the password of its name.
pub(super) fn new_user(number: u8, name: &str) -> NewUser {
    let profile = Profile { name: Some(user_name(name)), ..Profile::default() };
    NewUser { id: user_id(number), profile, password: Some(password(name)), wallets: Vec::new() }
}

/// A user that signs in by a wallet alone.
pub(super) fn wallet_user(number: u8, wallet: Wallet) -> NewUser {
    let profile = Profile::default();
    NewUser { id: user_id(number), profile, password: None, wallets: vec![wallet] }
}

/// A role everywhere.
pub(super) fn everywhere(role: &str) -> GivenGrants {
    GivenGrants::everywhere(role_name(role))
}

/// A role on a chain.
pub(super) fn on_chain(role: &str, chain: u64) -> GivenGrants {
    let scope = Scope::Within { chains: [ChainId::new(chain)].into(), tokens: [].into() };
    GivenGrants::new(vec![GivenGrant { role: role_name(role), scope }]).expect("one grant")
}

pub(super) fn role(name: &str, permissions: &[Permission]) -> Role {
    Role { name: role_name(name), permissions: permissions.iter().copied().collect() }
}

pub(super) fn attribution(name: &str) -> Attribution {
    let actor = Actor::new(ActorKind::Person, name).expect("a name of a test");
    let at = Timestamp::new(1_767_279_600).expect("a time of a test");
    Attribution::new(actor, at).because(Reason::new("a test").expect("a reason of a test"))
}

/// The machine's operator.
pub(super) fn machine() -> By {
    By::machine(attribution("root"))
}

/// A user.
pub(super) fn by(user: UserId) -> By {
    By { right: Right::User(user), attribution: attribution("user") }
}

/// A key.
pub(super) fn by_key(key: ApiKeyId) -> By {
    By { right: Right::ApiKey(key), attribution: attribution("key") }
}

pub(super) fn refused<T: Debug>(outcome: Result<T, AccessError>) -> Refused {
    match outcome {
        Err(AccessError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// The kind of a failure that is no refusal.
pub(super) fn failed<T: Debug>(
    outcome: Result<T, AccessError>,
) -> pledge_core::error::StoreErrorKind {
    match outcome {
        Err(AccessError::Store(error)) => error.kind(),
        other => panic!("not a failure of the store: {other:?}"),
    }
}

/// Makes a user of the machine's operator with a role everywhere, and reads it.
pub(super) async fn made(office: &OfficeFixture, number: u8, name: &str, role: &str) -> User {
    let new = new_user(number, name);
    office.access.create_user(&new, &everywhere(role), &machine()).await.expect("make a user")
}

pub(super) async fn user(office: &OfficeFixture, id: UserId) -> User {
    office.access.user(id).await.expect("read a user").expect("the user is there")
}

/// The names of the actions in the audit log, the first one first.
pub(super) async fn actions(office: &OfficeFixture) -> Vec<String> {
    let mut records = records(office).await;
    records.reverse();
    records.iter().map(|record| record.act.action.to_string()).collect()
}

/// The audit log, the newest record first.
pub(super) async fn records(office: &OfficeFixture) -> Vec<AuditRecord> {
    office.audit.audit(&AuditQuery::newest(1_000)).await.expect("read the audit log")
}

/// A sign-in of a user with the password of its name; its token is that of its number.
pub(super) fn new_session(number: u8, user: UserId, name: &str) -> NewSession {
    NewSession {
        id: session_id(number),
        user,
        shown: Shown::Password(password(name)),
        token: hash(&number.to_string()),
        address: None,
        user_agent: None,
    }
}

pub(super) async fn signed_in(
    office: &OfficeFixture,
    number: u8,
    user: UserId,
    name: &str,
) -> Session {
    let new = new_session(number, user, name);
    office.access.begin_session(&new, &RefreshTimes::USUAL).await.expect("sign in")
}

pub(super) async fn session(office: &OfficeFixture, number: u8) -> Session {
    let read = office.access.session(session_id(number)).await.expect("read a session");
    read.expect("the session is there")
}

pub(super) const fn key_id(number: u8) -> ApiKeyId {
    ApiKeyId::from_bytes([number; 16])
}

pub(super) fn key_prefix(number: u8) -> KeyPrefix {
    KeyPrefix::new(&format!("key{number:05}")).expect("a prefix of a test")
}

/// A key of an owner without an end; its secret is that of its number.
pub(super) fn new_key(number: u8, owner: UserId, grants: GivenGrants) -> NewApiKey {
    NewApiKey {
        id: key_id(number),
        prefix: key_prefix(number),
        hash: hash(&format!("key {number}")),
        name: KeyName::new(&format!("key-{number}")).expect("a name of a test"),
        owner,
        grants,
        until: None,
    }
}

/// Makes a key of the owner by the owner.
pub(super) async fn keyed(
    office: &OfficeFixture,
    number: u8,
    owner: UserId,
    grants: GivenGrants,
) -> ApiKey {
    let new = new_key(number, owner, grants);
    office.access.add_api_key(&new, &by(owner)).await.expect("make a key")
}

/// Makes the role `manager`: one that changes users and reads.
pub(super) async fn with_managers(office: &OfficeFixture) {
    let manager = role("manager", &[Permission::ChangeUsers, Permission::ReadAll]);
    office.access.add_role(&manager, &machine()).await.expect("add a role");
}

/// Repeats a call that a server takes back because another write was in the way.
pub(super) async fn again<T>(
    mut call: impl AsyncFnMut() -> Result<T, AccessError>,
) -> Result<T, AccessError> {
    loop {
        match call().await {
            Err(AccessError::Store(error)) if error.is_retryable() => {}
            ended => return ended,
        }
    }
}
