//! SQLite's words.

use pledge_storage_sql::{Dialect, EventCounter};

#[derive(Debug)]
pub(crate) struct SqliteDialect;

impl Dialect for SqliteDialect {
    fn or_update(&self, columns: &[&str]) -> String {
        let set = columns.iter().map(|column| format!("{column} = excluded.{column}"));
        format!("ON CONFLICT DO UPDATE SET {}", set.collect::<Vec<_>>().join(", "))
    }

    fn or_keep(&self, _column: &str) -> String {
        "ON CONFLICT DO NOTHING".to_owned()
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
}
