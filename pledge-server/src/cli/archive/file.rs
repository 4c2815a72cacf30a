//! The file of an archive: either complete or absent.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use tempfile::{NamedTempFile, PersistError};

const NAME: &str = "ledger.jsonl";
const BUFFER_BYTES: usize = 1 << 20;

/// An archive that is being written, in the folder of its final file. Dropping it unfinished
/// deletes it.
pub(super) struct PartialFile {
    file: NamedTempFile,
    place: PathBuf,
}

impl PartialFile {
    /// Starts an archive in a folder, which must not contain one already.
    pub(super) fn begin(folder: &Path) -> anyhow::Result<Self> {
        let place = folder.join(NAME);
        if place.exists() {
            bail!("`{}` is there already: name another folder, or remove it", place.display());
        }
        let unwritten = |error: io::Error| {
            let folder = folder.display();
            anyhow!(
                "--to: cannot write to the folder `{folder}` ({error}): make it writable, \
                 or name another"
            )
        };
        fs::create_dir_all(folder).map_err(unwritten)?;
        // In the same folder: only within one file system is the last step a rename.
        let file = NamedTempFile::with_prefix_in(format!(".{NAME}."), folder);
        Ok(Self { file: file.map_err(unwritten)?, place })
    }

    pub(super) fn writer(&self) -> anyhow::Result<BufWriter<File>> {
        let file = self.file.reopen().context("the archive cannot be opened")?;
        Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
    }

    /// Syncs the file, moves it to its final path and returns that path.
    pub(super) fn finish(self) -> anyhow::Result<String> {
        let Self { file, place } = self;
        file.as_file().sync_all().context("the archive cannot be written")?;
        let shown = place.display().to_string();
        // An archive that appeared since `begin` is not written over.
        let persisted = file.persist_noclobber(&place);
        persisted.map_err(|PersistError { error, .. }| {
            anyhow!(
                "the archive cannot be moved to `{shown}` ({error}): does one exist there by now?"
            )
        })?;
        Ok(shown)
    }
}

/// An existing archive.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// Opens the archive of a folder.
pub(super) fn open(folder: &Path) -> anyhow::Result<(Found, BufReader<File>)> {
    let place = folder.join(NAME);
    let name = place.display().to_string();
    let file = File::open(&place).with_context(|| {
        format!("--from: there is no archive `{name}`: name the folder of one that `pledge export` wrote")
    })?;
    let bytes = file.metadata().with_context(|| name.clone())?.len();
    Ok((Found { name, bytes }, BufReader::with_capacity(BUFFER_BYTES, file)))
}
