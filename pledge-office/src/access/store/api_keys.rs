//! The port of programs' keys.

use std::fmt::Debug;

use async_trait::async_trait;
use pledge_core::error::StoreError;

use super::Position;
use crate::access::{
    AccessError, ApiKey, ApiKeyId, By, KeyCaller, KeyPrefix, NewApiKey, TokenHash, UserId,
};

/// Keys of programs. Every time here is of the database's clock.
///
/// # Contract
/// - A user makes and revokes its own keys. For those of another it needs
///   [`Permission::ChangeApiKeys`](crate::access::Permission::ChangeApiKeys) and all that the owner has. It gives a key
///   no permission that it lacks itself. Each write takes the lock of [`UserWrites`](super::UserWrites).
/// - Each leaves one audit record about the key in its transaction, without its hash. A key that was revoked stays
///   so, and that leaves none. A refused write writes nothing.
/// - A name is of one key of the owner that was not revoked, and an owner has at most
///   [`ApiKey::OF_USER_MAX`] of them. A key is made for an owner that may sign in, and with an end that lies ahead.
/// - An id or a prefix that is there already is a `Conflict`.
/// - The caller of a key may do what both the key's grants and the owner's allow when it is read. There is none for a
///   key that was revoked or is over, for an owner that may not sign in, and for another hash. It is read in one
///   snapshot.
/// - A use is noted where the last one that was noted is a minute old or more.
/// - A page is of keys, also of revoked ones, by their time, the newest first, then by id descending, and begins
///   behind a position.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait ApiKeyStore: Debug + Send + Sync + 'static {
    /// Makes a key.
    async fn add_api_key(&self, key: &NewApiKey, by: &By) -> Result<ApiKey, AccessError>;

    /// Revokes a key.
    async fn revoke_api_key(&self, id: ApiKeyId, by: &By) -> Result<ApiKey, AccessError>;

    /// A key, whatever became of it.
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;

    /// A page of keys, of all users or of one, at most `limit`.
    async fn api_keys(
        &self,
        owner: Option<UserId>,
        after: Option<Position<ApiKeyId>>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError>;

    /// The program that shows a key.
    async fn caller_of_key(
        &self,
        prefix: &KeyPrefix,
        hash: &TokenHash,
    ) -> Result<Option<KeyCaller>, StoreError>;

    /// The program of a key, for what has shown it before.
    async fn caller_of_key_id(&self, id: ApiKeyId) -> Result<Option<KeyCaller>, StoreError>;

    /// Notes that a key is used now.
    async fn note_key_use(&self, id: ApiKeyId) -> Result<(), StoreError>;
}
