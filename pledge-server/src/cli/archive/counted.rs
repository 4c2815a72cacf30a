//! Counts records while they are exported or imported, to show progress.

use std::io::{BufRead, Write};

use async_trait::async_trait;
use pledge_core::archive::{ArchiveRecord, LineReader, LineWriter};
use pledge_core::error::StoreError;
use pledge_core::ports::{RecordSink, RecordSource};

use crate::output::counted;
use crate::progress::{Step, WorkProgress};

/// Records between two progress reports.
const STRIDE: u64 = 1_000;

/// A sink that reports how many records it took. The total is not known in advance.
pub(super) struct CountedSink<'a, W> {
    lines: &'a mut LineWriter<W>,
    progress: WorkProgress,
    records: u64,
}

impl<'a, W> CountedSink<'a, W> {
    pub(super) const fn new(lines: &'a mut LineWriter<W>, progress: WorkProgress) -> Self {
        Self { lines, progress, records: 0 }
    }
}

#[async_trait]
impl<W: Write + Send> RecordSink for CountedSink<'_, W> {
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError> {
        self.lines.put(record).await?;
        self.records += 1;
        if self.records.is_multiple_of(STRIDE) {
            self.progress.moved(&step(self.records, (0, 0)));
        }
        Ok(())
    }
}

/// A source that reports its position in the file.
pub(super) struct CountedSource<'a, R> {
    lines: &'a mut LineReader<R>,
    progress: WorkProgress,
    bytes: u64,
    records: u64,
}

impl<'a, R> CountedSource<'a, R> {
    /// A source over a file of `bytes` bytes.
    pub(super) const fn new(
        lines: &'a mut LineReader<R>,
        progress: WorkProgress,
        bytes: u64,
    ) -> Self {
        Self { lines, progress, bytes, records: 0 }
    }
}

#[async_trait]
impl<R: BufRead + Send> RecordSource for CountedSource<'_, R> {
    async fn next(&mut self) -> Result<Option<ArchiveRecord>, StoreError> {
        let record = self.lines.next().await?;
        self.records += 1;
        if self.records.is_multiple_of(STRIDE) {
            self.progress.moved(&step(self.records, (self.lines.bytes(), self.bytes)));
        }
        Ok(record)
    }
}

fn step(records: u64, (done, total): (u64, u64)) -> Step {
    Step { done, total, text: counted(records, "record"), counted: records, unit: "records" }
}
