//! Pages by time, the newest first.

use pledge_office::access::Position;

use crate::connection::Value;
use crate::query::{Query, query_with};

/// A page of `{select} WHERE {conditions}`, with the values of both, by a column of times and then by id.
///
/// The bound of the time alone is what every database reads an index by; of rows as pairs MySQL reads all.
pub(super) fn newest_first<Id: Into<Value>>(
    select: &str,
    conditions: &[&str],
    time: &str,
    mut values: Vec<Value>,
    after: Option<Position<Id>>,
) -> Query {
    let behind = format!("{time} <= ? AND ({time} < ? OR id < ?)");
    let mut all = conditions.to_vec();
    if let Some(Position { at, id }) = after {
        all.push(&behind);
        values.extend([at.into(), at.into(), id.into()]);
    }
    let only = if all.is_empty() { String::new() } else { format!("WHERE {}", all.join(" AND ")) };
    query_with(format!("{select} {only} ORDER BY {time} DESC, id DESC LIMIT ?"), values)
}
