//! The database's clock.

use pledge_core::error::StoreErrorKind;
use pledge_core::types::OutOfRange;
use pledge_office::base::StoreTime;

use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::query;

/// The time now. Read it behind a lock that the call waits for: the wait is over then.
pub(crate) async fn now(db: &mut dyn Connection) -> Result<StoreTime, Fault> {
    let now = query(db.dialect().clock()).value(db, "millis").await?;
    now.ok_or_else(|| Fault::new(StoreErrorKind::Unavailable, "the database has no time"))
}

/// A request that no column holds.
pub(crate) fn out_of_range(error: OutOfRange) -> Fault {
    Fault::invalid(error.to_string())
}
