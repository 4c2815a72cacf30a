//! How busy a database is, whatever its kind.

use std::fmt;
use std::sync::Arc;
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

/// Reads how busy the connections of one handle are. By default nothing is.
#[derive(Clone)]
pub(crate) struct LoadReader(Arc<dyn Fn() -> StoreLoad + Send + Sync>);

impl LoadReader {
    pub(crate) fn new(read: impl Fn() -> StoreLoad + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn load(&self) -> StoreLoad {
        (self.0)()
    }
}

impl Default for LoadReader {
    fn default() -> Self {
        Self::new(StoreLoad::default)
    }
}

impl fmt::Debug for LoadReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoadReader").field(&self.load()).finish()
    }
}
