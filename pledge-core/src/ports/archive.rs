//! Copying a whole ledger from one store into another.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::archive::ArchiveRecord;
use crate::audit::Attribution;
use crate::error::StoreError;

/// Where an export goes, record by record.
#[async_trait]
pub trait RecordSink: Send {
    /// Takes the next record.
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError>;
}

/// Where an import comes from, record by record.
#[async_trait]
pub trait RecordSource: Send {
    /// The next record; `None` after the last one of a whole archive. A truncated or altered
    /// archive ends with an error.
    async fn next(&mut self) -> Result<Option<ArchiveRecord>, StoreError>;
}

/// Copies everything a store holds: chains, ledgers, points, events. Pending blocks are not part of
/// it, nor are edges, which are found again.
///
/// # Contract
/// - An export reads one snapshot and waits for no write. Stores with the same content give the
///   same records in the same order, whatever their backend.
/// - An export holds a bounded part of the ledger in memory at a time, unless the store is memory.
/// - An import goes into an empty store: one that holds anything is `Invalid`.
/// - An import happens whole or not at all. Records that do not fit together
///   ([`FittingRecords`](crate::archive::FittingRecords)) are `Invalid`; an error of the source is
///   returned unchanged.
/// - An import of records leaves one of its own behind those of the archive, in the same write: who took
///   over which archive, by its digest ([`AuditReads`](super::AuditReads)).
/// - Afterwards the store answers, continues and rewinds as the original would: a settlement under
///   way stays under way, and event numbers continue.
///
/// ```
/// use std::time::SystemTime;
///
/// use pledge_core::archive::{LineReader, LineWriter};
/// use pledge_core::audit::Attribution;
/// use pledge_core::ports::{Archive, LedgerReads, Registry};
/// use pledge_core::types::ChainId;
/// use pledge_storage_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// store.register_chain(ChainId::new(1), "ethereum").await?;
///
/// let mut file = Vec::new();
/// let mut lines = LineWriter::new(&mut file)?;
/// store.export(&mut lines).await?;
/// let written = lines.finish()?;
///
/// let copy = MemoryStore::new();
/// let mut lines = LineReader::new(file.as_slice())?;
/// copy.import(&mut lines, &Attribution::program("backup", SystemTime::now())?).await?;
/// assert_eq!(lines.summary(), Some(&written));
/// assert_eq!(copy.chains().await?, store.chains().await?);
/// # Ok(())
/// # }
/// ```
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Archive: Debug + Send + Sync + 'static {
    /// Writes every record of the store to the sink.
    async fn export(&self, sink: &mut dyn RecordSink) -> Result<(), StoreError>;

    /// Reads every record from the source into this empty store.
    async fn import(
        &self,
        source: &mut dyn RecordSource,
        by: &Attribution,
    ) -> Result<(), StoreError>;
}
