//! The words that MySQL and MariaDB share.

use pledge_storage_sql::{
    ColumnType, Conflict, Dialect, EventCounter, Marks, Part, RowOrder, SchemaDialect,
};

#[derive(Debug)]
pub(crate) struct MySqlDialect;

impl Dialect for MySqlDialect {
    fn marks(&self) -> Marks {
        Marks::Question
    }

    fn on_conflict(&self, Conflict { key, updates }: Conflict<'_>) -> String {
        // A row stays as it is where it takes a column of its key from the new one: that is the same. `INSERT IGNORE`
        // would clamp a value that does not fit, even in strict mode.
        let columns = if updates.is_empty() { &key[..1] } else { updates };
        // `VALUES()`, not an alias (`AS new`): MariaDB has none.
        let set = columns.iter().map(|column| format!("{column} = VALUES({column})"));
        format!("ON DUPLICATE KEY UPDATE {}", set.collect::<Vec<_>>().join(", "))
    }

    fn returning(&self, _column: &str) -> String {
        String::new()
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

    fn clock(&self) -> &'static str {
        "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED) AS millis"
    }

    fn schema(&self) -> &'static dyn SchemaDialect {
        &Self
    }
}

impl SchemaDialect for MySqlDialect {
    fn column(&self, _name: &str, column: ColumnType) -> String {
        match column {
            ColumnType::Id | ColumnType::Sequence => {
                "BIGINT UNSIGNED NOT NULL PRIMARY KEY".to_owned()
            }
            ColumnType::NewId => "BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY".to_owned(),
            ColumnType::Unsigned(8) => "TINYINT UNSIGNED".to_owned(),
            ColumnType::Unsigned(16) => "SMALLINT UNSIGNED".to_owned(),
            ColumnType::Unsigned(32) => "INT UNSIGNED".to_owned(),
            ColumnType::Unsigned(_) => "BIGINT UNSIGNED".to_owned(),
            ColumnType::Bytes(length) => format!("BINARY({length})"),
            ColumnType::BytesTo(most) => format!("VARBINARY({most})"),
            ColumnType::Blob => "LONGBLOB".to_owned(),
            ColumnType::Name(most) => format!("VARCHAR({most})"),
            ColumnType::Text => "TEXT".to_owned(),
            ColumnType::LongText => "MEDIUMTEXT".to_owned(),
        }
    }

    fn table(&self, _order: RowOrder) -> &'static str {
        "ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin"
    }

    /// A distributed database has no references across its shards, and the types make the checks.
    fn has_guards(&self) -> bool {
        false
    }

    fn table_names(&self) -> &'static str {
        "SELECT CAST(table_name AS CHAR) AS name FROM information_schema.tables \
         WHERE table_schema = DATABASE()"
    }

    /// No server takes a change of its schema back.
    fn count_parts(&self, part: Part<'_>) -> Option<&'static str> {
        Some(match part {
            Part::Table(_) => {
                "SELECT COUNT(*) AS count FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = ?"
            }
            Part::Column { .. } => {
                "SELECT COUNT(*) AS count FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?"
            }
            Part::Index { .. } => {
                "SELECT COUNT(*) AS count FROM information_schema.statistics \
                 WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?"
            }
        })
    }

    /// An `ALTER TABLE` waits for the transactions that have read its table. `InnoDB` has no keys that are
    /// disabled, so this one changes nothing. `LOCK TABLES` waits too, by a right that nothing else needs.
    fn let_writes_end(&self) -> Option<&'static str> {
        Some("ALTER TABLE schema_migration ENABLE KEYS")
    }

    /// As that of `schema_migration`: it needs no row, and no time on a large table.
    fn wait_for_table(&self, table: &str) -> Option<String> {
        Some(format!("ALTER TABLE {table} ENABLE KEYS"))
    }

    fn connections(&self) -> Option<&'static str> {
        Some("SHOW PROCESSLIST")
    }

    fn rights(&self) -> Option<&'static str> {
        Some("CREATE, ALTER, INDEX and DROP")
    }
}

#[cfg(test)]
mod tests {
    use pledge_storage_sql::{Connection, Value};
    use pledge_testing::MySqlPlace;

    use super::*;
    use crate::MySqlStore;
    use crate::direct::Direct;

    #[tokio::test]
    async fn a_part_of_the_schema_is_found_where_it_is_and_nowhere_else() {
        let place = MySqlPlace::new().await;
        MySqlStore::open(&place.url()).await.unwrap().close().await;
        let mut db = place.outsider().await;
        let (table, index) = ("user_balance", "user_balance_by_balance");
        for (part, is_there) in [
            (Part::Table(table), true),
            (Part::Table("balance"), false),
            (Part::Column { table, column: "balance" }, true),
            (Part::Column { table, column: "raw" }, false),
            (Part::Column { table: "chain", column: "balance" }, false),
            (Part::Index { table, index }, true),
            (Part::Index { table, index: "balance" }, false),
            (Part::Index { table: "chain", index }, false),
        ] {
            let count = MySqlDialect.count_parts(part).unwrap();
            let names = part.names().into_iter().map(Value::from).collect();
            let rows = Direct(&mut db).fetch(count.into(), names).await.unwrap();
            let count = rows[0].number("count").unwrap();
            assert_eq!(count.is_some_and(|count| count > 0), is_there, "{part:?}");
        }
    }
}
