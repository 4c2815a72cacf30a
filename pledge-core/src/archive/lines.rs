//! Archives as text: a line for the version, one line per record, a line for the summary.

use std::io::{BufRead, Read, Write};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{ArchiveRecord, RecordKind, Summary, Tally};
use crate::error::{StoreError, StoreErrorKind};
use crate::event::{EventEnvelope, EventSeq, SequencedEvent};
use crate::ports::{RecordSink, RecordSource};

/// What is written.
const VERSION: u32 = 5;
/// The earliest that is read. Format 3 added the records of persons' acts, format 4 what is paused and
/// halted, format 5 decisions about points.
const VERSION_MIN: u32 = 2;
/// The longest line that is read. The longest texts are reasons, which stores keep up to 16 MiB.
const LINE_BYTES_MAX: u64 = 64 << 20;
const READ: &str = "read an archive";
const WRITE: &str = "write an archive";

/// The first line: the format's version.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    pledge_archive: u32,
}

/// Writes an archive. It is whole only after [`LineWriter::finish`].
#[derive(Debug)]
pub struct LineWriter<W> {
    writer: W,
    tally: Tally,
}

impl<W: Write> LineWriter<W> {
    /// Begins an archive. Each line is one write, so pass a buffered writer.
    pub fn new(writer: W) -> Result<Self, StoreError> {
        let mut lines = Self { writer, tally: Tally::default() };
        lines.write_json(&Head { pledge_archive: VERSION })?;
        Ok(lines)
    }

    /// Ends the archive and flushes the writer.
    pub fn finish(mut self) -> Result<Summary, StoreError> {
        let summary = self.tally.summary();
        self.write_json(&summary)?;
        self.writer.flush().map_err(unwritten)?;
        Ok(summary)
    }

    fn write_json(&mut self, line: &impl Serialize) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(line)
            .map_err(|error| StoreError::invalid(WRITE, "a line has no text").caused_by(error))?;
        line.push(b'\n');
        self.writer.write_all(&line).map_err(unwritten)
    }
}

#[async_trait]
impl<W: Write + Send> RecordSink for LineWriter<W> {
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError> {
        let line = record.line()?;
        self.tally.add(record.kind(), &line);
        self.writer.write_all(&line).map_err(unwritten)
    }
}

fn unwritten(error: std::io::Error) -> StoreError {
    let kind = StoreErrorKind::Unavailable;
    StoreError::new(kind, WRITE, "the archive cannot be written").caused_by(error)
}

/// Reads an archive. Text that [`LineWriter`] would not write is refused by the number of its line.
#[derive(Debug)]
pub struct LineReader<R> {
    reader: R,
    number: u64,
    bytes: u64,
    tally: Tally,
    summary: Option<Summary>,
}

impl<R: BufRead> LineReader<R> {
    /// Reads the first line. `Invalid` for a file that is no archive, or one of another version.
    pub fn new(reader: R) -> Result<Self, StoreError> {
        let mut lines =
            Self { reader, number: 0, bytes: 0, tally: Tally::default(), summary: None };
        let line = lines.line()?;
        let Ok(Head { pledge_archive }) = serde_json::from_slice(&line) else {
            return Err(lines.refuse("this is no archive of pledge"));
        };
        if !(VERSION_MIN..=VERSION).contains(&pledge_archive) {
            let detail = format!(
                "the archive has format {pledge_archive} and this release reads {VERSION_MIN} to {VERSION}: import it \
                 with a release that reads that format, into a database that this one then migrates"
            );
            return Err(lines.refuse(&detail));
        }
        Ok(lines)
    }

    /// The number of bytes read.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The summary, once the last record was read.
    pub const fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    fn line(&mut self) -> Result<Vec<u8>, StoreError> {
        self.number += 1;
        let mut line = Vec::new();
        let mut bounded = self.reader.by_ref().take(LINE_BYTES_MAX);
        let read = bounded.read_until(b'\n', &mut line);
        read.map_err(|error| {
            let detail = format!("line {} cannot be read", self.number);
            StoreError::new(StoreErrorKind::Unavailable, READ, detail).caused_by(error)
        })?;
        self.bytes += line.len() as u64;
        Ok(line)
    }

    fn read(&mut self) -> Result<Option<ArchiveRecord>, StoreError> {
        if self.summary.is_some() {
            return Ok(None);
        }
        let line = self.line()?;
        if !line.ends_with(b"\n") {
            return Err(self.refuse("the archive was cut short here: export it again"));
        }
        if !line.starts_with(br#"{"record":"#) {
            return self.end(&line).map(|()| None);
        }
        let record =
            record(&line).map_err(|error| self.refuse("this is no record").caused_by(error))?;
        if record.line()? != line {
            return Err(self.refuse("this line is not exactly the text of its record"));
        }
        self.tally.add(record.kind(), &line);
        Ok(Some(record))
    }

    /// Checks the last line, and that nothing follows it.
    fn end(&mut self, line: &[u8]) -> Result<(), StoreError> {
        let stated: Summary = serde_json::from_slice(line)
            .map_err(|error| self.refuse("this is no record").caused_by(error))?;
        let found = self.tally.summary();
        if stated.counts != found.counts {
            return Err(self.refuse("records are missing, or there are too many"));
        }
        if stated.digest != found.digest {
            let (stated, found) = (stated.digest, found.digest);
            let detail = format!("the archive was altered: its digest is {found}, not {stated}");
            return Err(self.refuse(&detail));
        }
        if !self.line()?.is_empty() {
            return Err(self.refuse("the archive goes on behind its end"));
        }
        self.summary = Some(found);
        Ok(())
    }

    fn refuse(&self, detail: &str) -> StoreError {
        StoreError::invalid(READ, format!("line {}: {detail}", self.number))
    }
}

/// The record of a line. An event's JSON is read as it is, so it has no other on the way.
fn record(line: &[u8]) -> serde_json::Result<ArchiveRecord> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct EventLine {
        #[serde(rename = "record")]
        _kind: RecordKind,
        sequence: EventSeq,
        event: EventEnvelope,
    }
    if !line.starts_with(br#"{"record":"event","#) {
        return serde_json::from_slice(line);
    }
    let EventLine { sequence, event, .. } = serde_json::from_slice(line)?;
    Ok(ArchiveRecord::Event(SequencedEvent { sequence, event }))
}

#[async_trait]
impl<R: BufRead + Send> RecordSource for LineReader<R> {
    async fn next(&mut self) -> Result<Option<ArchiveRecord>, StoreError> {
        self.read()
    }
}
