//! The store for readers outside: bounded, and over connections of its own.

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::forward_store;
use pledge_core::ports::{EventReads, LedgerReads, LogReads, PointsReads};

use crate::database::Database;
use crate::load::StoreLoad;
use crate::outside::ReaderBounds;
use crate::store::SqlStore;

/// The reading halves of a store's ports, for readers outside
/// ([`SqlStore::for_readers`]): their reads wait for each other, and the store's own work never
/// waits for them.
///
/// A read beyond the [`ReaderBounds`] is `Busy`: at once where as many wait as may, else after its
/// wait. A read that is dropped leaves its place. A clone is another handle to the same connections
/// and bounds, which last until the store is closed.
#[derive(Debug, Clone)]
pub struct SqlReaders<D> {
    store: SqlStore<D>,
}

impl<D: Database> SqlStore<D> {
    /// The same store for readers outside, who may ask more than can be answered: within bounds, over
    /// connections of their own. Whatever they do, the calls of this handle and of its clones never
    /// wait for them. Made once for all readers: its connections last until this store is closed.
    ///
    /// `Unavailable` once this store is closed.
    pub fn for_readers(&self, bounds: ReaderBounds) -> Result<SqlReaders<D>, StoreError> {
        Ok(SqlReaders { store: self.outside(bounds)? })
    }
}

impl<D> SqlReaders<D> {
    /// How busy the connections for readers are, and how many reads were refused.
    pub fn load(&self) -> StoreLoad {
        self.store.load()
    }
}

#[async_trait]
impl<D: Database> LedgerReads for SqlReaders<D> {
    forward_store!(store: chains chain tokens token headers edges states history);
    forward_store!(store: last_change_block changes unreadable_logs change_time histories holders);
}

#[async_trait]
impl<D: Database> PointsReads for SqlReaders<D> {
    forward_store!(store: programmes settlements totals standings statements entries decisions);
}

#[async_trait]
impl<D: Database> EventReads for SqlReaders<D> {
    forward_store!(store: events kept_events);
}

#[async_trait]
impl<D: Database> LogReads for SqlReaders<D> {
    forward_store!(store: contracts contract contract_logs);
}
