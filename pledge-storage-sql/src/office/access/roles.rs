//! Roles that people made.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_office::access::{
    AccessAction, AccessError, By, Permission, Refused, Role, RoleName, RoleStore,
};

use super::acting::{self, Failure, finish};
use super::grants::permissions_text;
use crate::connection::Connection;
use crate::database::Database;
use crate::fault::Fault;
use crate::query::query;
use crate::store::SqlStore;

async fn find(db: &mut dyn Connection, name: &RoleName) -> Result<Option<Role>, Fault> {
    query("SELECT * FROM access_role WHERE name = ?").bind(name.as_str()).one(db).await
}

async fn list(
    db: &mut dyn Connection,
    after: Option<&RoleName>,
    rows_max: usize,
) -> Result<Vec<Role>, Fault> {
    let after = after.map_or("", RoleName::as_str);
    query("SELECT * FROM access_role WHERE name > ? ORDER BY name LIMIT ?")
        .bind(after)
        .limit(rows_max)
        .all(db)
        .await
}

/// The stored role of a name, for a write under the lock of all. Refused for a built-in one, and where the actor
/// may not change roles or lacks what the role gets: `gets`.
async fn subject(
    db: &mut dyn Connection,
    name: &RoleName,
    gets: Option<&Role>,
    by: &By,
) -> Result<Option<Role>, Failure> {
    acting::lock(db).await?;
    let acting = acting::acting(db, by.right).await?;
    acting.needs(Permission::ChangeRoles)?;
    if Role::is_built_in(name) {
        return Err(Refused::BuiltIn(name.clone()).into());
    }
    let known = find(db, name).await?;
    if let Some(gets) = gets {
        let had = known.iter().flat_map(|role| &role.permissions).copied().collect();
        let permissions = gets.permissions.difference(&had).copied().collect();
        acting.may_give_everywhere(&Role { name: name.clone(), permissions })?;
    }
    Ok(known)
}

async fn add(db: &mut dyn Connection, role: &Role, by: &By) -> Result<(), Failure> {
    if subject(db, &role.name, Some(role), by).await?.is_some() {
        return Err(Refused::RoleTaken(role.name.clone()).into());
    }
    query("INSERT INTO access_role (name, permissions) VALUES (?, ?)")
        .bind(role.name.as_str())
        .bind(permissions_text(role))
        .execute(db)
        .await?;
    record(db, AccessAction::AddRole, (None, Some(role)), by).await
}

async fn change(db: &mut dyn Connection, role: &Role, by: &By) -> Result<(), Failure> {
    let known = subject(db, &role.name, Some(role), by).await?;
    let known = known.ok_or_else(|| Refused::NoRole(role.name.clone()))?;
    if known == *role {
        return Ok(());
    }
    query("UPDATE access_role SET permissions = ? WHERE name = ?")
        .bind(permissions_text(role))
        .bind(role.name.as_str())
        .execute(db)
        .await?;
    record(db, AccessAction::ChangeRole, (Some(&known), Some(role)), by).await
}

async fn remove(db: &mut dyn Connection, name: &RoleName, by: &By) -> Result<(), Failure> {
    let Some(known) = subject(db, name, None, by).await? else {
        return Ok(());
    };
    query("DELETE FROM access_role WHERE name = ?").bind(name.as_str()).execute(db).await?;
    record(db, AccessAction::RemoveRole, (Some(&known), None), by).await
}

async fn record(
    db: &mut dyn Connection,
    action: AccessAction,
    (before, after): (Option<&Role>, Option<&Role>),
    by: &By,
) -> Result<(), Failure> {
    if let Some(act) = action.on_role(before, after) {
        acting::record(db, by, act).await?;
    }
    Ok(())
}

#[async_trait]
impl<D: Database> RoleStore for SqlStore<D> {
    async fn role(&self, name: &RoleName) -> Result<Option<Role>, StoreError> {
        let mut unit = self.read_once("read a role").await?;
        let read = find(unit.db(), name).await;
        unit.finish(read).await
    }

    async fn roles(&self, after: Option<&RoleName>, limit: usize) -> Result<Vec<Role>, StoreError> {
        let mut unit = self.read_once("read roles").await?;
        let read = list(unit.db(), after, limit).await;
        unit.finish(read).await
    }

    async fn add_role(&self, role: &Role, by: &By) -> Result<(), AccessError> {
        let mut unit = self.write("add a role").await?;
        let added = add(unit.db(), role, by).await;
        finish(unit, added).await
    }

    async fn change_role(&self, role: &Role, by: &By) -> Result<(), AccessError> {
        let mut unit = self.write("change a role").await?;
        let changed = change(unit.db(), role, by).await;
        finish(unit, changed).await
    }

    async fn remove_role(&self, name: &RoleName, by: &By) -> Result<(), AccessError> {
        let mut unit = self.write("remove a role").await?;
        let removed = remove(unit.db(), name, by).await;
        finish(unit, removed).await
    }
}
