//! Invitations.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_office::access::{
    AccessAction, AccessError, By, GivenGrants, Invitation, InvitationEnd, InvitationId,
    InvitationStore, NewInvitation, Permission, Position, Refused, Right, TokenHash, UserId,
};

use super::acting::{self, Failure, finish};
use super::{callers, grants, page};
use crate::connection::{Connection, Row};
use crate::database::Database;
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;
use crate::store::SqlStore;

/// An invitation without its grants.
impl FromRow for Invitation {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let end = match (row.find("used")?, row.find("used_by")?, row.find("revoked")?) {
            (None, None, None) => None,
            (Some(at), Some(user), None) => Some(InvitationEnd::Used { at, user }),
            (None, None, Some(at)) => Some(InvitationEnd::Revoked { at }),
            _ => return Err(Fault::malformed("used", "an invitation with two ends")),
        };
        Ok(Self {
            id: row.get("id")?,
            grants: GivenGrants::NONE,
            note: row.find("note")?,
            by: row.find("given_by")?,
            created: row.get("created")?,
            until: row.get("over_at")?,
            end,
        })
    }
}

/// Invitations with their grants, in their order.
async fn whole(
    db: &mut dyn Connection,
    mut found: Vec<Invitation>,
) -> Result<Vec<Invitation>, Fault> {
    let ids: Vec<_> = found.iter().map(|one| one.id).collect();
    let mut grants = grants::of(db, &ids).await?;
    for one in &mut found {
        one.grants = grants.remove(&one.id).unwrap_or_default();
    }
    Ok(found)
}

/// The invitation of a code, whatever became of it.
pub(super) async fn of_code(
    db: &mut dyn Connection,
    code: &TokenHash,
) -> Result<Option<Invitation>, Fault> {
    let select = query("SELECT * FROM access_invitation WHERE hash = ?");
    let found = select.bind(*code).all(db).await?;
    Ok(whole(db, found).await?.pop())
}

async fn find(db: &mut dyn Connection, id: InvitationId) -> Result<Option<Invitation>, Fault> {
    let found = query("SELECT * FROM access_invitation WHERE id = ?").bind(id).all(db).await?;
    Ok(whole(db, found).await?.pop())
}

async fn list(
    db: &mut dyn Connection,
    after: Option<Position<InvitationId>>,
    rows_max: usize,
) -> Result<Vec<Invitation>, Fault> {
    let select = "SELECT * FROM access_invitation";
    let page = page::newest_first(select, &[], "created", Vec::new(), after);
    let found = page.limit(rows_max).all(db).await?;
    whole(db, found).await
}

/// The user whose right is used.
async fn giver(db: &mut dyn Connection, right: Right) -> Result<Option<UserId>, Fault> {
    Ok(match right {
        Right::Machine => None,
        Right::User(user) => Some(user),
        Right::ApiKey(id) => callers::of_key_id(db, id).await?.and_then(|key| key.caller.user()),
    })
}

async fn add(db: &mut dyn Connection, new: &NewInvitation, by: &By) -> Result<Invitation, Failure> {
    let now = acting::lock(db).await?;
    let acting = acting::acting(db, by.right).await?;
    acting.needs(Permission::ChangeUsers)?;
    acting.may_give(&grants::given(db, &new.grants).await?)?;
    let is_allowed = !new.lasts.is_zero() && new.lasts <= Invitation::LASTS_MAX;
    let until = is_allowed.then(|| now.checked_add(new.lasts)).flatten().filter(|end| *end > now);
    let until = until.ok_or_else(|| Fault::invalid("an invitation is open for up to 30 days"))?;
    let known = query("SELECT id FROM access_invitation WHERE id = ? OR hash = ?");
    if !known.bind(new.id).bind(new.hash).rows(db).await?.is_empty() {
        return Err(Fault::conflict(format!("invitation {} or its code is there", new.id)).into());
    }
    let invitation = Invitation {
        id: new.id,
        grants: new.grants.clone(),
        note: new.note.clone(),
        by: giver(db, by.right).await?,
        created: now,
        until,
        end: None,
    };
    query(
        "INSERT INTO access_invitation (id, hash, note, given_by, created, over_at, done_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id)
    .bind(new.hash)
    .bind(new.note.as_ref().map(|note| note.as_str()))
    .bind(invitation.by)
    .bind(now)
    .bind(until)
    .bind(until)
    .execute(db)
    .await?;
    grants::save(db, new.id, &new.grants).await?;
    let act = AccessAction::Invite.on_invitation(None, &invitation);
    acting::record(db, by, act).await?;
    Ok(invitation)
}

async fn revoke(db: &mut dyn Connection, id: InvitationId, by: &By) -> Result<Invitation, Failure> {
    let now = acting::lock(db).await?;
    let acting = acting::acting(db, by.right).await?;
    acting.needs(Permission::ChangeUsers)?;
    let before = find(db, id).await?.ok_or(Refused::NoInvitation)?;
    if !before.is_open(now) {
        return Ok(before);
    }
    query("UPDATE access_invitation SET revoked = ?, done_at = ? WHERE id = ?")
        .bind(now)
        .bind(now)
        .bind(id)
        .execute(db)
        .await?;
    let after = Invitation { end: Some(InvitationEnd::Revoked { at: now }), ..before.clone() };
    let act = AccessAction::RevokeInvitation.on_invitation(Some(&before), &after);
    acting::record(db, by, act).await?;
    Ok(after)
}

#[async_trait]
impl<D: Database> InvitationStore for SqlStore<D> {
    async fn invite(&self, invitation: &NewInvitation, by: &By) -> Result<Invitation, AccessError> {
        let mut unit = self.write("invite a user").await?;
        let invited = add(unit.db(), invitation, by).await;
        finish(unit, invited).await
    }

    async fn revoke_invitation(
        &self,
        id: InvitationId,
        by: &By,
    ) -> Result<Invitation, AccessError> {
        let mut unit = self.write("withdraw an invitation").await?;
        let revoked = revoke(unit.db(), id, by).await;
        finish(unit, revoked).await
    }

    async fn invitations(
        &self,
        after: Option<Position<InvitationId>>,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError> {
        let mut unit = self.read("read invitations").await?;
        let read = list(unit.db(), after, limit).await;
        unit.finish(read).await
    }
}
