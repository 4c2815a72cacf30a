//! What a killed process writes to, as another program sees it.

/// A database that processes are killed over.
pub(super) trait Backend {
    /// The value for `storage.url`.
    fn url(&self) -> String;

    /// What a stopped process was doing.
    async fn look(&mut self) -> Look;

    /// Waits until nothing of a dead process is still running in the database.
    async fn has_forgotten_the_dead(&mut self);
}

/// A stopped process, by its database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Whether it holds an open write transaction.
    pub(super) is_writing: bool,
    /// What is committed.
    pub(super) progress: Progress,
}

/// How far ledger and points are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// Height of the newest block in the ledger.
    pub(super) confirmed: u64,
    time: u64,
    settled: u64,
}

const WINDOW_SECONDS: u64 = 3_600;

impl Progress {
    /// The cursor and the shard that is furthest behind, as texts, which every database has.
    pub(super) const QUERY: &str = "SELECT CAST(coalesce(cursor_block, 0) AS CHAR), \
         CAST(coalesce(cursor_time, 0) AS CHAR), CAST(coalesce(( \
         SELECT min(coalesce(settled, 0)) FROM shard_progress), 0) AS CHAR) FROM token";

    /// Reads the row, if a token is there already.
    pub(super) fn of(row: Option<(String, String, String)>) -> Self {
        let Some((confirmed, time, settled)) = row else {
            return Self::default();
        };
        let [confirmed, time, settled] = [confirmed, time, settled].map(|n| n.parse().unwrap());
        Self { confirmed, time, settled }
    }

    /// Whether windows are closed that some shard has not settled.
    pub(super) const fn has_to_settle(&self) -> bool {
        self.settled < self.time - self.time % WINDOW_SECONDS
    }
}
