//! Users: how others make, change and remove them.

use async_trait::async_trait;
use pledge_core::audit::Attribution;
use pledge_office::access::{
    AccessAction, AccessError, Ban, By, GivenGrants, NewUser, Permission, Profile, SessionEnd,
    TokenHash, User, UserId, UserWrites,
};

use super::outcome::{Failure, finish};
use super::subject::{Subject, add, save_password};
use super::{acting, api_keys, grants, registration, sessions};
use crate::connection::Connection;
use crate::database::Database;
use crate::store::SqlStore;

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
