//! Statements over many rows.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, FromRow, SqliteConnection};

use crate::error::Fault;
use crate::row::Params;

/// Rows that one statement takes at most.
const STATEMENT_ROWS_MAX: usize = 128;
/// Up to here a statement takes all the rows that are left.
const STATEMENT_ROWS_ANY: usize = 16;

/// The rows that the next statement takes. Few sizes, so that every table needs only a few texts,
/// and each is prepared once.
fn statement_rows(left: usize) -> usize {
    match left {
        0..=STATEMENT_ROWS_ANY => left,
        STATEMENT_ROWS_MAX.. => STATEMENT_ROWS_MAX,
        _ => 1 << left.ilog2(),
    }
}

fn slices<R>(rows: &[R]) -> impl Iterator<Item = &[R]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (now, later) = rest.split_at(statement_rows(rest.len()));
        rest = later;
        Some(now)
    })
}

/// Runs `{insert} VALUES (…), (…) {tail}` for all rows. Every row binds the same number of values.
pub(crate) async fn write<R: Sync>(
    db: &mut SqliteConnection,
    insert: &'static str,
    tail: &'static str,
    rows: &[R],
    bind: impl Fn(&mut Params, &R) -> Result<(), Fault> + Send + Sync,
) -> Result<(), Fault> {
    for slice in slices(rows) {
        let mut params = Params::default();
        for row in slice {
            bind(&mut params, row)?;
        }
        let arguments: SqliteArguments = params.into();
        let tuple = format!("({})", marks(arguments.len() / slice.len()));
        let tuples = vec![tuple; slice.len()].join(", ");
        let sql = AssertSqlSafe(format!("{insert} VALUES {tuples} {tail}"));
        sqlx::query_with(sql, arguments).execute(&mut *db).await?;
    }
    Ok(())
}

/// The rows of `{select} (?, …)`, where `bind` binds what stands before the list, then the list.
pub(crate) async fn select<R: Sync, T>(
    db: &mut SqliteConnection,
    select: &'static str,
    keys: &[R],
    bind: impl Fn(&mut Params, &[R]) -> Result<(), Fault> + Send + Sync,
) -> Result<Vec<T>, Fault>
where
    T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    let mut found = Vec::with_capacity(keys.len());
    for slice in slices(keys) {
        let mut params = Params::default();
        bind(&mut params, slice)?;
        let sql = AssertSqlSafe(format!("{select} ({})", marks(slice.len())));
        let query = sqlx::query_as_with(sql, SqliteArguments::from(params));
        found.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(found)
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_all_rows_in_a_few_sizes() {
        let rows: Vec<usize> = (0..300).collect();
        let sizes: Vec<_> = slices(&rows).map(<[usize]>::len).collect();
        assert_eq!(sizes, [128, 128, 32, 12]);
        assert_eq!(slices(&rows).flatten().copied().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn no_rows_need_no_statement() {
        assert_eq!(slices::<u8>(&[]).count(), 0);
    }
}
