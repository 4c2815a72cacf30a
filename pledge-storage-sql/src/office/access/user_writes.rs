//! Users: how others make, change and remove them.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_office::access::{
    AccessAction, AccessError, Acting, Ban, By, GivenGrants, NewUser, PasswordHash, Permission,
    Profile, Refused, Role, SessionEnd, TokenHash, User, UserId, UserWrites, Wallet, has_a_way_in,
    keeps_an_admin,
};
use pledge_office::base::StoreTime;

use super::acting::{self, Failure, finish};
use super::{api_keys, grants, registration, sessions, users};
use crate::connection::Connection;
use crate::database::Database;
use crate::fault::Fault;
use crate::query::query;
use crate::store::SqlStore;

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

async fn create(
    db: &mut dyn Connection,
    new: &NewUser,
    given: &GivenGrants,
    by: &By,
) -> Result<User, Failure> {
    let now = acting::lock(db).await?;
    let acting = acting::acting(db, by.right).await?;
    acting.needs(Permission::ChangeUsers)?;
    acting.may_give(&grants::given(db, given).await?)?;
    add(db, new, given.clone(), now, (AccessAction::CreateUser, &by.attribution)).await
}

async fn change_grants(
    db: &mut dyn Connection,
    id: UserId,
    given: &GivenGrants,
    by: &By,
) -> Result<User, Failure> {
    let subject = Subject::there(db, id, by).await?;
    // A user does not give itself roles without the permission to give them.
    subject.acting.needs(Permission::ChangeUsers)?;
    subject.acting.may_give(&grants::given(db, given).await?)?;
    let after = User { grants: given.clone(), ..subject.user.clone() };
    subject.save(db, after, AccessAction::ChangeGrants, by).await
}

async fn ban(db: &mut dyn Connection, id: UserId, by: &By) -> Result<User, Failure> {
    let subject = Subject::there(db, id, by).await?;
    subject.acting.needs(Permission::ChangeUsers)?;
    if subject.user.banned.is_some() {
        return Ok(subject.user);
    }
    let (since, why) = (subject.now, by.attribution.reason());
    sessions::end_all(db, id, None, (since, SessionEnd::Banned)).await?;
    let after = User { banned: Some(Ban { since, why }), ..subject.user.clone() };
    subject.save(db, after, AccessAction::BanUser, by).await
}

async fn lift_ban(db: &mut dyn Connection, id: UserId, by: &By) -> Result<User, Failure> {
    let subject = Subject::there(db, id, by).await?;
    subject.acting.needs(Permission::ChangeUsers)?;
    let after = User { banned: None, ..subject.user.clone() };
    subject.save(db, after, AccessAction::LiftBan, by).await
}

async fn remove(db: &mut dyn Connection, id: UserId, by: &By) -> Result<User, Failure> {
    let subject = Subject::of(db, id, by).await?;
    if subject.user.removed.is_some() {
        return Ok(subject.user);
    }
    let now = subject.now;
    sessions::end_all(db, id, None, (now, SessionEnd::Removed)).await?;
    api_keys::revoke_all(db, id, now).await?;
    save_password(db, id, None).await?;
    let after = User {
        id,
        profile: Profile::default(),
        created: subject.user.created,
        has_password: false,
        wallets: Vec::new(),
        grants: GivenGrants::NONE,
        banned: None,
        removed: Some(now),
    };
    subject.save(db, after, AccessAction::RemoveUser, by).await
}

#[async_trait]
impl<D: Database> UserWrites for SqlStore<D> {
    async fn create_user(
        &self,
        user: &NewUser,
        grants: &GivenGrants,
        by: &By,
    ) -> Result<User, AccessError> {
        let mut unit = self.write("create a user").await?;
        let created = create(unit.db(), user, grants, by).await;
        finish(unit, created).await
    }

    async fn register_user(
        &self,
        user: &NewUser,
        invitation: Option<&TokenHash>,
        by: &Attribution,
    ) -> Result<User, AccessError> {
        let mut unit = self.write("register a user").await?;
        let registered = registration::register(unit.db(), user, invitation, by).await;
        finish(unit, registered).await
    }

    async fn change_grants(
        &self,
        user: UserId,
        grants: &GivenGrants,
        by: &By,
    ) -> Result<User, AccessError> {
        let mut unit = self.write("change a user's roles").await?;
        let changed = change_grants(unit.db(), user, grants, by).await;
        finish(unit, changed).await
    }

    async fn ban_user(&self, user: UserId, by: &By) -> Result<User, AccessError> {
        let mut unit = self.write("ban a user").await?;
        let banned = ban(unit.db(), user, by).await;
        finish(unit, banned).await
    }

    async fn lift_ban(&self, user: UserId, by: &By) -> Result<User, AccessError> {
        let mut unit = self.write("lift a ban").await?;
        let lifted = lift_ban(unit.db(), user, by).await;
        finish(unit, lifted).await
    }

    async fn remove_user(&self, user: UserId, by: &By) -> Result<User, AccessError> {
        let mut unit = self.write("remove a user").await?;
        let removed = remove(unit.db(), user, by).await;
        finish(unit, removed).await
    }
}
