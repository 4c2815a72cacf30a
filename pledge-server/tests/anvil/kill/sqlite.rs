//! `SQLite`: one file, one writer at a time.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};
use tempfile::TempDir;

use super::backend::{Backend, Look, Progress};

/// `SQLITE_BUSY`: another program has begun to write and not ended.
const BUSY: &str = "5";

/// A file of its own.
pub(super) struct File(TempDir);

impl File {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("pledge.db")
    }
}

impl Backend for File {
    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    /// The connection ends before the process does: a file that is still open when a process dies
    /// is not recovered by the next one.
    async fn look(&mut self) -> Look {
        let options = SqliteConnectOptions::new().filename(self.path());
        let mut db = options.busy_timeout(std::time::Duration::ZERO).connect().await.unwrap();
        let is_writing = match db.execute("BEGIN IMMEDIATE").await {
            Ok(_) => {
                db.execute("ROLLBACK").await.unwrap();
                false
            }
            Err(error) => {
                let code = error.as_database_error().and_then(|error| error.code());
                assert_eq!(code.as_deref(), Some(BUSY), "{error}");
                true
            }
        };
        let progress = sqlx::query_as(Progress::QUERY).fetch_optional(&mut db).await.unwrap();
        db.close().await.unwrap();
        Look { is_writing, progress: Progress::of(progress) }
    }

    /// The locks of a process go with it.
    async fn has_forgotten_the_dead(&mut self) {}
}
