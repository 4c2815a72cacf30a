//! Statements over many rows: a database may be a network away.

use crate::connection::{Connection, Value};
use crate::fault::Fault;
use crate::query::query_with;
use crate::row::FromRow;

/// Rows that one statement takes at most.
const STATEMENT_ROWS_MAX: usize = 256;
/// Up to here a statement takes all the rows that are left.
const STATEMENT_ROWS_ANY: usize = 16;
/// Queries that one statement joins at most.
const UNION_PARTS_MAX: usize = 64;
/// A statement that binds this many bytes takes no more rows, so that it stays far below a server's
/// `max_allowed_packet`. A row of this many bytes is alone in its statement.
const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// The values of a row.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::connection::Value::from($value)),*] };
}
pub(crate) use values;

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

/// The values of as many rows as the next statement takes, and the rows that are left.
fn fill<R, const COLUMNS: usize>(
    rows: &[R],
    values_of: impl Fn(&R) -> [Value; COLUMNS],
) -> (Vec<Value>, &[R]) {
    let count = statement_rows(rows.len(), STATEMENT_ROWS_MAX);
    let mut values = Vec::with_capacity(count * COLUMNS);
    let (mut taken, mut bytes) = (0, 0);
    while taken < count && bytes < STATEMENT_BYTES_MAX {
        let row = values_of(&rows[taken]);
        let row_bytes = row.iter().map(size).sum::<usize>();
        if taken > 0 && row_bytes >= STATEMENT_BYTES_MAX {
            break;
        }
        values.extend(row);
        bytes += row_bytes;
        taken += 1;
    }
    // Where bytes were the bound, the number of rows is any: one of the few sizes again.
    let taken = statement_rows(taken, STATEMENT_ROWS_MAX);
    values.truncate(taken * COLUMNS);
    (values, &rows[taken..])
}

fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Bytes(bytes) => bytes.len(),
            Value::Text(text) => text.len(),
            Value::Null | Value::Number(_) | Value::Key(_) | Value::Bound(_) => 0,
        }
}

/// Runs `{insert} VALUES (…), (…) {tail}` for all rows.
pub(crate) async fn write<R: Sync, const COLUMNS: usize>(
    db: &mut dyn Connection,
    insert: &'static str,
    tail: &str,
    rows: &[R],
    values_of: impl Fn(&R) -> [Value; COLUMNS] + Send + Sync,
) -> Result<(), Fault> {
    let tuple = format!("({})", marks(COLUMNS));
    let mut rest = rows;
    while !rest.is_empty() {
        let (values, left) = fill(rest, &values_of);
        let tuples = vec![&*tuple; rest.len() - left.len()].join(", ");
        query_with(format!("{insert} VALUES {tuples} {tail}"), values).execute(db).await?;
        rest = left;
    }
    Ok(())
}

/// Runs `{delete} (?, …)` for all keys, and returns how many rows went. `first` fills the question
/// marks before the list.
pub(crate) async fn delete<K: Copy + Into<Value> + Sync>(
    db: &mut dyn Connection,
    delete: &'static str,
    first: &[Value],
    keys: &[K],
) -> Result<u64, Fault> {
    let mut gone = 0;
    for slice in slices(keys, STATEMENT_ROWS_MAX) {
        let sql = format!("{delete} ({})", marks(slice.len()));
        gone += query_with(sql, list(first, slice)).execute(db).await?;
    }
    Ok(gone)
}

/// The records of `{select} (?, …) {tail}` for all keys. `first` fills the question marks before
/// the list. Ordered within a slice of the keys, if the tail orders.
pub(crate) async fn select<K: Copy + Into<Value> + Sync, T: FromRow>(
    db: &mut dyn Connection,
    select: &str,
    first: &[Value],
    keys: &[K],
    tail: &'static str,
) -> Result<Vec<T>, Fault> {
    let mut found = Vec::with_capacity(keys.len());
    for slice in slices(keys, STATEMENT_ROWS_MAX) {
        let sql = format!("{select} ({}) {tail}", marks(slice.len()));
        found.extend(query_with(sql, list(first, slice)).all(db).await?);
    }
    Ok(found)
}

/// The records of one query a key, many queries a statement.
pub(crate) async fn select_each<K: Sync, T: FromRow, const MARKS: usize>(
    db: &mut dyn Connection,
    select: &'static str,
    keys: &[K],
    values_of: impl Fn(&K) -> [Value; MARKS] + Send + Sync,
) -> Result<Vec<T>, Fault> {
    let part = format!("SELECT * FROM ({select}) AS part");
    let mut found = Vec::with_capacity(keys.len());
    for slice in slices(keys, UNION_PARTS_MAX) {
        let sql = vec![&*part; slice.len()].join(" UNION ALL ");
        let values = slice.iter().flat_map(&values_of).collect();
        found.extend(query_with(sql, values).all(db).await?);
    }
    Ok(found)
}

fn list<K: Copy + Into<Value>>(first: &[Value], keys: &[K]) -> Vec<Value> {
    first.iter().cloned().chain(keys.iter().map(|key| (*key).into())).collect()
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
        let (values, left) = fill(&rows, |text| values![text.as_str()]);
        assert_eq!((values.len(), left.len()), (2, 3));
    }

    #[test]
    fn rows_that_bytes_bound_are_of_a_few_numbers_too() {
        let rows = vec!["x".repeat(STATEMENT_BYTES_MAX / 100); 256];
        let (values, left) = fill(&rows, |text| values![text.as_str()]);
        assert_eq!((values.len(), left.len()), (64, 192));
    }

    #[test]
    fn a_row_of_many_bytes_is_alone_in_its_statement() {
        let rows = [1, 3 * STATEMENT_BYTES_MAX, 1].map(|length| "x".repeat(length));
        let mut rest = &rows[..];
        let mut taken = Vec::new();
        while !rest.is_empty() {
            let (values, left) = fill(rest, |text| values![text.as_str()]);
            taken.push(values.len());
            rest = left;
        }
        assert_eq!(taken, [1, 1, 1]);
    }
}
