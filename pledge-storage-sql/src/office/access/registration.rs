//! Users that are made at their own wish.

use pledge_core::audit::Attribution;
use pledge_office::access::{
    AccessAction, GivenGrants, Invitation, NewUser, Permission, Refused, Right, Role, RoleName,
    TokenHash, User, UserId,
};
use pledge_office::base::StoreTime;

use super::acting::{self, Failure};
use super::{grants, invitations, user_writes};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;

pub(super) async fn register(
    db: &mut dyn Connection,
    new: &NewUser,
    code: Option<&TokenHash>,
    by: &Attribution,
) -> Result<User, Failure> {
    let now = acting::lock(db).await?;
    let invitation = match code {
        Some(code) => Some(open(db, code, now).await?),
        None => None,
    };
    let given = match &invitation {
        Some(invitation) => invitation.grants.clone(),
        None => GivenGrants::everywhere(RoleName::new(Role::MEMBER).expect("a plain word")),
    };
    let act = (AccessAction::RegisterUser, by);
    let user = user_writes::add(db, new, given, now, act).await?;
    if let Some(invitation) = invitation {
        mark_used(db, &invitation, user.id, now).await?;
    }
    Ok(user)
}

/// The invitation of a code, if it is open and the one who made it could give its grants now.
async fn open(
    db: &mut dyn Connection,
    code: &TokenHash,
    now: StoreTime,
) -> Result<Invitation, Failure> {
    let found = invitations::of_code(db, code).await?.filter(|found| found.is_open(now));
    let invitation = found.ok_or(Refused::InvitationOver)?;
    let right = invitation.by.map_or(Right::Machine, Right::User);
    let giver = acting::acting(db, right).await?;
    // A role that was removed since gives nothing, and is no reason to refuse.
    let given = grants::resolved(db, &invitation.grants).await?;
    let may_give = giver.needs(Permission::ChangeUsers).and_then(|()| giver.may_give(&given));
    may_give.map_err(|_| Refused::InvitationOver)?;
    Ok(invitation)
}

async fn mark_used(
    db: &mut dyn Connection,
    invitation: &Invitation,
    user: UserId,
    now: StoreTime,
) -> Result<(), Fault> {
    query("UPDATE access_invitation SET used = ?, used_by = ?, done_at = ? WHERE id = ?")
        .bind(now)
        .bind(user)
        .bind(now)
        .bind(invitation.id)
        .execute(db)
        .await?;
    Ok(())
}
