//! What databases write differently in SQL.

use std::fmt::Debug;

/// The words of one database, where it has its own.
pub trait Dialect: Debug + Sync {
    /// Ends an `INSERT`: a row that is there already takes these columns from the new one.
    fn or_update(&self, columns: &[&str]) -> String;

    /// Ends an `INSERT`: a row that is there already stays as it is. `column` is part of its key.
    fn or_keep(&self, column: &str) -> String;

    /// Ends a `SELECT` of the rows that no other may write until the transaction ends. Empty where
    /// only one transaction writes at a time.
    fn for_update(&self) -> &'static str;

    /// Follows a table's name: the index to read it by.
    fn by_index(&self, index: &str) -> String;

    /// Where events take their numbers. `None` where a table numbers its rows in the order in which
    /// they become visible.
    fn event_counter(&self) -> Option<EventCounter>;
}

/// The statements of a counter of events.
#[derive(Debug, Clone, Copy)]
pub struct EventCounter {
    /// Takes the next number as its `last_insert_id`, and keeps others from taking one until the
    /// transaction ends.
    pub take: &'static str,
    /// Sets the number given last.
    pub set: &'static str,
}
