//! Keys of programs.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_office::access::{
    AccessAction, AccessError, ApiKey, ApiKeyId, ApiKeyStore, By, GivenGrants, KeyCaller,
    KeyPrefix, NewApiKey, Permission, Position, Refused, TokenHash, User, UserId,
};
use pledge_office::base::StoreTime;

use super::acting::{self, Failure, finish};
use super::{callers, grants, page, users};
use crate::bulk::values;
use crate::connection::{Connection, Row};
use crate::database::Database;
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query;
use crate::row::FromRow;
use crate::store::SqlStore;

/// A key without its grants.
impl FromRow for ApiKey {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            id: row.get("id")?,
            prefix: row.get("prefix")?,
            name: row.get("name")?,
            owner: row.get("owner_id")?,
            grants: GivenGrants::NONE,
            created: row.get("created")?,
            until: row.find("over_at")?,
            last_used: row.find("last_used")?,
            revoked: row.find("revoked")?,
        })
    }
}

/// Keys with their grants, in their order.
async fn whole(db: &mut dyn Connection, mut keys: Vec<ApiKey>) -> Result<Vec<ApiKey>, Fault> {
    let ids: Vec<_> = keys.iter().map(|key| key.id).collect();
    let mut grants = grants::of(db, &ids).await?;
    for key in &mut keys {
        key.grants = grants.remove(&key.id).unwrap_or_default();
    }
    Ok(keys)
}

async fn find(db: &mut dyn Connection, id: ApiKeyId) -> Result<Option<ApiKey>, Fault> {
    let found = query("SELECT * FROM access_key WHERE id = ?").bind(id).all(db).await?;
    Ok(whole(db, found).await?.pop())
}

async fn list(
    db: &mut dyn Connection,
    owner: Option<UserId>,
    after: Option<Position<ApiKeyId>>,
    rows_max: usize,
) -> Result<Vec<ApiKey>, Fault> {
    let select = "SELECT * FROM access_key";
    let page = match owner {
        Some(owner) => {
            let first = values![owner].to_vec();
            page::newest_first(select, &["owner_id = ?"], "created", first, after)
        }
        None => page::newest_first(select, &[], "created", Vec::new(), after),
    };
    let keys = page.limit(rows_max).all(db).await?;
    whole(db, keys).await
}

/// Refuses an actor that may not make or revoke keys of this owner; returns the actor.
async fn actor(
    db: &mut dyn Connection,
    owner: &User,
    by: &By,
) -> Result<pledge_office::access::Acting, Failure> {
    let acting = acting::acting(db, by.right).await?;
    let has = grants::resolved(db, &owner.grants).await?;
    acting.may_act_on(owner.id, &has, Permission::ChangeApiKeys)?;
    Ok(acting)
}

async fn add(db: &mut dyn Connection, new: &NewApiKey, by: &By) -> Result<ApiKey, Failure> {
    let now = acting::lock(db).await?;
    let owner = users::find(db, new.owner).await?.ok_or(Refused::NoUser)?;
    let acting = actor(db, &owner, by).await?;
    if !owner.is_active() {
        return Err(Refused::NotActive.into());
    }
    acting.may_give(&grants::given(db, &new.grants).await?)?;
    if new.until.is_some_and(|until| until <= now) {
        return Err(Refused::EndHasPassed.into());
    }
    check_others(db, new, now).await?;
    let key = ApiKey {
        id: new.id,
        prefix: new.prefix.clone(),
        name: new.name.clone(),
        owner: new.owner,
        grants: new.grants.clone(),
        created: now,
        until: new.until,
        last_used: None,
        revoked: None,
    };
    query(
        "INSERT INTO access_key (id, prefix, hash, name, owner_id, created, over_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key.id)
    .bind(key.prefix.as_str())
    .bind(new.hash)
    .bind(key.name.as_str())
    .bind(key.owner)
    .bind(now)
    .bind(key.until)
    .execute(db)
    .await?;
    grants::save(db, key.id, &key.grants).await?;
    acting::record(db, by, AccessAction::AddApiKey.on_api_key(None, &key)).await?;
    Ok(key)
}

/// Refuses a key that another one is in the way of.
async fn check_others(
    db: &mut dyn Connection,
    new: &NewApiKey,
    now: StoreTime,
) -> Result<(), Failure> {
    let known = query("SELECT id FROM access_key WHERE id = ? OR prefix = ?")
        .bind(new.id)
        .bind(new.prefix.as_str())
        .rows(db)
        .await?;
    if !known.is_empty() {
        return Err(Fault::conflict(format!("API key {} or its prefix is there", new.id)).into());
    }
    // An owner has few keys that were not revoked: they are read whole.
    let select = "SELECT * FROM access_key WHERE owner_id = ? AND revoked IS NULL";
    let others: Vec<ApiKey> = query(select).bind(new.owner).all(db).await?;
    if others.iter().any(|other| other.name == new.name) {
        return Err(Refused::KeyNameTaken.into());
    }
    if others.iter().filter(|other| other.is_in_force(now)).count() >= ApiKey::OF_USER_MAX {
        return Err(Refused::TooMany { what: "API keys", most: ApiKey::OF_USER_MAX }.into());
    }
    Ok(())
}

async fn revoke(db: &mut dyn Connection, id: ApiKeyId, by: &By) -> Result<ApiKey, Failure> {
    let now = acting::lock(db).await?;
    let before = find(db, id).await?.ok_or(Refused::NoApiKey)?;
    let owner = users::find(db, before.owner).await?;
    let owner = owner.ok_or_else(|| Fault::corrupt(format!("API key {id} has no owner")))?;
    actor(db, &owner, by).await?;
    if before.revoked.is_some() {
        return Ok(before);
    }
    query("UPDATE access_key SET revoked = ? WHERE id = ?").bind(now).bind(id).execute(db).await?;
    let after = ApiKey { revoked: Some(now), ..before.clone() };
    acting::record(db, by, AccessAction::RevokeApiKey.on_api_key(Some(&before), &after)).await?;
    Ok(after)
}

/// Revokes every key of a user.
pub(super) async fn revoke_all(
    db: &mut dyn Connection,
    owner: UserId,
    now: StoreTime,
) -> Result<(), Fault> {
    query("UPDATE access_key SET revoked = ? WHERE owner_id = ? AND revoked IS NULL")
        .bind(now)
        .bind(owner)
        .execute(db)
        .await?;
    Ok(())
}

async fn note_use(db: &mut dyn Connection, id: ApiKeyId) -> Result<(), Fault> {
    let now = now(db).await?;
    let for_update = db.dialect().for_update();
    let select = format!("SELECT * FROM access_key WHERE id = ? {for_update}");
    let key: Option<ApiKey> = query(select).bind(id).one(db).await?;
    if key.is_some_and(|key| ApiKey::notes_use(key.last_used, now)) {
        query("UPDATE access_key SET last_used = ? WHERE id = ?")
            .bind(now)
            .bind(id)
            .execute(db)
            .await?;
    }
    Ok(())
}

#[async_trait]
impl<D: Database> ApiKeyStore for SqlStore<D> {
    async fn add_api_key(&self, key: &NewApiKey, by: &By) -> Result<ApiKey, AccessError> {
        let mut unit = self.write("make an API key").await?;
        let added = add(unit.db(), key, by).await;
        finish(unit, added).await
    }

    async fn revoke_api_key(&self, id: ApiKeyId, by: &By) -> Result<ApiKey, AccessError> {
        let mut unit = self.write("revoke an API key").await?;
        let revoked = revoke(unit.db(), id, by).await;
        finish(unit, revoked).await
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut unit = self.read("read an API key").await?;
        let read = find(unit.db(), id).await;
        unit.finish(read).await
    }

    async fn api_keys(
        &self,
        owner: Option<UserId>,
        after: Option<Position<ApiKeyId>>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let mut unit = self.read("read API keys").await?;
        let read = list(unit.db(), owner, after, limit).await;
        unit.finish(read).await
    }

    async fn caller_of_key(
        &self,
        prefix: &KeyPrefix,
        hash: &TokenHash,
    ) -> Result<Option<KeyCaller>, StoreError> {
        let mut unit = self.read("read the caller of an API key").await?;
        let read = callers::of_key(unit.db(), prefix, hash).await;
        unit.finish(read).await
    }

    async fn caller_of_key_id(&self, id: ApiKeyId) -> Result<Option<KeyCaller>, StoreError> {
        let mut unit = self.read("read the caller of an API key").await?;
        let read = callers::of_key_id(unit.db(), id).await;
        unit.finish(read).await
    }

    async fn note_key_use(&self, id: ApiKeyId) -> Result<(), StoreError> {
        let mut unit = self.write("note the use of an API key").await?;
        let noted = note_use(unit.db(), id).await;
        unit.finish(noted).await
    }
}
