//! Who makes a write, and how one ends that may be refused.

use pledge_core::audit::{Act, Attribution};
use pledge_office::access::{AccessError, Acting, By, Refused, Right};
use pledge_office::base::StoreTime;

use super::{callers, grants, users};
use crate::audit;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::office::time::now;
use crate::query::query;
use crate::store::Call;

/// Why a write is not made.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refused),
    Fault(Fault),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Ends a write: commits what succeeded, takes back what was refused or failed.
pub(super) async fn finish<T>(call: Call, outcome: Result<T, Failure>) -> Result<T, AccessError> {
    match outcome {
        Ok(answer) => Ok(call.finish(Ok(answer)).await?),
        Err(Failure::Fault(fault)) => Ok(call.finish(Err(fault)).await?),
        Err(Failure::Refused(refused)) => {
            // The caller gets the refusal; the fault only takes the write back.
            let taken_back = call.finish::<T>(Err(Fault::conflict("the write is refused"))).await;
            drop(taken_back);
            Err(refused.into())
        }
    }
}

/// Locks users, roles, keys and invitations until the transaction ends, and returns the time.
pub(super) async fn lock(db: &mut dyn Connection) -> Result<StoreTime, Fault> {
    let for_update = db.dialect().for_update();
    let lock = query(format!("SELECT id FROM access_lock WHERE id = 0 {for_update}"));
    if lock.rows(db).await?.is_empty() {
        return Err(Fault::corrupt("the lock of users is gone"));
    }
    now(db).await
}

/// What the actor may do now.
pub(super) async fn acting(db: &mut dyn Connection, right: Right) -> Result<Acting, Fault> {
    match right {
        Right::Machine => Ok(Acting::Machine),
        Right::User(id) => match users::find(db, id).await?.filter(|user| user.is_active()) {
            Some(user) => Ok(Acting::User(id, grants::resolved(db, &user.grants).await?)),
            None => Ok(Acting::Nobody),
        },
        Right::ApiKey(id) => Ok(match callers::of_key_id(db, id).await? {
            Some(key) => Acting::ApiKey(key.caller.grants),
            None => Acting::Nobody,
        }),
    }
}

/// Leaves the record of an act.
pub(super) async fn record(db: &mut dyn Connection, by: &By, act: Act) -> Result<(), Fault> {
    record_of(db, &by.attribution, act).await
}

/// The same, for an act that uses nobody's right.
pub(super) async fn record_of(
    db: &mut dyn Connection,
    by: &Attribution,
    act: Act,
) -> Result<(), Fault> {
    audit::attribute(db, by, [act]).await
}
