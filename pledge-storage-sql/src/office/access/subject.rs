//! A user that is being changed, and what every change of one is checked by.

use pledge_core::audit::Attribution;
use pledge_office::access::{
    AccessAction, Acting, By, GivenGrants, NewUser, PasswordHash, Permission, Profile, Refused,
    Role, User, UserId, Wallet, has_a_way_in, keeps_an_admin,
};
use pledge_office::base::StoreTime;

use super::outcome::Failure;
use super::{acting, grants, users};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;

/// A user that is being changed: it and all others are locked.
pub(super) struct Subject {
    pub(super) user: User,
    pub(super) acting: Acting,
    pub(super) now: StoreTime,
}

impl Subject {
    /// The user, for an act that changes it. Refused where the actor may not.
    pub(super) async fn of(db: &mut dyn Connection, id: UserId, by: &By) -> Result<Self, Failure> {
        let now = acting::lock(db).await?;
        let acting = acting::acting(db, by.right).await?;
        let user = users::lock(db, id).await?.ok_or(Refused::NoUser)?;
        let has = grants::resolved(db, &user.grants).await?;
        acting.may_act_on(id, &has, Permission::ChangeUsers)?;
        Ok(Self { user, acting, now })
    }

    /// The same, of one that was not removed.
    pub(super) async fn there(
        db: &mut dyn Connection,
        id: UserId,
        by: &By,
    ) -> Result<Self, Failure> {
        let subject = Self::of(db, id, by).await?;
        if subject.user.removed.is_some() { Err(Refused::NoUser.into()) } else { Ok(subject) }
    }

    /// Leaves the user as `after`, with a record of it, unless nothing has changed.
    pub(super) async fn save(
        self,
        db: &mut dyn Connection,
        after: User,
        action: AccessAction,
        by: &By,
    ) -> Result<User, Failure> {
        if self.user != after {
            save(db, &self.user, &after).await?;
            acting::record(db, by, action.on_user(Some(&self.user), &after)).await?;
        }
        Ok(after)
    }
}

/// Refuses a user that contradicts itself or another.
async fn check(
    db: &mut dyn Connection,
    before: Option<&User>,
    after: &User,
) -> Result<(), Failure> {
    if after.removed.is_none() {
        has_a_way_in(after)?;
    }
    if after.wallets.len() > User::WALLETS_MAX {
        return Err(Refused::TooMany { what: "wallets", most: User::WALLETS_MAX }.into());
    }
    // Under the lock of all, so what is read here is true until the commit.
    if let Some(before) = before {
        let are_others = is_another_admin(db, after.id).await?;
        keeps_an_admin(before, after, are_others)?;
    }
    if let Some(name) = &after.profile.name
        && users::id_of_name(db, name).await?.is_some_and(|id| id != after.id)
    {
        return Err(Refused::NameTaken.into());
    }
    for wallet in &after.wallets {
        if users::id_of_wallet(db, wallet).await?.is_some_and(|id| id != after.id) {
            return Err(Refused::WalletTaken.into());
        }
    }
    Ok(())
}

async fn is_another_admin(db: &mut dyn Connection, but: UserId) -> Result<bool, Fault> {
    let select = "SELECT u.id AS id FROM access_grant g JOIN access_user u ON u.id = g.holder \
                  WHERE g.role_name = ? AND g.holder_kind = 0 AND g.scope_text IS NULL \
                  AND u.banned IS NULL AND u.removed IS NULL AND u.id <> ? LIMIT 1";
    Ok(!query(select).bind(Role::ADMIN).bind(but).rows(db).await?.is_empty())
}

/// Writes what of a user has changed, but for its password.
async fn save(db: &mut dyn Connection, before: &User, after: &User) -> Result<(), Failure> {
    // The row is written whole; wallets and grants, which have rows of their own, as far as they differ.
    check(db, Some(before), after).await?;
    let Profile { name, display_name, language, time_zone } = &after.profile;
    query(
        "UPDATE access_user SET name = ?, display_name = ?, language = ?, time_zone = ?, \
         banned = ?, ban_reason = ?, removed = ? WHERE id = ?",
    )
    .bind(name.as_ref().map(|name| name.as_str()))
    .bind(display_name.as_ref().map(|name| name.as_str()))
    .bind(language.as_ref().map(|tag| tag.as_str()))
    .bind(time_zone.as_ref().map(|zone| zone.as_str()))
    .bind(after.banned.as_ref().map(|ban| ban.since))
    .bind(after.banned.as_ref().and_then(|ban| ban.why.as_deref()))
    .bind(after.removed)
    .bind(after.id)
    .execute(db)
    .await?;
    for gone in before.wallets.iter().filter(|wallet| !after.wallets.contains(wallet)) {
        remove_wallet(db, gone).await?;
    }
    for new in after.wallets.iter().filter(|wallet| !before.wallets.contains(wallet)) {
        add_wallet(db, after.id, new).await?;
    }
    if before.grants != after.grants {
        grants::save(db, after.id, &after.grants).await?;
    }
    Ok(())
}

async fn add_wallet(db: &mut dyn Connection, user: UserId, wallet: &Wallet) -> Result<(), Fault> {
    let (by_contract, chain) = users::signs_columns(wallet.signs);
    query("INSERT INTO access_wallet (address, by_contract, chain, user_id) VALUES (?, ?, ?, ?)")
        .bind(wallet.address)
        .bind(by_contract)
        .bind(chain)
        .bind(user)
        .execute(db)
        .await?;
    Ok(())
}

async fn remove_wallet(db: &mut dyn Connection, wallet: &Wallet) -> Result<(), Fault> {
    let (by_contract, chain) = users::signs_columns(wallet.signs);
    query("DELETE FROM access_wallet WHERE address = ? AND by_contract = ? AND chain = ?")
        .bind(wallet.address)
        .bind(by_contract)
        .bind(chain)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn save_password(
    db: &mut dyn Connection,
    user: UserId,
    password: Option<&PasswordHash>,
) -> Result<(), Fault> {
    query("UPDATE access_user SET password = ? WHERE id = ?")
        .bind(password.map(|hash| hash.expose()))
        .bind(user)
        .execute(db)
        .await?;
    Ok(())
}

/// Adds a user with grants that were checked, under the lock of all, and leaves a record of it.
pub(super) async fn add(
    db: &mut dyn Connection,
    new: &NewUser,
    given: GivenGrants,
    now: StoreTime,
    (action, by): (AccessAction, &Attribution),
) -> Result<User, Failure> {
    let NewUser { id, profile, password, wallets } = new;
    if users::find(db, *id).await?.is_some() {
        return Err(Fault::conflict(format!("user {id} is there already")).into());
    }
    let mut wallets = wallets.clone();
    wallets.sort_unstable();
    wallets.dedup();
    let user = User {
        id: *id,
        profile: profile.clone(),
        created: now,
        has_password: password.is_some(),
        wallets,
        grants: given,
        banned: None,
        removed: None,
    };
    check(db, None, &user).await?;
    // The row first, as for a user that has nothing yet; then what it has.
    query("INSERT INTO access_user (id, created) VALUES (?, ?)")
        .bind(user.id)
        .bind(now)
        .execute(db)
        .await?;
    let nothing = User {
        profile: Profile::default(),
        wallets: Vec::new(),
        grants: GivenGrants::NONE,
        ..user.clone()
    };
    save(db, &nothing, &user).await?;
    save_password(db, user.id, password.as_ref()).await?;
    acting::record_of(db, by, action.on_user(None, &user)).await?;
    Ok(user)
}
