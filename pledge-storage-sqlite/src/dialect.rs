//! SQLite's words.

use pledge_storage_sql::{
    ColumnType, Conflict, Dialect, EventCounter, Marks, Part, RowOrder, SchemaDialect,
};

#[derive(Debug)]
pub(crate) struct SqliteDialect;

impl Dialect for SqliteDialect {
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

    fn by_index(&self, index: &str) -> String {
        format!("INDEXED BY {index}")
    }

    fn event_counter(&self) -> Option<EventCounter> {
        None
    }

    fn clock(&self) -> &'static str {
        "SELECT CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER) AS millis"
    }

    fn schema(&self) -> &'static dyn SchemaDialect {
        &Self
    }
}

impl SchemaDialect for SqliteDialect {
    fn column(&self, name: &str, column: ColumnType) -> String {
        match column {
            ColumnType::Id | ColumnType::NewId => "INTEGER PRIMARY KEY".to_owned(),
            ColumnType::Sequence => "INTEGER PRIMARY KEY AUTOINCREMENT".to_owned(),
            ColumnType::Unsigned(_) => "INTEGER".to_owned(),
            ColumnType::Bytes(length) => format!("BLOB CHECK (length({name}) = {length})"),
            ColumnType::BytesTo(_) | ColumnType::Blob => "BLOB".to_owned(),
            ColumnType::Name(_) | ColumnType::Text | ColumnType::LongText => "TEXT".to_owned(),
        }
    }

    fn table(&self, order: RowOrder) -> &'static str {
        match order {
            RowOrder::Id => "STRICT",
            RowOrder::Key => "STRICT, WITHOUT ROWID",
        }
    }

    fn has_guards(&self) -> bool {
        true
    }

    fn table_names(&self) -> &'static str {
        "SELECT name FROM sqlite_schema WHERE type = 'table'"
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
