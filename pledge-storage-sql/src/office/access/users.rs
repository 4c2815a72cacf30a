//! Users: how they are read.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::types::ChainId;
use pledge_office::access::{
    Ban, GivenGrants, PasswordSignIn, Position, Profile, Signs, User, UserId, UserName, UserReads,
    Wallet,
};

use super::{grants, page};
use crate::bulk;
use crate::connection::{Connection, Row};
use crate::database::Database;
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;
use crate::store::SqlStore;

/// A user without its wallets and grants.
impl FromRow for User {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let why = row.find("ban_reason")?;
        Ok(Self {
            id: row.get("id")?,
            profile: Profile {
                name: row.find("name")?,
                display_name: row.find("display_name")?,
                language: row.find("language")?,
                time_zone: row.find("time_zone")?,
            },
            created: row.get("created")?,
            has_password: row.find::<String>("password")?.is_some(),
            wallets: Vec::new(),
            grants: GivenGrants::NONE,
            banned: row.find("banned")?.map(|since| Ban { since, why }),
            removed: row.find("removed")?,
        })
    }
}

impl FromRow for PasswordSignIn {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self { user: row.get("id")?, password: row.find("password")? })
    }
}

impl FromRow for Wallet {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let chain: ChainId = row.get("chain")?;
        let signs = if row.get("by_contract")? { Signs::ByContract(chain) } else { Signs::ByKey };
        Ok(Self { address: row.get("address")?, signs })
    }
}

struct WalletRow {
    user: UserId,
    wallet: Wallet,
}

impl FromRow for WalletRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self { user: row.get("user_id")?, wallet: Wallet::from_row(row)? })
    }
}

/// How a wallet signs, as its columns hold it.
pub(super) const fn signs_columns(signs: Signs) -> (bool, ChainId) {
    match signs {
        Signs::ByKey => (false, ChainId::new(0)),
        Signs::ByContract(chain) => (true, chain),
    }
}

/// A user with all that it has.
pub(super) async fn find(db: &mut dyn Connection, id: UserId) -> Result<Option<User>, Fault> {
    find_with(db, id, "").await
}

/// The same, locked until the transaction ends.
pub(super) async fn lock(db: &mut dyn Connection, id: UserId) -> Result<Option<User>, Fault> {
    let for_update = db.dialect().for_update();
    find_with(db, id, for_update).await
}

async fn find_with(
    db: &mut dyn Connection,
    id: UserId,
    tail: &'static str,
) -> Result<Option<User>, Fault> {
    let select = format!("SELECT * FROM access_user WHERE id = ? {tail}");
    let found = query(select).bind(id).all(db).await?;
    Ok(whole(db, found).await?.pop())
}

/// Users with their wallets and grants, in their order.
async fn whole(db: &mut dyn Connection, mut users: Vec<User>) -> Result<Vec<User>, Fault> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let select = "SELECT * FROM access_wallet WHERE user_id IN";
    let rows: Vec<WalletRow> = bulk::select(db, select, &[], &ids, "").await?;
    let mut wallets: BTreeMap<UserId, Vec<Wallet>> = BTreeMap::new();
    for row in rows {
        wallets.entry(row.user).or_default().push(row.wallet);
    }
    let mut grants = grants::of(db, &ids).await?;
    for user in &mut users {
        user.wallets = wallets.remove(&user.id).unwrap_or_default();
        user.wallets.sort_unstable();
        user.grants = grants.remove(&user.id).unwrap_or_default();
    }
    Ok(users)
}

pub(super) async fn id_of_name(
    db: &mut dyn Connection,
    name: &UserName,
) -> Result<Option<UserId>, Fault> {
    query("SELECT id FROM access_user WHERE name = ?").bind(name.as_str()).value(db, "id").await
}

pub(super) async fn id_of_wallet(
    db: &mut dyn Connection,
    wallet: &Wallet,
) -> Result<Option<UserId>, Fault> {
    let (by_contract, chain) = signs_columns(wallet.signs);
    query("SELECT user_id FROM access_wallet WHERE address = ? AND by_contract = ? AND chain = ?")
        .bind(wallet.address)
        .bind(by_contract)
        .key(chain)
        .value(db, "user_id")
        .await
}

async fn found(db: &mut dyn Connection, id: Option<UserId>) -> Result<Option<User>, Fault> {
    match id {
        Some(id) => find(db, id).await,
        None => Ok(None),
    }
}

async fn named(db: &mut dyn Connection, name: &UserName) -> Result<Option<User>, Fault> {
    let id = id_of_name(db, name).await?;
    found(db, id).await
}

async fn of_wallet(db: &mut dyn Connection, wallet: &Wallet) -> Result<Option<User>, Fault> {
    let id = id_of_wallet(db, wallet).await?;
    found(db, id).await
}

async fn list(
    db: &mut dyn Connection,
    after: Option<Position<UserId>>,
    rows_max: usize,
) -> Result<Vec<User>, Fault> {
    let page = page::newest_first("SELECT * FROM access_user", &[], "created", Vec::new(), after);
    let users = page.limit(rows_max).all(db).await?;
    whole(db, users).await
}

#[async_trait]
impl<D: Database> UserReads for SqlStore<D> {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let mut unit = self.read("read a user").await?;
        let read = find(unit.db(), id).await;
        unit.finish(read).await
    }

    async fn user_named(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        let mut unit = self.read("read a user by its name").await?;
        let read = named(unit.db(), name).await;
        unit.finish(read).await
    }

    async fn user_of_wallet(&self, wallet: &Wallet) -> Result<Option<User>, StoreError> {
        let mut unit = self.read("read a user by its wallet").await?;
        let read = of_wallet(unit.db(), wallet).await;
        unit.finish(read).await
    }

    async fn password_of(&self, name: &UserName) -> Result<Option<PasswordSignIn>, StoreError> {
        let mut unit = self.read_once("read a password's hash").await?;
        let select = query("SELECT id, password FROM access_user WHERE name = ?");
        let read = select.bind(name.as_str()).one(unit.db()).await;
        unit.finish(read).await
    }

    async fn users(
        &self,
        after: Option<Position<UserId>>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let mut unit = self.read("read users").await?;
        let read = list(unit.db(), after, limit).await;
        unit.finish(read).await
    }
}
