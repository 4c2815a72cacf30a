//! How busy a database is, whatever its kind.

use std::time::Duration;

/// How busy the connections of one handle of a database are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StoreLoad {
    /// Calls that have a connection now.
    pub(crate) under_way: u64,
    /// Calls that wait for one now.
    pub(crate) waiting: u64,
    /// Calls that waited until they had one, or were refused, so far.
    pub(crate) waits: u64,
    /// The sum of these waits.
    pub(crate) waited: Duration,
    /// Reads of readers outside that were refused so far, as more were there than may be.
    pub(crate) refused: u64,
}
