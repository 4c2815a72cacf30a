//! The tables that a change of the schema needs to itself.
//!
//! A database that takes no change of its schema back stops half way where another transaction holds the table
//! of a later statement, and then neither release can go on. So every table is waited for before anything is
//! recorded, and whatever is waited for in vain is named.

use std::collections::BTreeSet;

use pledge_core::error::StoreErrorKind;

use super::Place;
use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::query::query;

/// The table that a statement of a migration makes or changes; `None` for a statement of no table.
pub(super) fn table_of(sql: &str) -> Option<&str> {
    match sql.split_whitespace().take(6).collect::<Vec<_>>()[..] {
        ["CREATE" | "ALTER" | "DROP", "TABLE", table, ..]
        | ["CREATE", "INDEX", _, "ON", table, ..]
        | ["CREATE", "UNIQUE", "INDEX", _, "ON", table]
        | ["INSERT", "INTO", table, ..]
        | ["DELETE", "FROM", table, ..]
        | ["UPDATE", table, ..] => Some(table),
        _ => None,
    }
}

/// Waits until no other transaction holds a table that the statements change. What is not there yet is held by
/// none. `Unavailable` where that takes longer than the server lets a statement wait.
pub(super) async fn wait_for_tables(
    db: &mut dyn Connection,
    place: Place<'_>,
    statements: &[String],
) -> Result<(), Fault> {
    let mut changed: BTreeSet<&str> = statements.iter().filter_map(|sql| table_of(sql)).collect();
    let there = table_names(db).await?;
    changed.retain(|table| there.iter().any(|name| name == table));
    for table in changed {
        let Some(wait) = db.dialect().schema().wait_for_table(table) else { return Ok(()) };
        let free = query(wait).execute(db).await;
        free.map_err(|fault| name_table(fault, place, table, db.dialect()))?;
    }
    Ok(())
}

/// The names of all tables of a database.
pub(super) async fn table_names(db: &mut dyn Connection) -> Result<Vec<String>, Fault> {
    let names = query(db.dialect().schema().table_names()).rows(db).await?;
    names.iter().map(|row| row.get("name")).collect()
}

/// Names the table that a change of the schema could not have, and how to find who holds it.
pub(super) fn name_table(
    fault: Fault,
    Place { name, .. }: Place<'_>,
    table: &str,
    dialect: &dyn Dialect,
) -> Fault {
    let passes = fault.kind() == StoreErrorKind::Unavailable;
    let Some(connections) = dialect.schema().connections().filter(|_| passes) else {
        return fault;
    };
    fault.with_detail(|detail| {
        format!(
            "{detail}: the schema of `{name}` is changed only while no other transaction is open that has used \
             the table `{table}`: look for one with `{connections}`, end it or its connection, and start again"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_the_table_that_it_makes_or_changes() {
        for sql in [
            "CREATE TABLE t (\n a INT)",
            "CREATE INDEX i ON t (a)",
            "CREATE UNIQUE INDEX i\n    ON t (a)",
            "ALTER TABLE t ADD COLUMN c INT",
            "DROP TABLE t",
            "INSERT INTO t (a) VALUES (1)",
            "UPDATE t SET a = 1",
            "DELETE FROM t WHERE a = 1",
        ] {
            assert_eq!(table_of(sql), Some("t"), "{sql}");
        }
        assert_eq!(table_of("SELECT * FROM t"), None);
    }
}
