//! A row that is locked, and made first where it is missing: what has no row cannot be locked.

use crate::connection::Connection;
use crate::fault::Fault;
use crate::query::Query;
use crate::row::FromRow;

/// How often a row is made that others remove at the same time.
const ROWS_MADE_MAX: usize = 4;

/// The row, locked until the transaction ends. `make` adds it unless it is there, `lock` selects it for update.
pub(super) async fn row_made<T: FromRow>(
    db: &mut dyn Connection,
    make: impl Fn() -> Query,
    lock: impl Fn() -> Query,
) -> Result<T, Fault> {
    // A row that was found may be one that another transaction removes: it is gone once that has ended, and
    // the next attempt makes one of this transaction.
    for _ in 0..ROWS_MADE_MAX {
        make().execute(db).await?;
        if let Some(row) = lock().one(db).await? {
            return Ok(row);
        }
    }
    Err(Fault::unavailable("a row is being made and removed by others"))
}
