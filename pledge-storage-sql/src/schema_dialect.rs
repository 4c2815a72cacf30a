//! What databases write differently in the definition of a table.

use std::fmt::Debug;

/// The words of one database for its schema.
pub trait SchemaDialect: Debug + Sync {
    /// The type of a column. Where the type does not make sure of a length, with a check of it, which
    /// is what the name is for.
    fn column(&self, name: &str, column: ColumnType) -> String;

    /// Ends the definition of a table.
    fn table(&self, order: RowOrder) -> &'static str;

    /// Whether the checks and references of the texts are made.
    fn has_guards(&self) -> bool;

    /// Selects the names of all tables of the database, as `name`.
    fn table_names(&self) -> &'static str;

    /// Counts as `count` the parts of these names that are there: its marks are for
    /// [`Part::names`]. `None` where a change of the schema that did not end leaves nothing.
    fn count_parts(&self, part: Part<'_>) -> Option<&'static str>;

    /// A statement that a change of the schema begins with: it ends once no other transaction is open that has
    /// read `schema_migration`, so no write goes on that began under the schema of before. It needs a right
    /// that only changes of the schema need, and changes nothing. `None` where one transaction writes at a
    /// time.
    fn let_writes_end(&self) -> Option<&'static str>;

    /// A statement that ends once no other transaction is open that has read or written a table, and changes
    /// nothing. `None` where a change of the schema that ends early is taken back whole.
    fn wait_for_table(&self, table: &str) -> Option<String>;

    /// What lists the connections of others, by which a transaction that holds a table is found. `None` where
    /// one transaction writes at a time.
    fn connections(&self) -> Option<&'static str>;

    /// The rights that a change of the schema needs, where a user may lack them.
    fn rights(&self) -> Option<&'static str>;
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `{id}`: a number from outside that is the whole key of the table.
    Id,
    /// `{new id}`: the same, given by the database.
    NewId,
    /// `{sequence}`: the same, given by the table or by the [`EventCounter`](crate::EventCounter).
    Sequence,
    /// `{u8}`, `{u16}`, `{u32}`, `{u64}`: an unsigned number of this many bits.
    Unsigned(u32),
    /// `{bytes 20}`: bytes of one length.
    Bytes(u32),
    /// `{bytes to 128}`: no more bytes than these.
    BytesTo(u32),
    /// `{bytes}`: bytes of any length.
    Blob,
    /// `{name 32}`: a text of no more characters than these. It sorts by its bytes, as every text.
    Name(u32),
    /// `{text}`: a text of no more than 65,535 bytes.
    Text,
    /// `{long text}`: a text of no more than 16 MiB.
    LongText,
}

impl ColumnType {
    /// The type that a text names between braces.
    pub(crate) fn named(words: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse().ok();
        Some(match words.split(' ').collect::<Vec<_>>()[..] {
            ["id"] => Self::Id,
            ["new", "id"] => Self::NewId,
            ["sequence"] => Self::Sequence,
            ["u8"] => Self::Unsigned(8),
            ["u16"] => Self::Unsigned(16),
            ["u32"] => Self::Unsigned(32),
            ["u64"] => Self::Unsigned(64),
            ["bytes"] => Self::Blob,
            ["bytes", length] => Self::Bytes(number(length)?),
            ["bytes", "to", most] => Self::BytesTo(number(most)?),
            ["name", most] => Self::Name(number(most)?),
            ["text"] => Self::Text,
            ["long", "text"] => Self::LongText,
            _ => return None,
        })
    }
}

/// How the rows of a table lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// `{by id}`: by a number of their own. Such a table is small.
    Id,
    /// `{by key}`: by the primary key, where the database can do that.
    Key,
}

/// A part of a schema that one statement makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// A table with all of its columns.
    Table(&'a str),
    /// A column of a table that was there before.
    Column {
        /// The table that gets it.
        table: &'a str,
        /// The name of the column.
        column: &'a str,
    },
    /// An index over a table that was there before.
    Index {
        /// The table whose rows it orders.
        table: &'a str,
        /// The name of the index.
        index: &'a str,
    },
}

impl<'a> Part<'a> {
    /// What a statement makes. `None` for one that makes no part: it may run twice.
    pub(crate) fn of(sql: &'a str) -> Option<Self> {
        match sql.split_whitespace().take(6).collect::<Vec<_>>()[..] {
            ["CREATE", "TABLE", table, ..] => Some(Self::Table(table)),
            ["CREATE", "INDEX", index, "ON", table, ..]
            | ["CREATE", "UNIQUE", "INDEX", index, "ON", table] => {
                Some(Self::Index { table, index })
            }
            ["ALTER", "TABLE", table, "ADD", "COLUMN", column] => {
                Some(Self::Column { table, column })
            }
            _ => None,
        }
    }

    /// The table, then the column or index: the values for [`SchemaDialect::count_parts`].
    pub fn names(self) -> Vec<&'a str> {
        match self {
            Self::Table(table) => vec![table],
            Self::Column { table, column: name } | Self::Index { table, index: name } => {
                vec![table, name]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_makes_the_part_that_it_names() {
        let (table, index, column) = ("t", "i", "c");
        for (sql, part) in [
            ("CREATE TABLE t (\n a INT)", Some(Part::Table(table))),
            ("CREATE INDEX i ON t (a)", Some(Part::Index { table, index })),
            ("CREATE UNIQUE INDEX i\n    ON t (a)", Some(Part::Index { table, index })),
            ("ALTER TABLE t ADD COLUMN c INT", Some(Part::Column { table, column })),
            ("UPDATE t SET a = 1", None),
            ("DROP TABLE t", None),
        ] {
            assert_eq!(Part::of(sql), part, "{sql}");
        }
    }

    #[test]
    fn a_type_that_is_misspelt_is_none() {
        for words in ["", "u128", "bytes x", "bytes to", "Text", "name", "id new"] {
            assert_eq!(ColumnType::named(words), None, "{words}");
        }
    }
}
