//! The files of a database, as the directory has them.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pledge_storage_sql::Fault;

/// The database and its log, which must stay the same while they are open. Where one is deleted or
/// replaced, SQLite goes on with a file that has no name any more, and all of it is gone with the
/// process.
#[derive(Debug)]
pub(crate) struct Files(Vec<(PathBuf, Identity)>);

/// Device and inode.
type Identity = (u64, u64);

impl Files {
    /// Those of a database that is open.
    pub(crate) fn of(database: &Path) -> io::Result<Self> {
        let database = std::path::absolute(database)?;
        let with_identity = |path: PathBuf| identity(&path).map(|identity| (path, identity));
        let both = [log_of(&database), database].map(with_identity);
        both.into_iter().collect::<io::Result<_>>().map(Self)
    }

    /// Whether they are still there.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        for (path, opened) in &self.0 {
            let now = identity(path);
            if now.as_ref().is_ok_and(|now| now == opened) {
                continue;
            }
            let what = if now.is_ok() { "is another file now" } else { "is not there any more" };
            let detail = format!(
                "`{}` {what}: it was replaced while it was open, and nothing more is written; start \
                 again on the file that is right",
                path.display()
            );
            let fault = Fault::unavailable(detail);
            return Err(match now {
                Ok(_) => fault,
                Err(error) => fault.caused_by(error),
            });
        }
        Ok(())
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    fs::metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Makes a file for its owner alone, unless it is there. Its log and index get the same rights.
pub(crate) fn create(path: &Path) {
    // SQLite reports whatever is wrong with the place when it opens it.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

/// Where SQLite keeps what is not yet in the database itself.
pub(crate) fn log_of(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push("-wal");
    path.into()
}
