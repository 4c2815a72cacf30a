//! The text of a migration, and its statements in the words of one database.
//!
//! A text is SQL with `--` comments, whose statements each end with a `;` at the end of a line. Between
//! braces it has what databases write differently:
//!
//! - a [`ColumnType`] behind the column's name, and a [`RowOrder`] behind a table;
//! - `{guard …}`: a check or a reference, for databases that make them;
//! - `{or keep id}`: ends an `INSERT` that leaves a row with this key as it is;
//! - `{counter}` before a statement that is only for databases with a counter of events.

use crate::dialect::{Conflict, Dialect};
use crate::fault::Fault;
use crate::schema_dialect::{ColumnType, RowOrder};

/// The statements of a text, in a dialect. `Invalid` where it has words between braces that mean
/// nothing.
pub(super) fn statements(text: &str, dialect: &dyn Dialect) -> Result<Vec<String>, Fault> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut statements = Vec::new();
    for statement in text.split(";\n").map(|part| part.trim().trim_end_matches(';')) {
        let statement = match statement.strip_prefix("{counter}") {
            Some(_) if dialect.event_counter().is_none() => continue,
            Some(counting) => counting.trim_start(),
            None => statement,
        };
        if !statement.is_empty() {
            statements.push(write(statement, dialect)?);
        }
    }
    Ok(statements)
}

fn write(statement: &str, dialect: &dyn Dialect) -> Result<String, Fault> {
    let mut parts = statement.split('{');
    let mut sql = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let unknown = || Fault::invalid(format!("a migration has `{{{part}`, which means nothing"));
        let (words, rest) = part.split_once('}').ok_or_else(unknown)?;
        let written = word(words, &sql, dialect).ok_or_else(unknown)?;
        // What is left out leaves no space, and a comma follows what it separates.
        if written.is_empty() || written.starts_with(',') {
            sql.truncate(sql.trim_end().len());
        }
        sql.push_str(&written);
        sql.push_str(rest);
    }
    sql.truncate(sql.trim_end().len());
    Ok(sql)
}

/// What is written for words between braces; `before` is the statement up to them.
fn word(words: &str, before: &str, dialect: &dyn Dialect) -> Option<String> {
    let schema = dialect.schema();
    if let Some(guard) = words.strip_prefix("guard ") {
        return Some(if schema.has_guards() { guard.to_owned() } else { String::new() });
    }
    if let Some(key) = words.strip_prefix("or keep ") {
        return Some(dialect.on_conflict(Conflict { key: &[key], updates: &[] }));
    }
    match words {
        "by id" => Some(schema.table(RowOrder::Id).to_owned()),
        "by key" => Some(schema.table(RowOrder::Key).to_owned()),
        _ => {
            // A column's name is what its type follows.
            let name = before.split_whitespace().next_back()?;
            Some(schema.column(name, ColumnType::named(words)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{EventCounter, Marks};
    use crate::schema_dialect::{Part, SchemaDialect};

    /// A database of short words, which makes guards and counts events as it is made to.
    #[derive(Debug)]
    struct Short<const GUARDS: bool>;

    impl<const GUARDS: bool> Dialect for Short<GUARDS> {
        fn marks(&self) -> Marks {
            Marks::Question
        }

        fn on_conflict(&self, conflict: Conflict<'_>) -> String {
            conflict.on_conflict()
        }

        fn returning(&self, _column: &str) -> String {
            String::new()
        }

        fn for_update(&self) -> &'static str {
            ""
        }

        fn by_index(&self, _index: &str) -> String {
            String::new()
        }

        fn event_counter(&self) -> Option<EventCounter> {
            GUARDS.then_some(EventCounter { take: "", set: "" })
        }

        fn clock(&self) -> &'static str {
            ""
        }

        fn schema(&self) -> &'static dyn SchemaDialect {
            &Self
        }
    }

    impl<const GUARDS: bool> SchemaDialect for Short<GUARDS> {
        fn column(&self, name: &str, column: ColumnType) -> String {
            format!("{column:?} OF {name}")
        }

        fn table(&self, order: RowOrder) -> &'static str {
            match order {
                RowOrder::Id => "HEAP",
                RowOrder::Key => "TREE",
            }
        }

        fn has_guards(&self) -> bool {
            GUARDS
        }

        fn table_names(&self) -> &'static str {
            ""
        }

        fn count_parts(&self, _part: Part<'_>) -> Option<&'static str> {
            None
        }

        fn let_writes_end(&self) -> Option<&'static str> {
            None
        }

        fn wait_for_table(&self, _table: &str) -> Option<String> {
            None
        }

        fn connections(&self) -> Option<&'static str> {
            None
        }

        fn rights(&self) -> Option<&'static str> {
            None
        }
    }

    const TEXT: &str = "-- A table; and what it is for.\n\
                        CREATE TABLE a (\n    b {bytes 20} NOT NULL {guard CHECK (b <> c)},\n    \
                        PRIMARY KEY (b)\n    {guard , UNIQUE (b)}\n) {by key};\n\n\
                        {counter} INSERT INTO a VALUES (1) {or keep b};\n";

    #[test]
    fn a_text_is_written_in_the_words_of_its_database() {
        let table = "CREATE TABLE a (\n    b Bytes(20) OF b NOT NULL CHECK (b <> c),\n    \
                     PRIMARY KEY (b), UNIQUE (b)\n) TREE";
        let insert = "INSERT INTO a VALUES (1) ON CONFLICT (b) DO NOTHING";
        assert_eq!(statements(TEXT, &Short::<true>).unwrap(), [table, insert]);
    }

    #[test]
    fn what_a_database_does_not_make_leaves_no_trace() {
        let table = "CREATE TABLE a (\n    b Bytes(20) OF b NOT NULL,\n    PRIMARY KEY (b)\n) TREE";
        assert_eq!(statements(TEXT, &Short::<false>).unwrap(), [table]);
    }

    #[test]
    fn words_that_mean_nothing_are_refused() {
        for text in ["CREATE TABLE a (b {byte 20});", "CREATE TABLE a (b {u64);", "{by name};"] {
            assert!(statements(text, &Short::<true>).is_err(), "{text}");
        }
    }
}
