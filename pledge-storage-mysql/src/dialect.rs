//! The words that MySQL and MariaDB share.

use pledge_storage_sql::{Dialect, EventCounter};

#[derive(Debug)]
pub(crate) struct MySqlDialect;

impl Dialect for MySqlDialect {
    fn or_update(&self, columns: &[&str]) -> String {
        // `VALUES()`, not an alias (`AS new`): MariaDB has none.
        let set = columns.iter().map(|column| format!("{column} = VALUES({column})"));
        format!("ON DUPLICATE KEY UPDATE {}", set.collect::<Vec<_>>().join(", "))
    }

    fn or_keep(&self, column: &str) -> String {
        // Not `INSERT IGNORE`: even in strict mode it clamps a value that does not fit.
        self.or_update(&[column])
    }

    fn for_update(&self) -> &'static str {
        "FOR UPDATE"
    }

    fn by_index(&self, index: &str) -> String {
        format!("FORCE INDEX ({index})")
    }

    fn event_counter(&self) -> Option<EventCounter> {
        // Not `AUTO_INCREMENT`: such a number is taken early and visible late, so a reader would
        // pass over it. This row stays locked until the commit.
        Some(EventCounter {
            take: "UPDATE event_counter SET newest = LAST_INSERT_ID(newest + 1) WHERE id = 0",
            set: "UPDATE event_counter SET newest = ? WHERE id = 0",
        })
    }
}
