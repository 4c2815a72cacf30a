//! Claims: taken, renewed, released, and checked by the writes of the domains.

use std::time::Duration;

use pledge_core::sharing::InstanceId;
use pledge_office::base::{Claim, ClaimName, Fence, StoreTime};

use super::time::{now, out_of_range};
use crate::connection::{Connection, Row};
use crate::dialect::Conflict;
use crate::fault::Fault;
use crate::query::query;
use crate::row::FromRow;

/// How often a row is made that others remove at the same time.
const ROWS_MADE_MAX: usize = 4;

impl FromRow for Claim {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            name: row.get("name")?,
            instance: row.get("instance")?,
            until: row.get("held_until")?,
            fence: row.get("fence")?,
        })
    }
}

/// Checks that the caller may write what the claim is for, and keeps it so until the transaction ends.
/// `Conflict` if it may not. Returns the database's time.
pub(crate) async fn require(db: &mut dyn Connection, claim: &Claim) -> Result<StoreTime, Fault> {
    // The lock keeps others from taking the claim until the commit, so it may end meanwhile.
    let known = lock(db, &claim.name).await?;
    let now = now(db).await?;
    claim.refusal(known.as_ref(), now).map_or(Ok(now), |refusal| Err(Fault::conflict(refusal)))
}

pub(crate) async fn take(
    db: &mut dyn Connection,
    name: &ClaimName,
    instance: InstanceId,
    lasts: Duration,
) -> Result<Option<Claim>, Fault> {
    let known = lock_row(db, name, instance).await?;
    let now = now(db).await?;
    let until = Claim::end(now, lasts).map_err(out_of_range)?;
    if !Claim::may_take(Some(&known), instance, now) {
        return Ok(None);
    }
    let claim = Claim { name: name.clone(), instance, until, fence: next_fence(db).await? };
    save(db, &claim).await?;
    Ok(Some(claim))
}

/// The claim of this name, locked. Where there is none, one that is over is made: what has no row cannot be
/// locked.
async fn lock_row(
    db: &mut dyn Connection,
    name: &ClaimName,
    instance: InstanceId,
) -> Result<Claim, Fault> {
    // A row that was found may be one that another transaction removes: it is gone once that has ended, and
    // the next attempt makes one of this transaction.
    for _ in 0..ROWS_MADE_MAX {
        add_free(db, name, instance).await?;
        if let Some(known) = lock(db, name).await? {
            return Ok(known);
        }
    }
    Err(Fault::unavailable(format!("claim {name} is being taken and released by others")))
}

/// Adds a claim that is over, unless there is one.
async fn add_free(
    db: &mut dyn Connection,
    name: &ClaimName,
    instance: InstanceId,
) -> Result<(), Fault> {
    let or_keep = db.dialect().on_conflict(Conflict { key: &["name"], updates: &[] });
    let insert = "INSERT INTO claim (name, instance, held_until, fence) VALUES (?, ?, 0, 0)";
    query(format!("{insert} {or_keep}")).bind(name.as_str()).bind(instance).execute(db).await?;
    Ok(())
}

/// The number after that of every taking so far, which no other gets.
async fn next_fence(db: &mut dyn Connection) -> Result<Fence, Fault> {
    query("UPDATE claim_fence SET newest = newest + 1 WHERE id = 0").execute(db).await?;
    let newest = query("SELECT newest FROM claim_fence WHERE id = 0").value(db, "newest").await?;
    newest.ok_or_else(|| Fault::corrupt("the counter of claims is gone"))
}

pub(crate) async fn renew(
    db: &mut dyn Connection,
    claim: &Claim,
    lasts: Duration,
) -> Result<Claim, Fault> {
    let now = require(db, claim).await?;
    let until = Claim::end(now, lasts).map_err(out_of_range)?;
    let renewed = Claim { until, ..claim.clone() };
    save(db, &renewed).await?;
    Ok(renewed)
}

pub(crate) async fn release(db: &mut dyn Connection, claim: &Claim) -> Result<(), Fault> {
    query("DELETE FROM claim WHERE name = ? AND fence = ? AND instance = ?")
        .bind(claim.name.as_str())
        .bind(claim.fence)
        .bind(claim.instance)
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn holder(
    db: &mut dyn Connection,
    name: &ClaimName,
) -> Result<Option<Claim>, Fault> {
    let known = find(db, name, "").await?;
    let now = now(db).await?;
    Ok(known.filter(|claim| claim.is_held(now)))
}

async fn lock(db: &mut dyn Connection, name: &ClaimName) -> Result<Option<Claim>, Fault> {
    let for_update = db.dialect().for_update();
    find(db, name, for_update).await
}

async fn find(
    db: &mut dyn Connection,
    name: &ClaimName,
    tail: &'static str,
) -> Result<Option<Claim>, Fault> {
    let select = format!("SELECT * FROM claim WHERE name = ? {tail}");
    query(select).bind(name.as_str()).one(db).await
}

async fn save(db: &mut dyn Connection, claim: &Claim) -> Result<(), Fault> {
    query("UPDATE claim SET instance = ?, held_until = ?, fence = ? WHERE name = ?")
        .bind(claim.instance)
        .bind(claim.until)
        .bind(claim.fence)
        .bind(claim.name.as_str())
        .execute(db)
        .await?;
    Ok(())
}
