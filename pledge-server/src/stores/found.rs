//! What a look at a store finds.

use std::fmt;

/// What opening a store would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a private file, which goes with the process.
    Memory,
    /// Nothing: the file will be created.
    NoFile,
    /// A database whose schema is up to date or can be brought up to date.
    Schema(Schema),
}

/// How far a database's schema is: of the first set of migrations that is not up to date, of the
/// engine's where all are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Follows the version in a text: which set is meant, and nothing for the engine's.
    pub of_set: String,
    /// The version of the set; zero for none of it.
    pub found: i64,
    /// The version that `open` brings it to.
    pub newest: i64,
    /// Whether the database has no tables of pledge yet, of any set.
    pub is_empty: bool,
    /// Whether what the engine reads is up to date, whatever the sets behind it lack.
    pub has_engine: bool,
}

impl Schema {
    pub(crate) const fn is_current(&self) -> bool {
        self.found == self.newest
    }
}

impl Found {
    /// Whether nothing is kept there yet.
    pub const fn is_empty(&self) -> bool {
        !matches!(self, Self::Schema(Schema { is_empty: false, .. }))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("kept in a private file, and gone with the process"),
            Self::NoFile => f.write_str("no file yet: it will be created"),
            Self::Schema(Schema { is_empty: true, .. }) => {
                f.write_str("empty: its tables will be created")
            }
            Self::Schema(schema) if schema.is_current() => {
                write!(f, "schema version {}", schema.found)
            }
            Self::Schema(Schema { of_set, found, newest, has_engine, .. }) => {
                write!(
                    f,
                    "schema version {found}{of_set}: `pledge migrate` brings it to {newest}"
                )?;
                f.write_str(if *has_engine { "" } else { "; nothing was compared with it" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(of_set: &str, found: i64, is_empty: bool) -> Found {
        let has_engine = found == 9 || !of_set.is_empty();
        Found::Schema(Schema { of_set: of_set.to_owned(), found, newest: 9, is_empty, has_engine })
    }

    #[test]
    fn a_database_without_tables_of_the_office_is_not_empty() {
        let behind = found(" of the office", 0, false);
        assert!(!behind.is_empty());
        let text = behind.to_string();
        assert!(text.starts_with("schema version 0 of the office: `pledge migrate`"), "{text}");
        assert!(!text.contains("compared"), "{text}");
        let earlier = found("", 8, false).to_string();
        assert!(earlier.starts_with("schema version 8: `pledge migrate`"), "{earlier}");
        assert!(earlier.ends_with("nothing was compared with it"), "{earlier}");
        assert_eq!(found("", 9, false).to_string(), "schema version 9");
    }

    #[test]
    fn a_database_without_any_table_is_empty() {
        let empty = found("", 0, true);
        assert!(empty.is_empty());
        assert_eq!(empty.to_string(), "empty: its tables will be created");
    }
}
