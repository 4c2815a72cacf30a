//! Who a request is from, and what it may do.

use pledge_office::access::{
    ApiKey, ApiKeyId, Caller, Identity, KeyCaller, KeyName, KeyPrefix, SessionId, TokenHash,
    UserId, UserName, Wallet, both, called,
};
use pledge_office::base::StoreTime;

use super::grants;
use crate::connection::{Connection, Row};
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query;
use crate::row::FromRow;

/// What a session or a key and its user decide together.
struct UserRow {
    user: UserId,
    name: Option<UserName>,
    /// Neither banned nor removed, and the session or key not ended.
    is_active: bool,
    until: Option<StoreTime>,
}

impl FromRow for UserRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let ends: [Option<StoreTime>; 3] =
            [row.find("banned")?, row.find("removed")?, row.find("ended")?];
        Ok(Self {
            user: row.get("user_id")?,
            name: row.find("user_name")?,
            is_active: ends.iter().all(Option::is_none),
            until: row.find("over_at")?,
        })
    }
}

impl UserRow {
    fn lets_in(&self, now: StoreTime) -> bool {
        self.is_active && self.until.is_none_or(|until| now < until)
    }

    /// What the user is called.
    async fn called(&self, db: &mut dyn Connection) -> Result<String, Fault> {
        let wallet = match self.name {
            Some(_) => None,
            None => first_wallet(db, self.user).await?,
        };
        Ok(called(self.user, self.name.as_ref(), wallet.as_ref()))
    }
}

async fn first_wallet(db: &mut dyn Connection, user: UserId) -> Result<Option<Wallet>, Fault> {
    let select = "SELECT * FROM access_wallet WHERE user_id = ?";
    let wallets: Vec<Wallet> = query(select).bind(user).all(db).await?;
    Ok(wallets.into_iter().min())
}

/// Who acts in a session now.
pub(super) async fn of_session(
    db: &mut dyn Connection,
    id: SessionId,
) -> Result<Option<Caller>, Fault> {
    let select = "SELECT s.user_id AS user_id, s.ended AS ended, s.over_at AS over_at, \
                  u.name AS user_name, u.banned AS banned, u.removed AS removed \
                  FROM access_session s JOIN access_user u ON u.id = s.user_id WHERE s.id = ?";
    let found: Option<UserRow> = query(select).bind(id).one(db).await?;
    let now = now(db).await?;
    let Some(found) = found.filter(|found| found.lets_in(now)) else {
        return Ok(None);
    };
    let name = found.called(db).await?;
    let grants = grants::allowed(db, found.user).await?;
    let identity = Identity::User { user: found.user, name, session: id };
    Ok(Some(Caller { identity, grants, until: found.until }))
}

struct KeyRow {
    key: ApiKeyId,
    hash: TokenHash,
    name: KeyName,
    last_used: Option<StoreTime>,
    owner: UserRow,
}

impl FromRow for KeyRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            key: row.get("id")?,
            hash: row.get("hash")?,
            name: row.get("name")?,
            last_used: row.find("last_used")?,
            owner: UserRow::from_row(row)?,
        })
    }
}

const KEY: &str = "SELECT k.id AS id, k.hash AS hash, k.name AS name, k.last_used AS last_used, \
                   k.owner_id AS user_id, k.revoked AS ended, k.over_at AS over_at, \
                   u.name AS user_name, u.banned AS banned, u.removed AS removed \
                   FROM access_key k JOIN access_user u ON u.id = k.owner_id";

/// The program that shows a key.
pub(super) async fn of_key(
    db: &mut dyn Connection,
    prefix: &KeyPrefix,
    hash: &TokenHash,
) -> Result<Option<KeyCaller>, Fault> {
    let found: Option<KeyRow> =
        query(format!("{KEY} WHERE k.prefix = ?")).bind(prefix.as_str()).one(db).await?;
    // A hash of 256 random bits: how long its comparison takes leads to no key.
    of_row(db, found.filter(|found| found.hash == *hash)).await
}

/// The program of a key.
pub(super) async fn of_key_id(
    db: &mut dyn Connection,
    id: ApiKeyId,
) -> Result<Option<KeyCaller>, Fault> {
    let found = query(format!("{KEY} WHERE k.id = ?")).bind(id).one(db).await?;
    of_row(db, found).await
}

async fn of_row(
    db: &mut dyn Connection,
    found: Option<KeyRow>,
) -> Result<Option<KeyCaller>, Fault> {
    let now = now(db).await?;
    let Some(found) = found.filter(|found| found.owner.lets_in(now)) else {
        return Ok(None);
    };
    let KeyRow { key, name, last_used, owner, .. } = found;
    let of_owner = grants::allowed(db, owner.user).await?;
    let grants = both(&grants::allowed(db, key).await?, &of_owner);
    let name = format!("{}/{name}", owner.called(db).await?);
    let identity = Identity::ApiKey { key, name, owner: owner.user };
    let caller = Caller { identity, grants, until: owner.until };
    Ok(Some(KeyCaller { caller, notes_use: ApiKey::notes_use(last_used, now) }))
}
