//! `pledge export` and `pledge import`: a whole ledger in one file, between any two stores.

mod counted;
mod file;

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use clap::Args;
use pledge_core::archive::{ArchiveRecord, LineReader, LineWriter, Summary, Tally};
use pledge_core::audit::{AuditObject, Reason};
use pledge_core::error::StoreError;
use pledge_core::ports::{Archive, RecordSink};
use serde::Serialize;

use self::counted::{CountedSink, CountedSource};
use self::file::{PartialFile, open};
use super::acting::attribution;
use super::{Context, Verdict};
use crate::config::{ConfigError, Key};
use crate::output::counted;
use crate::stores::{self, Stores};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The folder for the archive, created if it does not exist
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The folder of an archive
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The reason, kept with who did it
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
}

/// What was moved. Equal digests mean equal ledgers.
#[derive(Debug, Serialize)]
struct Moved {
    from: String,
    to: String,
    #[serde(flatten)]
    summary: Summary,
}

pub(super) async fn export(context: Context, args: ExportArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    let stores = stores::open_to_read(&config.storage).await?;
    let part = PartialFile::begin(&args.to)?;
    let written = context.stop.run_until_cancelled(write(&context, &stores, part)).await;
    let (to, summary) = written.context("stopped: the unfinished archive was deleted")??;
    stores.close().await;
    let moved = Moved { from: config.storage.url.to_string(), to, summary };
    context.output.print(&moved)?;
    Ok(Verdict::Fine)
}

async fn write(
    context: &Context,
    stores: &Stores,
    part: PartialFile,
) -> anyhow::Result<(String, Summary)> {
    let mut lines = LineWriter::new(part.writer()?)?;
    let mut sink = CountedSink::new(&mut lines, context.progress.work("export"));
    stores.archive.export(&mut sink).await?;
    let summary = lines.finish()?;
    Ok((part.finish()?, summary))
}

pub(super) async fn import(context: Context, args: ImportArgs) -> anyhow::Result<Verdict> {
    let config = context.config()?;
    if !config.storage.url.keeps() {
        let key = Key::root("storage").child("url");
        let what = format!("`{}` keeps nothing: name a file or a server", config.storage.url);
        return Err(ConfigError::at(&key, what).into());
    }
    let by = attribution(args.reason.as_ref())?;
    let (from, reader) = open(&args.from)?;
    let bytes = from.bytes;
    // Its first line is read before the store is opened, so that a wrong file makes no database.
    let mut lines = LineReader::new(reader)?;
    let stores = stores::open_alone(&config.storage).await?;
    let progress = context.progress.work("import");
    let mut source = CountedSource::new(&mut lines, progress, bytes);
    let imported = stores.archive.import(&mut source, &by);
    let imported = context.stop.run_until_cancelled(imported).await;
    // A call dropped during its commit may have been committed.
    imported.context(
        "stopped: the import is there whole or not at all; `pledge status` shows which",
    )??;
    let summary = lines.summary().context("the archive ended without its summary")?.clone();
    check(&*stores.archive, &summary).await?;
    stores.close().await;
    let moved = Moved { from: from.name, to: config.storage.url.to_string(), summary };
    context.output.print(&moved)?;
    Ok(Verdict::Fine)
}

/// Sums up what was imported: all but the record of the import, which no archive has of itself.
struct Imported {
    tally: Tally,
    archive: AuditObject,
}

#[async_trait]
impl RecordSink for Imported {
    async fn put(&mut self, record: ArchiveRecord) -> Result<(), StoreError> {
        match &record {
            ArchiveRecord::Audit(audit) if audit.act.object == self.archive => Ok(()),
            _ => self.tally.put(record).await,
        }
    }
}

/// Exports the store again and compares the digest with that of the archive.
async fn check(archive: &dyn Archive, expected: &Summary) -> anyhow::Result<()> {
    let own = AuditObject::archive(expected.digest);
    let mut imported = Imported { tally: Tally::default(), archive: own };
    archive.export(&mut imported).await?;
    let found = imported.tally.summary();
    ensure!(
        found == *expected,
        "what was imported reads back with digest {}, not {}: do not use this database, and report \
         this bug",
        found.digest,
        expected.digest
    );
    Ok(())
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, summary } = self;
        writeln!(f, "{from} -> {to}")?;
        let counts = summary.counts.iter().map(|(kind, count)| counted(*count, &kind.to_string()));
        let counts = counts.collect::<Vec<_>>().join(", ");
        writeln!(f, "  {}", if counts.is_empty() { "no records" } else { &counts })?;
        writeln!(f, "  digest {}", summary.digest)
    }
}
