//! Users: what they are called, and how they sign in.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_office::access::{
    AccessAction, AccessError, By, PasswordHash, PasswordSignIn, ProfileChange, Profiles,
    SessionEnd, SessionId, User, UserId, Wallet, has_a_way_in,
};

use super::outcome::{Failure, finish};
use super::subject::{Subject, save_password};
use super::{acting, sessions};
use crate::connection::Connection;
use crate::database::Database;
use crate::fault::Fault;
use crate::query::query;
use crate::store::SqlStore;

async fn change_profile(
    db: &mut dyn Connection,
    id: UserId,
    change: &ProfileChange,
    by: &By,
) -> Result<User, Failure> {
    let subject = Subject::there(db, id, by).await?;
    let profile = change.of(&subject.user.profile);
    let after = User { profile, ..subject.user.clone() };
    subject.save(db, after, AccessAction::ChangeProfile, by).await
}

async fn change_password(
    db: &mut dyn Connection,
    id: UserId,
    (password, keep): (Option<&PasswordHash>, Option<SessionId>),
    by: &By,
) -> Result<User, Failure> {
    let Subject { user: before, now, .. } = Subject::there(db, id, by).await?;
    if password.is_none() && !before.has_password {
        return Ok(before);
    }
    let after = User { has_password: password.is_some(), ..before.clone() };
    has_a_way_in(&after)?;
    save_password(db, id, password).await?;
    sessions::end_all(db, id, keep, (now, SessionEnd::PasswordChanged)).await?;
    acting::record(db, by, AccessAction::ChangePassword.on_user(Some(&before), &after)).await?;
    Ok(after)
}

async fn rehash(
    db: &mut dyn Connection,
    id: UserId,
    before: &PasswordHash,
    after: &PasswordHash,
) -> Result<bool, Fault> {
    let for_update = db.dialect().for_update();
    let select = format!("SELECT id, password FROM access_user WHERE id = ? {for_update}");
    let known: Option<PasswordSignIn> = query(select).bind(id).one(db).await?;
    if known.and_then(|known| known.password).as_ref() != Some(before) {
        return Ok(false);
    }
    save_password(db, id, Some(after)).await?;
    Ok(true)
}

async fn add_wallet(
    db: &mut dyn Connection,
    id: UserId,
    wallet: &Wallet,
    by: &By,
) -> Result<User, Failure> {
    let subject = Subject::there(db, id, by).await?;
    let mut after = subject.user.clone();
    after.wallets.push(*wallet);
    after.wallets.sort_unstable();
    after.wallets.dedup();
    subject.save(db, after, AccessAction::AddWallet, by).await
}

async fn remove_wallet(
    db: &mut dyn Connection,
    id: UserId,
    wallet: &Wallet,
    by: &By,
) -> Result<User, Failure> {
    let subject = Subject::there(db, id, by).await?;
    let mut after = subject.user.clone();
    after.wallets.retain(|one| one != wallet);
    if after != subject.user {
        sessions::end_of_wallet(db, id, wallet, (subject.now, SessionEnd::WalletRemoved)).await?;
    }
    subject.save(db, after, AccessAction::RemoveWallet, by).await
}

#[async_trait]
impl<D: Database> Profiles for SqlStore<D> {
    async fn change_profile(
        &self,
        user: UserId,
        change: &ProfileChange,
        by: &By,
    ) -> Result<User, AccessError> {
        let mut unit = self.write("change a profile").await?;
        let changed = change_profile(unit.db(), user, change, by).await;
        finish(unit, changed).await
    }

    async fn change_password(
        &self,
        user: UserId,
        password: Option<&PasswordHash>,
        keep: Option<SessionId>,
        by: &By,
    ) -> Result<User, AccessError> {
        let mut unit = self.write("change a password").await?;
        let changed = change_password(unit.db(), user, (password, keep), by).await;
        finish(unit, changed).await
    }

    async fn rehash_password(
        &self,
        user: UserId,
        before: &PasswordHash,
        after: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut unit = self.write("hash a password again").await?;
        let hashed = rehash(unit.db(), user, before, after).await;
        unit.finish(hashed).await
    }

    async fn add_wallet(
        &self,
        user: UserId,
        wallet: &Wallet,
        by: &By,
    ) -> Result<User, AccessError> {
        let mut unit = self.write("add a wallet").await?;
        let added = add_wallet(unit.db(), user, wallet, by).await;
        finish(unit, added).await
    }

    async fn remove_wallet(
        &self,
        user: UserId,
        wallet: &Wallet,
        by: &By,
    ) -> Result<User, AccessError> {
        let mut unit = self.write("remove a wallet").await?;
        let removed = remove_wallet(unit.db(), user, wallet, by).await;
        finish(unit, removed).await
    }
}
