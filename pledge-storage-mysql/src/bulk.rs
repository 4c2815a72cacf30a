//! Statements over many rows.

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, FromRow, MySqlConnection};

use crate::error::Fault;
use crate::row::Params;

/// Rows that one statement takes at most.
const STATEMENT_ROWS_MAX: usize = 256;
/// Up to here a statement takes all the rows that are left.
const STATEMENT_ROWS_ANY: usize = 16;
/// Queries that one statement joins at most.
const UNION_PARTS_MAX: usize = 64;
/// A statement that binds so many bytes takes no more rows, so that it stays far below the server's
/// `max_allowed_packet`.
const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// The rows that the next statement takes. Few sizes, so that every table needs only a few texts,
/// and each is prepared once.
const fn statement_rows(left: usize, most: usize) -> usize {
    if left <= STATEMENT_ROWS_ANY {
        left
    } else if left >= most {
        most
    } else {
        1 << left.ilog2()
    }
}

/// As many rows as the next statement takes, bound, and the rows that are left.
fn fill<R>(
    rows: &[R],
    bind: impl Fn(&mut Params, &R) -> Result<(), Fault>,
) -> Result<(Params, &[R]), Fault> {
    let mut params = Params::default();
    let mut taken = 0;
    while taken < statement_rows(rows.len(), STATEMENT_ROWS_MAX) {
        bind(&mut params, &rows[taken])?;
        taken += 1;
        if params.bytes() >= STATEMENT_BYTES_MAX {
            break;
        }
    }
    Ok((params, &rows[taken..]))
}

/// Runs `{insert} VALUES (…), (…) {tail}` for all rows. Every row binds the same number of values.
pub(crate) async fn write<R: Sync>(
    db: &mut MySqlConnection,
    insert: &'static str,
    tail: &'static str,
    rows: &[R],
    bind: impl Fn(&mut Params, &R) -> Result<(), Fault> + Send + Sync,
) -> Result<(), Fault> {
    let mut rest = rows;
    while !rest.is_empty() {
        let (params, left) = fill(rest, &bind)?;
        let count = rest.len() - left.len();
        let arguments: MySqlArguments = params.into();
        let tuple = format!("({})", marks(arguments.len() / count));
        let tuples = vec![tuple; count].join(", ");
        let sql = AssertSqlSafe(format!("{insert} VALUES {tuples} {tail}"));
        sqlx::query_with(sql, arguments).execute(&mut *db).await?;
        rest = left;
    }
    Ok(())
}

/// Runs `{delete} (?, …)`, where `bind` binds what stands before the list, then the list.
pub(crate) async fn delete<R: Sync>(
    db: &mut MySqlConnection,
    delete: &'static str,
    keys: &[R],
    bind: impl Fn(&mut Params, &[R]) -> Result<(), Fault> + Send + Sync,
) -> Result<(), Fault> {
    for slice in slices(keys, STATEMENT_ROWS_MAX) {
        let mut params = Params::default();
        bind(&mut params, slice)?;
        let sql = AssertSqlSafe(format!("{delete} ({})", marks(slice.len())));
        sqlx::query_with(sql, MySqlArguments::from(params)).execute(&mut *db).await?;
    }
    Ok(())
}

/// The rows of `{select} (?, …) {tail}`, where `bind` binds what stands before the list, then the
/// list. Ordered within a slice of the keys, if the tail orders.
pub(crate) async fn select<R: Sync, T>(
    db: &mut MySqlConnection,
    select: &'static str,
    tail: &'static str,
    keys: &[R],
    bind: impl Fn(&mut Params, &[R]) -> Result<(), Fault> + Send + Sync,
) -> Result<Vec<T>, Fault>
where
    T: for<'r> FromRow<'r, MySqlRow> + Send + Unpin,
{
    let mut found = Vec::with_capacity(keys.len());
    for slice in slices(keys, STATEMENT_ROWS_MAX) {
        let mut params = Params::default();
        bind(&mut params, slice)?;
        let sql = AssertSqlSafe(format!("{select} ({}) {tail}", marks(slice.len())));
        let query = sqlx::query_as_with(sql, MySqlArguments::from(params));
        found.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(found)
}

/// The rows of one query a key, many queries a statement: a server may be a network away.
pub(crate) async fn select_each<R: Sync, T>(
    db: &mut MySqlConnection,
    select: &'static str,
    keys: &[R],
    bind: impl Fn(&mut Params, &R) -> Result<(), Fault> + Send + Sync,
) -> Result<Vec<T>, Fault>
where
    T: for<'r> FromRow<'r, MySqlRow> + Send + Unpin,
{
    let mut found = Vec::with_capacity(keys.len());
    for slice in slices(keys, UNION_PARTS_MAX) {
        let mut params = Params::default();
        for key in slice {
            bind(&mut params, key)?;
        }
        let part = format!("({select})");
        let sql = AssertSqlSafe(vec![part; slice.len()].join(" UNION ALL "));
        let query = sqlx::query_as_with(sql, MySqlArguments::from(params));
        found.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(found)
}

fn slices<R>(rows: &[R], most: usize) -> impl Iterator<Item = &[R]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (now, later) = rest.split_at(statement_rows(rest.len(), most));
        rest = later;
        Some(now)
    })
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_all_rows_in_a_few_sizes() {
        let rows: Vec<usize> = (0..600).collect();
        let sizes: Vec<_> = slices(&rows, STATEMENT_ROWS_MAX).map(<[usize]>::len).collect();
        assert_eq!(sizes, [256, 256, 64, 16, 8]);
        assert_eq!(slices(&rows, 64).flatten().copied().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn no_rows_need_no_statement() {
        assert_eq!(slices::<u8>(&[], STATEMENT_ROWS_MAX).count(), 0);
    }

    #[test]
    fn a_statement_of_long_texts_takes_fewer_rows() {
        let rows = vec!["x".repeat(STATEMENT_BYTES_MAX / 2); 5];
        let bind = |params: &mut Params, text: &String| params.put_text(text).map(|_| ());
        let (_, left) = fill(&rows, bind).unwrap();
        assert_eq!(left.len(), 3);
    }
}
