//! Stores whose archives are exported and imported.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::archive::ArchiveRecord;
use pledge_core::audit::Action;
use pledge_core::error::StoreError;
use pledge_core::ports::{
    Archive, AuditReads, BalanceStore, EventStore, LogStore, PointsStore, RecordSink, RecordSource,
};

use super::Fixture;
use crate::world::operator;

/// An empty store that can be archived.
#[derive(Debug)]
pub struct ArchiveFixture {
    /// Its other ports.
    pub fixture: Fixture,
    pub archive: Arc<dyn Archive>,
}

impl ArchiveFixture {
    /// A fixture of a store that implements every port. `guard` is dropped with it.
    pub fn new<S: BalanceStore + PointsStore + LogStore + EventStore + AuditReads + Archive>(
        store: Arc<S>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self::of(store.clone(), store, guard)
    }

    /// A fixture of a store that decorates another and leaves the logs of contracts to it.
    pub fn of<S: BalanceStore + PointsStore + EventStore + AuditReads + Archive>(
        store: Arc<S>,
        logs: Arc<dyn LogStore>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self { fixture: Fixture::of(store.clone(), logs, guard), archive: store }
    }

    /// Exports all that the store holds.
    pub async fn export(&self) -> Records {
        let mut records = Records::default();
        self.archive.export(&mut records).await.expect("the store can be read");
        records
    }

    /// Imports what another store exported, as an act of [`operator`].
    pub async fn import(&self, mut records: Records) -> Result<(), StoreError> {
        self.archive.import(&mut records, &operator()).await
    }
}

/// Records in memory: a sink, and a source that returns its records from the front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records(pub VecDeque<ArchiveRecord>);

impl Records {
    /// Without the records of imports, which are all that a copy has more than its original.
    #[must_use]
    pub fn without_imports(mut self) -> Self {
        self.0.retain(|record| match record {
            ArchiveRecord::Audit(record) => record.act.action != Action::IMPORT_ARCHIVE,
            _ => true,
        });
        self
    }
}

#[async_trait]
impl RecordSink for Records {
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError> {
        self.0.push_back(record);
        Ok(())
    }
}

#[async_trait]
impl RecordSource for Records {
    async fn next(&mut self) -> Result<Option<ArchiveRecord>, StoreError> {
        Ok(self.0.pop_front())
    }
}
