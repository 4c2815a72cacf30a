//! How long we wait for a server that does not answer.

use std::time::Duration;

use pledge_storage_sql::Fault;

use crate::error::fault;

/// How long a store waits for its server. A network may fail silently: then an answer never
/// comes, and only a clock notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection that is ready for use.
    pub connection: Duration,
    /// For the answer to one statement. Afterwards its connection is closed and the call is
    /// `Unavailable`; where it was the commit, the write may be there or not.
    pub answer: Duration,
}

impl Timeouts {
    /// 10 seconds for a connection, 60 for an answer: our statements take milliseconds, and one
    /// that waits for a lock is refused by the server after 5 seconds.
    pub const DEFAULT: Self =
        Self { connection: Duration::from_secs(10), answer: Duration::from_secs(60) };
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Waits for the answers of one connection.
#[derive(Debug)]
pub(crate) struct Listener {
    patience: Duration,
    has_given_up: bool,
}

impl Listener {
    pub(crate) const fn new(patience: Duration) -> Self {
        Self { patience, has_given_up: false }
    }

    /// What the server answers, if it does so in time.
    pub(crate) async fn wait_for<T>(
        &mut self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let answered = tokio::time::timeout(self.patience, answer).await;
        answered.unwrap_or_else(|_| {
            self.has_given_up = true;
            Err(silence(self.patience))
        })
    }

    /// Whether an answer is still due: then what comes next on the connection is not the next
    /// answer.
    pub(crate) const fn has_given_up(&self) -> bool {
        self.has_given_up
    }
}

/// What comes of a few statements, if the server answers all of them in time.
pub(crate) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let answered = tokio::time::timeout(patience, answer).await;
    answered.unwrap_or_else(|_| Err(fault(silence(patience))))
}

pub(crate) fn silence(patience: Duration) -> sqlx::Error {
    let text = format!("the server has not answered for {patience:?}");
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}
