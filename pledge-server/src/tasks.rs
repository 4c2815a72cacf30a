//! The tasks of a running server: one that indexes and one that settles for each chain, one each
//! that delivers events, removes old ones, watches the store's file and keeps the lease, and the
//! HTTP server. A failure of one chain never stops another; a task that panics ends the process.

mod ability;
mod assignment;
mod background;
mod board;
mod edges;
mod event_log;
mod follow;
mod incidents;
mod inspection;
mod notify;
mod process;
mod prune;
mod register;
mod settle;
mod turn;
mod wake;

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::stores::Stores;

pub use assignment::{AssignmentWatch, Sharing};
pub use background::keep_background;
pub use board::show_board;
pub(crate) use edges::EdgeSearch;
pub use follow::Follower;
pub(crate) use follow::INDEXING;
pub(crate) use incidents::Incident;
pub use incidents::{Incidents, OpenIncident};
pub use inspection::Start;
pub use notify::{keep_notifying, log_dispatcher};
pub use process::{ThisProcess, keep_pulse};
pub use prune::{keep_pruning, keep_pruning_access};
pub use settle::{SettleTask, Wakes, settle_chain};
pub(crate) use settle::{ShownSettlement, failed_batches, is_settled};

/// How long tasks may take to stop before they are aborted. Nothing is lost: every write is one
/// transaction.
const GRACE: Duration = Duration::from_secs(3);

/// A passing failure is reported once it has blocked the work for this long.
const STANDSTILL: Duration = Duration::from_secs(60);

/// The running tasks.
pub type Tasks = JoinSet<anyhow::Result<()>>;

/// Waits until every task has ended. The first that fails, or panics, stops the others.
pub async fn supervise(mut tasks: Tasks, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    // The grace period runs inside the loop, so tasks that end in time are still checked for
    // errors.
    let grace_over = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::pin!(grace_over);
    loop {
        let ended = tokio::select! {
            ended = tasks.join_next() => ended,
            () = &mut grace_over => {
                tracing::warn!(tasks = tasks.len(), "tasks did not stop in time, aborting them");
                tasks.abort_all();
                return outcome;
            }
        };
        let Some(ended) = ended else {
            return outcome;
        };
        let ended = result_of(ended).and_then(|()| {
            anyhow::ensure!(stop.is_cancelled(), "a task ended although nobody stopped it");
            Ok(())
        });
        if let Err(error) = ended {
            stop.cancel();
            outcome = outcome.and(Err(error));
        }
    }
}

/// Fails once the store can never be written to again.
pub async fn watch_store(stores: Stores, stop: CancellationToken) -> anyhow::Result<()> {
    stop.run_until_cancelled(stores.lost()).await.map_or(Ok(()), Err)
}

/// Waits until a task has to run again: after the delay if it failed, else when something moved, at
/// the latest after `interval`.
async fn until_due(after_failure: Option<Duration>, interval: Duration, moved: &Notify) {
    match after_failure {
        Some(delay) => tokio::time::sleep(delay).await,
        None => tokio::select! {
            () = moved.notified() => {}
            () = tokio::time::sleep(interval) => {}
        },
    }
}

fn result_of(ended: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    ended
        .map_err(|error| anyhow!(error))
        .context("a task ended unexpectedly: this is a bug in pledge")?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient(stop: &CancellationToken) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let stop = stop.clone();
        async move {
            stop.cancelled().await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_stops_the_others_and_is_an_error() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new();
        tasks.spawn(patient(&stop));
        tasks.spawn(async { panic!("on purpose") });
        let error = supervise(tasks, &stop).await.unwrap_err();
        assert!(format!("{error:#}").contains("on purpose"), "{error:#}");
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_task_that_ends_early_is_an_error() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new();
        tasks.spawn(patient(&stop));
        tasks.spawn(async { Ok(()) });
        assert!(supervise(tasks, &stop).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_aborted() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new();
        tasks.spawn(std::future::pending());
        stop.cancel();
        let asked = tokio::time::Instant::now();
        assert!(supervise(tasks, &stop).await.is_ok());
        assert!(asked.elapsed() <= Duration::from_secs(5));
    }
}
