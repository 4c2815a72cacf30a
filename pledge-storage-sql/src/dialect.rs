//! What databases write differently in SQL.

use std::borrow::Cow;
use std::fmt::{Debug, Write};

use crate::schema_dialect::SchemaDialect;

/// The words of one database, where it has its own.
///
/// What needs no word: names are none that a database reserves, a truth is 0 or 1, a count is
/// `COUNT(*)`, and a list of bytes is bound, never written into a text.
pub trait Dialect: Debug + Sync {
    /// How a text marks the places of its values.
    fn marks(&self) -> Marks;

    /// Ends an `INSERT` that may meet rows that are there already.
    fn on_conflict(&self, conflict: Conflict<'_>) -> String;

    /// Ends a statement for [`execute_for_key`](crate::Connection::execute_for_key): answers this
    /// column of the row. Empty where the connection knows the key without it.
    fn returning(&self, column: &str) -> String;

    /// Ends a `SELECT` of the rows that no other may write until the transaction ends. Empty where
    /// only one transaction writes at a time.
    fn for_update(&self) -> &'static str;

    /// Follows a table's name: the index to read it by. Empty where the planner takes no hint.
    fn by_index(&self, index: &str) -> String;

    /// Where events take their numbers. `None` where a table numbers its rows in the order in which
    /// they become visible.
    fn event_counter(&self) -> Option<EventCounter>;

    /// A whole statement that selects as `millis` the milliseconds since 1970 by the database's own clock, at
    /// the time at which the statement runs.
    fn clock(&self) -> &'static str;

    /// The words of the schema.
    fn schema(&self) -> &'static dyn SchemaDialect;
}

/// What an `INSERT` does about a row whose key is there already.
#[derive(Debug, Clone, Copy)]
pub struct Conflict<'a> {
    /// The columns of the key.
    pub key: &'a [&'a str],
    /// The columns that it takes from the new row; none leaves it as it is.
    pub updates: &'a [&'a str],
}

impl Conflict<'_> {
    /// The standard's words, which SQLite and PostgreSQL share.
    pub fn on_conflict(&self) -> String {
        let key = self.key.join(", ");
        if self.updates.is_empty() {
            return format!("ON CONFLICT ({key}) DO NOTHING");
        }
        let updates = self.updates.iter().map(|column| format!("{column} = excluded.{column}"));
        let updates = updates.collect::<Vec<_>>().join(", ");
        format!("ON CONFLICT ({key}) DO UPDATE SET {updates}")
    }
}

/// The marks of a text's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// `?` for each, in order: as texts are written in this crate.
    Question,
    /// `$1`, `$2` and so on.
    Numbered,
}

impl Marks {
    /// A text of this crate, in which every `?` is a mark.
    pub(crate) fn write(self, sql: Cow<'static, str>) -> Cow<'static, str> {
        match self {
            Self::Question => sql,
            Self::Numbered => numbered(&sql).into(),
        }
    }
}

fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (number, part) in (1..).zip(parts) {
        write!(text, "${number}{part}").expect("a string takes every text");
    }
    text
}

/// The statements of a counter of events.
#[derive(Debug, Clone, Copy)]
pub struct EventCounter {
    /// Takes the next number as its key, and keeps others from taking one until the transaction
    /// ends.
    pub take: &'static str,
    /// Sets the number given last.
    pub set: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbered_in_their_order() {
        let text = "SELECT * FROM token WHERE chain = ? AND address IN (?, ?)";
        let numbered = Marks::Numbered.write(text.into());
        assert_eq!(numbered, "SELECT * FROM token WHERE chain = $1 AND address IN ($2, $3)");
        assert_eq!(Marks::Question.write(text.into()), text);
    }

    #[test]
    fn a_conflict_names_the_key_that_it_is_about() {
        let key = &["chain", "block"];
        let keep = Conflict { key, updates: &[] };
        assert_eq!(keep.on_conflict(), "ON CONFLICT (chain, block) DO NOTHING");
        let update = Conflict { key, updates: &["hash", "time"] };
        let expected =
            "ON CONFLICT (chain, block) DO UPDATE SET hash = excluded.hash, time = excluded.time";
        assert_eq!(update.on_conflict(), expected);
    }
}
